"""`bench list --devices`: a vendor's backend that is broken, crashes or hangs costs its own answer and no other."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from bench.host.probe import probe_backends

from ..vendors import install
from .things import Command, complaint

CRASH = """
import ctypes
class Crashing(Backend):
    def devices(self):
        ctypes.string_at(0)
BACKEND = Crashing()
"""
RAISE = """
class Raising(Backend):
    def devices(self):
        raise OSError("no driver\\non this host")
BACKEND = Raising()
"""
LEAVE = """
class Leaving(Backend):
    def devices(self):
        os._exit(7)
BACKEND = Leaving()
"""
RUBBISH = """
class Talking(Backend):
    def devices(self):
        return ["gpu", 1]
BACKEND = Talking()
"""
TALK = """
import atexit
class Talking(Backend):
    def devices(self):
        print("vendor driver 1.2 loaded")
        atexit.register(print, "bye")
        return [Device(kind="npu", title="Acme One")]
BACKEND = Talking()
"""
HANG = """
class Hanging(Backend):
    def devices(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        time.sleep(600)
BACKEND = Hanging()
"""
HELPER = """
class Helped(Backend):
    def devices(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        return [Device(kind="npu")]
BACKEND = Helped()
"""


BROKEN = {
    "raising": ("raise RuntimeError('needs driver 3')", "cannot be imported: RuntimeError: needs driver 3"),
    "missing": ("import nosuchmodule", "ModuleNotFoundError: No module named 'nosuchmodule'"),
    "exiting": ("raise SystemExit(1)", "cannot be imported: SystemExit: 1"),
    "bare": ("BACKEND = object()", "lacks name, devices, compile"),
    "without": ("del BACKEND", "BACKEND"),
    "crashing": (CRASH, "was ended by SIGSEGV"),
    "driverless": (RAISE, "OSError: no driver on this host"),
    "leaving": (LEAVE, "ended with code 7"),
    "rubbish": (RUBBISH, "Expected `object`, got `str` - at `$[0]`"),
}


def test_broken_backends_are_told_and_the_others_answer(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them on one machine, with one that talks on stdout."""
    for name, (source, _) in {**BROKEN, "talking": (TALK, "")}.items():
        install(tmp_path / "site", source, monkeypatch, f"acme_{name}")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delenv("COLUMNS", raising=False)  # each line as long as it is
    outcome = bench("list", "--devices")
    assert outcome.code == 0
    assert "Traceback" not in outcome.out + outcome.err
    lines = outcome.out.splitlines()
    for name, (_, said) in BROKEN.items():
        (line,) = [line for line in lines if line.startswith(f"acme_{name}:")]
        assert "no devices" in line
        assert said in line
    assert any(line.startswith("  cpu:0") for line in lines), "the others answered"
    assert "acme_talking:\n  npu:0    Acme One  [fp32]" in outcome.out


def test_a_hanging_driver_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", HANG, monkeypatch)
    before = {process.pid for process in psutil.process_iter()}
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    (probe,) = probe_backends(["acme"], timeout_s=1.0)
    assert probe.devices == ()
    assert probe.why == "its driver gave no answer within 1 s"
    nothing_sleeps_on(before)


def test_a_helper_that_a_driver_leaves_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", HELPER, monkeypatch)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    before = {process.pid for process in psutil.process_iter()}
    (probe,) = probe_backends(["acme"], timeout_s=5.0)
    assert [device.kind for device in probe.devices] == ["npu"]
    nothing_sleeps_on(before)


def nothing_sleeps_on(before: set[int]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        left = [process for process in psutil.process_iter(["cmdline"]) if process.pid not in before]
        if not any("time.sleep(600)" in " ".join(process.info["cmdline"] or ()) for process in left):
            return
        time.sleep(0.05)
    raise AssertionError("a driver's helper is left running")


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("raise RuntimeError('needs driver 3')", 2, "cannot be imported: RuntimeError: needs driver 3"),
        ("Backend.devices = lambda self: []", 2, "It sees none here"),
        ("Backend.compile = lambda *a: 1 / 0", 11, "ZeroDivisionError: division by zero"),
    ],
)
def test_a_run_on_a_broken_backend(
    bench: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, code: int, said: str
) -> None:
    install(tmp_path / "site", source, monkeypatch)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    outcome = bench("run", "--model", model, "--backend", "acme", "--scenario", "offline", "--format", "json")
    assert outcome.code == code
    assert said in complaint(outcome)


def test_devices_and_a_kind_do_not_go_together(bench: Command) -> None:
    outcome = bench("list", "run", "--devices")
    assert outcome.code == 2
    assert "it does not go with 'run'" in complaint(outcome)
