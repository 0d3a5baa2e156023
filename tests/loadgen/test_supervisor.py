"""`bench.loadgen.supervisor`: whatever an engine does to its process costs one repetition and is told in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
from PIL import Image

from bench.loadgen import timeline
from bench.loadgen.supervisor import RepetitionFailed, run_repetition
from bench.records.job import Job, Phase, Report
from bench.records.plan import Setting

from ..fixtures import EFFORT, job, measurement, tiny_onnx
from ..vendors import install, is_gone

PATIENCE_S = 60.0  # of a busy machine; only the tests of hanging wait for less


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(autouse=True)
def nothing_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert not left


def run(one: Job, observe: Callable[[Phase], None] = lambda phase: None, patience_s: float = PATIENCE_S) -> Report:
    return run_repetition(one, observe, patience_s)


def failure(one: Job, patience_s: float = PATIENCE_S) -> RepetitionFailed:
    with pytest.raises(RepetitionFailed) as caught:
        run(one, patience_s=patience_s)
    assert str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def faulty(folder: Path, model: Path, fault: str, after: int = 100) -> Job:
    settings: dict[str, Setting] = {"answers": "zeros", "fault": fault, "fault_after": after}
    return job(folder / "trial", model, settings)


# ------------------------------------------------------------------------------------------------- a good engine


def test_a_repetition_leaves_its_report_columns_and_outputs(tmp_path: Path, model: Path) -> None:
    phases: list[Phase] = []
    one = job(tmp_path / "trial", model, {"answers": "reference"}, measurement=measurement(batch=1, workers=1))
    report = run(one, phases.append)
    columns = timeline.read(tmp_path / "trial" / "columns")
    assert columns.rows == report.rows >= 200
    assert (columns.started > 0).all()
    assert report.bad_samples == report.verification.mismatched == 0
    assert report.verification.samples >= 1
    assert report.verification.largest_error == 0.0
    assert report.facts.engine == "fake"
    assert (tmp_path / "trial" / "outputs.safetensors").exists()
    names = list(dict.fromkeys(phase.name for phase in phases))
    assert names == ["compile", "load", "answer", "warm-up", "measure", "verify"]


@pytest.mark.parametrize(
    ("scenario", "batch", "per_query", "workers"), [("offline", 4, 1, 2), ("multi_stream", 4, 8, 2)]
)
def test_several_workers_share_the_rows(
    tmp_path: Path, model: Path, scenario: str, batch: int, per_query: int, workers: int
) -> None:
    asked = measurement(scenario, batch=batch, samples_per_query=per_query, workers=workers)  # type: ignore[arg-type]
    settings: dict[str, Setting] = {"answers": "zeros", "delay_us": 50}
    run(job(tmp_path / "trial", model, settings, measurement=asked))
    columns = timeline.read(tmp_path / "trial" / "columns")
    assert set(columns.worker.tolist()) == {0, 1}
    assert columns.rows % (per_query // batch or 1) == 0


def test_the_same_job_is_fed_the_same_load(tmp_path: Path, model: Path) -> None:
    reports = [run(job(tmp_path / name, model, seed=seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    assert reports[0].load_sha256 == reports[1].load_sha256 != reports[2].load_sha256
    assert len({report.session_hash for report in reports}) == 1


def test_quality_answers_are_kept_with_the_fingerprint_of_their_data(tmp_path: Path, model: Path) -> None:
    one = with_pictures(tmp_path, job(tmp_path / "trial", model, {"answers": "reference"}))
    phases: list[Phase] = []
    run(one, phases.append)
    assert (tmp_path / "trial" / "quality" / "outputs.safetensors").exists()
    assert "quality" in {phase.name for phase in phases}


def with_pictures(folder: Path, one: Job) -> Job:
    for label in ("a", "b", "c", "d", "e"):
        (folder / "pictures" / label).mkdir(parents=True)
    for label in ("a", "b"):
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(folder / "pictures" / label / "black.png")
    asked = measurement(quality_samples=2)
    return msgspec.structs.replace(one, measurement=asked, quality=True, data=str(folder / "pictures"))


# ------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("segfault", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("exit", "code 3"),
        ("no-compile", "refuses to compile"),
        ("raise-all", "fake: fails, as scripted."),
    ],
)
def test_a_fault_is_one_line_that_names_it(tmp_path: Path, model: Path, fault: str, words: str) -> None:
    error = failure(faulty(tmp_path, model, fault))
    assert words in str(error)
    assert not error.usage


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"fault": "lost", "fault_after": 10}, "device-lost"),
        ({"fault": "memory", "fault_after": 0}, "out-of-memory"),
        ({"most_batch": 2}, "out-of-memory"),
        ({"fault": "raise-all"}, None),
        ({"fault": "segfault"}, None),
    ],
)
def test_why_it_failed_is_told_where_it_is_known(
    tmp_path: Path, model: Path, settings: dict[str, Setting], cause: str | None
) -> None:
    asked = measurement("offline", batch=4)
    one = job(tmp_path / "trial", model, {"answers": "zeros", **settings}, measurement=asked)
    assert failure(one).cause == cause


def test_no_memory_for_the_evaluation_set_is_one_line(tmp_path: Path, model: Path) -> None:
    error = failure(with_pictures(tmp_path, faulty(tmp_path, model, "memory", after=0)))
    assert str(error) == "MemoryError: fake: out of memory, as scripted."
    assert "Traceback" in (tmp_path / "trial" / "child.log").read_text()


def test_a_child_is_stopped_at_the_end_of_its_time(tmp_path: Path, model: Path) -> None:
    with pytest.raises(RepetitionFailed, match="it took longer than the 2 s that it was given") as caught:
        run_repetition(faulty(tmp_path, model, "hang"), lambda phase: None, PATIENCE_S, limit_s=2.0)
    assert caught.value.late
    assert not failure(faulty(tmp_path / "again", model, "segfault")).late


def test_a_hanging_engine_is_stopped(tmp_path: Path, model: Path) -> None:
    assert "the engine hangs: no sign of life in phase" in str(failure(faulty(tmp_path, model, "hang"), patience_s=4.0))


def test_one_failed_query_is_a_finding_and_no_failure(tmp_path: Path, model: Path) -> None:
    one = job(tmp_path / "trial", model, {"answers": "zeros", "delay_us": 500, "fault": "raise", "fault_after": 214})
    report = run(one)
    failed = timeline.read(tmp_path / "trial" / "columns").status.sum()
    assert failed <= 1
    assert (report.fault.words if report.fault else "") == ("fake: fails, as scripted." if failed else "")


@pytest.mark.parametrize("fault", ["nan", "unwritten"])
def test_outputs_that_are_no_answers_are_counted_and_mismatch(tmp_path: Path, model: Path, fault: str) -> None:
    report = run(faulty(tmp_path, model, fault))
    assert report.bad_samples > 0
    assert report.verification.mismatched == report.verification.samples > 0
    assert report.verification.largest_error is None


def test_a_child_killed_from_outside_is_one_line(tmp_path: Path, model: Path) -> None:
    def kill(phase: Phase) -> None:
        if phase.name == "warm-up":
            for child in psutil.Process().children():
                child.kill()

    with pytest.raises(RepetitionFailed, match=r"ended by SIGKILL; its output is in .*child\.log"):
        run(faulty(tmp_path, model, "hang"), kill)


def test_a_child_that_the_kernel_killed_for_want_of_memory_is_known(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's count is scripted; that it is read where it stands, `tests/host/test_oom.py` says."""

    class Killing:
        def seen(self) -> str:
            return "group"

    def kill(phase: Phase) -> None:
        if phase.name == "warm-up":
            for child in psutil.Process().children():
                child.kill()

    monkeypatch.setattr("bench.loadgen.supervisor.OomWatch", Killing)
    with pytest.raises(RepetitionFailed, match="SIGKILL, while the kernel killed for want of memory in its") as caught:
        run(faulty(tmp_path, model, "hang"), kill)
    assert caught.value.cause == "out-of-memory"
    assert failure(faulty(tmp_path / "again", model, "segfault")).cause is None


