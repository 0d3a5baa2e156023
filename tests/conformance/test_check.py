"""`bench backend check`: sound backends pass, and each way of breaking the contract is found under its own name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.backends.registry import load_backend
from bench.conformance.process import Refused, Request, check_answers, check_backend, check_memory
from bench.records.conformance import CHECKS, ONNX_NODE, Verdict
from bench.text import LANGUAGES
from bench.text.catalogue import catalogue

from ..cli.conftest import bench, quiet_signals  # noqa: F401 - fixtures
from ..cli.things import Command, complaint
from ..vendors import install

# A vendor's backend that is right: onnxruntime behind the house's own checks. Sources of tests change parts of it.
SOUND = """
from bench.backends.onnxruntime import BACKEND as REAL

class Session(Session):
    def __init__(self, session):
        self.session = session
    def run(self, batch, out):
        self.session.run(batch, out)

class Compiled:
    def __init__(self, real):
        self.real, self.facts = real, real.facts
    def open(self, worker):
        return Session(self.real.open(worker))
    def close(self):
        self.real.close()

class Backend(Backend):
    def compile(self, model, device, options):
        return Compiled(REAL.compile(model, device, options))

BACKEND = Backend()
"""
Ask = Callable[[Request, float], Iterator[Verdict]]
RUN = "\ndef run(self, batch, out):\n    {}\nSession.run = run\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Installs a vendor's backend and gives the verdicts on it."""

    def check(source: str, patience_s: float = 120.0, cycles: int = 1, ask: Ask = check_answers) -> list[Verdict]:
        install(tmp_path / "site", SOUND + source, monkeypatch)
        request = Request(backend="acme", device="cpu", workloads=("speech_command",), cycles=cycles)
        return list(ask(request, patience_s))

    return check


def failed(verdicts: list[Verdict]) -> dict[str, str]:
    return {verdict.code: verdict.seen for verdict in verdicts if verdict.state == "failed"}


@pytest.mark.parametrize("name", ["fake", "onnxruntime", "openvino", "torch"])
def test_our_own_backends_keep_the_contract(name: str) -> None:
    if name != "fake" and find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    verdicts = list(check_backend(Request(backend=name, device="cpu", workloads=("speech_command",), cycles=2)))
    assert failed(verdicts) == {}
    # Three on the backend as a whole; want of memory; and what comes only when device or process are lost.
    per_precision = len(CHECKS) - 6
    assert len(verdicts) == 3 + 1 + per_precision * len(load_backend(name).devices()[0].precisions)
    # The fake computes one sample at a time and never runs out; a device may have every precision.
    assert {verdict.code for verdict in verdicts if verdict.state != "passed"} <= {"missing-precision"} | (
        {"out-of-memory"} if name == "fake" else set()
    )


@pytest.mark.full
@pytest.mark.timeout(1800)  # two hundred openings of every network
@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "torch"])
def test_memory_is_returned_over_two_hundred_openings(name: str) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    assert failed(list(check_backend(Request(backend=name, device="cpu", cycles=200)))) == {}


