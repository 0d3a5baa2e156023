"""`bench.host.probe`: a driver that crashes, hangs or talks costs one answer; the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.host.probe import probe_backends

from ..vendors import install, is_gone

DEVICES = "def devices(self):\n    {}\nBackend.devices = devices"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def why(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, timeout_s: float = 60.0) -> str:
    install(folder / "site", DEVICES.format(body), monkeypatch)
    (probe,) = probe_backends(["acme"], timeout_s)
    assert probe.devices == ()
    assert probe.why is not None
    assert "\n" not in probe.why
    return probe.why


def test_backends_are_asked_in_the_order_given() -> None:
    fake, unknown = probe_backends(["fake", "fakee"])
    assert [device.address for device in fake.devices] == ["cpu:0", "card:0", "card:1"]
    assert unknown.why is not None
    assert "Did you mean 'fake'" in unknown.why


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise RuntimeError('no driver\\n  loaded')", "RuntimeError: no driver"),
        ("os.abort()", "the process that asked its driver for devices was ended by SIGABRT"),
        ("os._exit(0)", "the process that asked its driver for devices ended with code 0"),
        ("sys.exit(0)", "ended with code 0"),
        ("return []", "the backend sees none on this host"),
        ("return 'nonsense'", "Expected"),
        ("print('{}'); os._exit(1)", "ended with code 1"),
    ],
)
def test_a_broken_driver_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    assert words in why(tmp_path, monkeypatch, body)


def test_a_hanging_driver_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no answer within 1 s" in why(tmp_path, monkeypatch, "time.sleep(600)", timeout_s=1.0)


def test_a_driver_that_talks_is_heard_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "print('welcome'); import atexit; atexit.register(print, 'bye'); return [Device(kind='cpu', index=3)]"
    install(tmp_path / "site", DEVICES.format(body), monkeypatch)
    (probe,) = probe_backends(["acme"])
    assert [device.address for device in probe.devices] == ["cpu:3"]


def test_a_helper_that_a_driver_leaves_behind_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = "subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid"
    body = f"open({str(tmp_path / 'pid')!r}, 'w').write(str({helper})); os._exit(1)"
    assert "ended with code 1" in why(tmp_path, monkeypatch, body)
    assert is_gone(int((tmp_path / "pid").read_text()))


UNUSABLE = """
def devices(self):
    return [Device(kind='npu')]

def unusable(self):
    {}

Backend.devices, Backend.unusable = devices, unusable
"""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return {'npu:1': 'it is busy'}", {"npu:1": "it is busy"}),
        ("raise RuntimeError('no driver')", {}),
        ("os.abort()", {"others": "the process that asked its driver for devices was ended by SIGABRT"}),
        ("os._exit(9)", {"others": "the process that asked its driver for devices ended with code 9"}),
    ],
)
def test_what_cannot_be_used_is_told_beside_what_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, told: dict[str, str]
) -> None:
    install(tmp_path / "site", UNUSABLE.format(body), monkeypatch)
    (probe,) = probe_backends(["acme"])
    assert [device.address for device in probe.devices] == ["npu:0"]
    assert probe.unusable == told


@pytest.mark.full
def test_a_driver_that_hangs_when_it_is_asked_for_more_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", UNUSABLE.format("time.sleep(600)"), monkeypatch)
    (probe,) = probe_backends(["acme"], timeout_s=20.0)
    assert [device.address for device in probe.devices] == ["npu:0"]
    assert probe.unusable == {"others": "its driver gave no answer within 20 s"}