def test_an_interrupt_of_the_parent_takes_the_child_along(tmp_path: Path, model: Path) -> None:
    def interrupt(phase: Phase) -> None:
        if phase.name == "warm-up":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(faulty(tmp_path, model, "hang"), interrupt)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_a_killed_parent_takes_the_child_along(tmp_path: Path, model: Path) -> None:
    (tmp_path / "job.json").write_bytes(msgspec.json.encode(faulty(tmp_path, model, "hang")))
    script = (
        "import msgspec, psutil, sys; from pathlib import Path\n"
        "from bench.loadgen.supervisor import run_repetition; from bench.records.job import Job\n"
        "job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)\n"
        "run_repetition(job, lambda phase: print(phase.name, psutil.Process().children()[0].pid, flush=True), 600)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "job.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        name, pid = next(line.split() for line in parent.stdout if line.startswith("warm-up"))
        assert name == "warm-up"
        assert psutil.pid_exists(int(pid))
        os.kill(parent.pid, signal.SIGKILL)
    assert is_gone(int(pid))


# ------------------------------------------------------------------------------------------------ wrong requests


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backend": "fakee"}, "Did you mean 'fake'"),
        ({"device": "tpu:3"}, "has no device 'tpu:3'"),
        ({"settings": {"answers": "nonsense"}}, "Known: reference, zeros, wrong"),
        ({"settings": {"delay_us": "soon"}}, "delay_us"),
        ({"model": "/nowhere/model.onnx"}, "there is no such model file"),
    ],
)
def test_a_wrong_request_says_so(tmp_path: Path, model: Path, changes: dict[str, object], words: str) -> None:
    error = failure(msgspec.structs.replace(job(tmp_path / "trial", model), **changes))
    assert words in str(error)
    assert error.usage