def test_a_sound_vendor_passes(acme) -> None:  # type: ignore[no-untyped-def]
    verdicts = acme("")
    assert failed(verdicts) == {}
    assert {verdict.code for verdict in verdicts} == set(CHECKS) - {"out-of-memory", "device-lost", "process"}


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        (RUN.format("[array.fill(0) for array in out.values()]"), "agreement", "relative error up to 1; "),
        (RUN.format("self.session.run(batch, out); out['logits'][-1] = np.nan"), "agreement", "1 of 1 samples"),
        (RUN.format("self.session.run(batch, out); return out"), "agreement", "run() returned dict"),
        (RUN.format("pass"), "repeatability", "4 of 4 samples of a batch were left unwritten"),
        (
            RUN.format("self.session.run(batch, out); out['logits'] *= np.random.uniform(0.9, 1)"),
            "repeatability",
            "differs",
        ),
        (RUN.format("self.session.run(batch, out); batch['waveform'][0] = 7"), "inputs-untouched", "waveform"),
        (
            RUN.format("self.session.run({k: v.astype(np.int16) for k, v in batch.items()}, out)"),
            "wrong-type",
            "taken without a word",
        ),
        (
            RUN.format("self.session.run({k: np.resize(v, (len(v), 16000)) for k, v in batch.items()}, out)"),
            "wrong-shape",
            "taken without a word",
        ),
        (
            "SHARED = {}\n"
            + RUN.format(
                "SHARED['x'] = batch; time.sleep(0.05); self.session.run({k: v[:len(batch['waveform'])] "
                "for k, v in SHARED['x'].items()}, out)"
            ),
            "two-sessions",
            "while another session runs",
        ),
        (
            "import msgspec\ndef init(self, real):\n    self.real = real\n"
            "    self.facts = msgspec.structs.replace(real.facts, precision_executed='fp31')\nCompiled.__init__ = init",
            "facts",
            "precision_executed is 'fp31'",
        ),
        (
            "import fractions, msgspec\ndef init(self, real):\n    self.real = real\n"
            "    self.facts = msgspec.structs.replace(real.facts, compile_s=fractions.Fraction(1))\n"
            "Compiled.__init__ = init",
            "facts",
            "facts that no record can hold",
        ),
        ("KEPT = []\nCompiled.close = lambda self: KEPT.append(np.ones(1 << 18))", "memory-returned", "stay behind"),
        (
            "def close(self):\n    raise OSError('device\\nlost')\nCompiled.close = close",
            "closing",
            "OSError: device lost",
        ),
        (
            "real = Backend.compile\ndef compile(self, model, device, options):\n"
            "    import msgspec\n    return real(self, model, device, msgspec.structs.replace(options, settings={}))\n"
            "Backend.compile = compile",
            "unknown-setting",
            "taken without a word",
        ),
        (
            "real = Backend.compile\ndef compile(self, model, device, options):\n"
            "    from msgspec.structs import replace\n"
            "    return real(self, model, device, replace(options, precision='fp32'))\n"
            "Backend.compile = compile",
            "missing-precision",
            "taken without a word",
        ),
        (
            "real = Backend.compile\ndef compile(self, model, device, options):\n    try:\n"
            "        return real(self, model, device, options)\n    except EngineError as error:\n"
            "        raise ValueError(str(error))\nBackend.compile = compile",
            "broken-file",
            "ValueError where EngineError or Unsupported is due",
        ),
    ],
)
def test_what_a_backend_breaks_is_found(acme, source: str, code: str, said: str) -> None:  # type: ignore[no-untyped-def]
    found = failed(acme(source, cycles=4 if code == "memory-returned" else 1))
    assert said in found[code]
    assert "process" not in found


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (RUN.format("import ctypes; ctypes.string_at(0)"), "ended by SIGSEGV"),
        (RUN.format("os._exit(7)"), "ended with code 7"),
        (RUN.format("time.sleep(600)"), "no verdict within 15 s"),
    ],
)
def test_an_engine_that_ends_or_hangs_is_a_verdict(acme, source: str, said: str) -> None:  # type: ignore[no-untyped-def]
    verdicts = acme(source, patience_s=15.0)
    assert verdicts[-1].code == "process"
    assert verdicts[-1].seen == said
    assert any(verdict.state == "passed" for verdict in verdicts), "what was found before is told"


MEMORY = [
    # The batch is too large; the words are the backend's, and what it raises is what counts.
    ("raise EngineError('no room')", "failed", "no room at a batch of", "where OutOfMemory is due"),
    ("raise ValueError('no room')", "failed", "ValueError: no room at a batch of", "where OutOfMemory is due"),
    ("raise OutOfMemory('acme: no room')", "passed", "OutOfMemory: acme: no room", ""),
    ("bytearray(1 << 40)", "passed", "MemoryError", ""),
    ("raise Unsupported('acme: at most 64 at once')", "skipped", "at most 64 at once", ""),
    ("return", "failed", "run() returned at a batch of", "without an answer, where OutOfMemory is due"),
    ("return out['logits'].fill(0)", "skipped", "nothing ran out at a batch of", ""),
    ("os.abort()", "failed", "ended by SIGABRT", ""),
]


@pytest.mark.parametrize(("answer", "state", "said", "more"), MEMORY)
def test_what_is_said_when_memory_runs_out(acme, answer: str, state: str, said: str, more: str) -> None:  # type: ignore[no-untyped-def]
    batch = "len(batch['waveform'])"
    source = RUN.format(f"if {batch} > 4: {answer}\n    self.session.run(batch, out)")
    (verdict,) = acme("from bench.backends.base import OutOfMemory\n" + source, ask=check_memory)
    assert verdict.code == "out-of-memory"
    assert verdict.state == state
    assert said in verdict.seen
    assert more in verdict.seen