@pytest.mark.skipif(sys.platform != "linux", reason="file size limits reach posix_fallocate on Linux")
def test_a_full_disk_is_an_error_of_the_system_and_not_the_engines(tmp_path: Path, model: Path) -> None:
    long_run = msgspec.structs.replace(EFFORT, duration_s=60.0, longest_s=60.0)
    (tmp_path / "job.json").write_bytes(msgspec.json.encode(job(tmp_path / "trial", model, effort=long_run)))
    script = (
        "import msgspec, resource, sys; from pathlib import Path\n"
        "from bench.loadgen.supervisor import run_repetition; from bench.records.job import Job\n"
        "job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n"
        "try: run_repetition(job, lambda phase: None)\n"
        "except OSError as error: print(error.filename, error.strerror)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "job.json")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert said == f"{tmp_path / 'trial'} File too large\n"


# -------------------------------------------------------------------------------------------------- odd vendors


VENDORS = {
    "leaves early with code 0": (
        "def leave(self, batch, out): os._exit(0)\nSession.run = leave",
        "ended with code 0 before its work was done",
    ),
    "exits in compile": (
        "def leave(self, model, device, options): sys.exit(0)\nBackend.compile = leave",
        "ended with code 0 before its work was done",
    ),
    "facts that are no numbers": (
        "def facts(self): return Facts(engine='acme', engine_version='1', precision_executed='fp32', "
        "compile_s=float('nan'))\nCompiled.facts = property(facts)\nCompiled.__init__ = lambda self: None",
        "report that cannot be used: Expected `float`, got `null` - at `$.facts.compile_s`",
    ),
    "an unknown precision": (
        "def facts(self): return Facts(engine='acme', engine_version='1', precision_executed='float32', "
        "compile_s=0.0)\nCompiled.facts = property(facts)\nCompiled.__init__ = lambda self: None",
        "acme says it executes in 'float32'; expected one of fp32",
    ),
    "a message of many lines": (
        "def refuse(self, model, device, options): raise EngineError('no room\\n at 0x1\\n')\nBackend.compile = refuse",
        "no room",
    ),
    "junk in the harness's pipe": (
        "def junk(self, model, device, options):\n"
        "    for fd in range(3, 64):\n"
        '        try: os.write(fd, b\'{"type": "nonsense"}\\n\')\n'
        "        except OSError: pass\n"
        "    return Compiled()\n"
        "Backend.compile = junk",
        "sent what is no event",
    ),
    "a module that ends the interpreter": ("sys.exit('no licence')", "cannot be imported: SystemExit: no licence"),
}


@pytest.mark.parametrize("kind", VENDORS)
def test_an_odd_vendor_is_one_line(tmp_path: Path, model: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, words = VENDORS[kind]
    install(tmp_path / "site", source, monkeypatch)
    assert words in str(failure(job(tmp_path / "trial", model, backend="acme")))


# Starts a process that keeps every descriptor, the events' too, and outlives the engine unless it is ended.
HELPER = """
def with_helper(self, worker):
    pid = os.fork()
    if pid == 0:
        time.sleep(600)
        os._exit(0)
    with open({file!r}, "w") as file:
        file.write(str(pid))
    return Session()

Compiled.open = with_helper
"""


def test_helpers_of_an_engine_go_with_it(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", HELPER.format(file=str(tmp_path / "pid")), monkeypatch)
    assert run(job(tmp_path / "trial", model, backend="acme")).rows
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_crash_is_noticed_though_a_helper_holds_the_pipe(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = "def crash(self, batch, out): os.abort()\nSession.run = crash"
    install(tmp_path / "site", HELPER.format(file=str(tmp_path / "pid")) + crash, monkeypatch)
    assert "SIGABRT" in str(failure(job(tmp_path / "trial", model, backend="acme"), patience_s=600))
    assert is_gone(int((tmp_path / "pid").read_text()))