def test_a_device_with_memory_of_its_own_is_asked_for_more_than_it_has(acme) -> None:  # type: ignore[no-untyped-def]
    """Compiling and opening alone: what its arrays would take may be more than the host has."""
    source = (
        "from bench.backends.base import OutOfMemory\n"
        "def devices(self):\n    return [Device(kind='cpu', memory_bytes=8 << 40)]\nBackend.devices = devices\n"
        "real = Backend.compile\ndef compile(self, model, device, options):\n"
        "    if options.max_batch * 32000 > device.memory_bytes:\n"
        "        raise OutOfMemory(f'{options.max_batch} samples')\n"
        "    return real(self, model, device, options)\nBackend.compile = compile\n"
    )
    (verdict,) = acme(source, ask=check_memory)
    assert verdict.state == "passed"
    assert verdict.seen == f"OutOfMemory: {-(-(16 << 40) // 32000)} samples"


def test_a_lost_device_ends_the_checks(acme) -> None:  # type: ignore[no-untyped-def]
    source = "from bench.backends.base import DeviceLost\nCALLS = []\n" + RUN.format(
        "CALLS.append(1)\n    if len(CALLS) > 5: raise DeviceLost('acme: gone')\n    self.session.run(batch, out)"
    )
    *before, last = acme(source)
    assert (last.code, last.state, last.subject) == ("device-lost", "failed", "speech_command.fp32")
    assert last.seen == "acme: gone"
    assert all(verdict.state == "passed" for verdict in before)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(backend="onnxrutime", device="cpu"), "Did you mean 'onnxruntime'?"),
        (Request(backend="onnxruntime", device="gpu"), "has no device 'gpu'"),
        (Request(backend="onnxruntime", device="cpu", workloads=("speech",)), "Did you mean 'speech_command'?"),
    ],
)
def test_a_request_for_what_there_is_not(request_: Request, said: str) -> None:
    with pytest.raises(Refused, match=r"There is no|has no") as caught:
        list(check_backend(request_))
    assert said in str(caught.value)


def test_a_driver_that_fails_when_it_is_asked_for_devices(acme) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused, match="cannot list its devices: OSError: no driver on this host"):
        acme("def devices(self):\n    raise OSError('no driver\\non this host')\nBackend.devices = devices")


# ------------------------------------------------------------------------------------------------- the command line


def test_the_command_tells_and_ends_accordingly(
    bench: Command,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCH_CACHE", os.environ["BENCH_CACHE"])
    install(tmp_path / "site", SOUND + RUN.format("[array.fill(0) for array in out.values()]"), monkeypatch)
    outcome = bench("backend", "check", "acme", "--cycles", 1)
    assert outcome.code == 11
    assert "BAD   agrees with the reference (speech_command.fp32): relative error up to 1" in outcome.out
    *lines, last = outcome.out.splitlines()
    bad = sum(line.startswith("BAD ") for line in lines)
    assert bad > 0
    assert last == f"acme does not keep the contract: {bad} of {len(lines)} checks failed."
    sound = ("backend", "check", "onnxruntime", "--workload", "speech_command", "--cycles", 1)
    as_json = bench(*sound, "--format", "json")
    assert as_json.code == 0
    assert {entry["state"] for entry in json.loads(as_json.out)} == {"passed"}
    chinese = bench(*sound, "--lang", "zh")
    assert chinese.out.splitlines()[-1] == "onnxruntime 遵守约定：共 24 项检查，无一失败。"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "onnxrutime"), "There is no backend 'onnxrutime'. Did you mean 'onnxruntime'?"),
        (("check",), "Missing argument 'NAME'."),
        (("chek", "fake"), "No such command 'chek'"),
        (("check", "fake", "--setting", "x"), "`--setting x` is not KEY=VALUE."),
    ],
)
def test_wrong_arguments(bench: Command, arguments: tuple[str, ...], said: str) -> None:  # noqa: F811
    outcome = bench("backend", *arguments)
    assert outcome.code == 2
    assert said in complaint(outcome)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_check_has_a_name(lang: str) -> None:
    assert {key for key in catalogue(lang) if key.startswith("check.")} == {
        f"check.{code}" for code in (*CHECKS, ONNX_NODE)
    }
