"""The two-process form: same answers, faults in one line, and a vendor's tricks stay in the vendor's process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from bench.loadgen import timeline
from bench.loadgen.samples import LoadedSet
from bench.loadgen.supervisor import RepetitionFailed, _answer, run_repetition
from bench.models.opening import open_workload
from bench.records.hashing import arrays_hash, derive_seed
from bench.records.job import Compiled, Job, Report
from bench.records.plan import USER_WORKLOAD, Setting

from ..fixtures import job, measurement, tiny_onnx
from ..vendors import install

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(autouse=True)
def nothing_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    yield
    # By the cache folder, which only this test's have: others may be testing on this machine, too.
    engines = [one for one in psutil.process_iter(["cmdline"]) if "bench.apart.engine" in (one.info["cmdline"] or ())]
    ours = [one for one in engines if cache_of(one) == str(tmp_path / "cache")]
    # One whose parent was killed is killed by the system, which takes its time where there is much to do.
    _, left = psutil.wait_procs(ours, timeout=10)
    assert not left


def cache_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("BENCH_CACHE")
    except psutil.Error:
        return None


def apart(folder: Path, model: Path, settings: dict[str, Setting] | None = None, **changes: object) -> Job:
    asked = measurement(session_process="own", **changes)
    return job(folder / "trial", model, settings or {"answers": "reference"}, measurement=asked)


def run(one: Job, patience_s: float = PATIENCE_S) -> Report:
    return run_repetition(one, lambda phase: None, patience_s)


def failure(one: Job, patience_s: float = PATIENCE_S) -> str:
    with pytest.raises(RepetitionFailed) as caught:
        run(one, patience_s)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("scenario", "batch", "per_query", "workers"),
    [("single_stream", 1, 1, 1), ("offline", 3, 1, 2), ("multi_stream", 4, 8, 2)],
)
def test_a_repetition_goes_through(
    tmp_path: Path, model: Path, scenario: str, batch: int, per_query: int, workers: int
) -> None:
    report = run(
        apart(tmp_path, model, scenario=scenario, batch=batch, samples_per_query=per_query, workers=workers)  # type: ignore[arg-type]
    )
    assert report.bad_samples == report.verification.mismatched == 0
    assert report.verification.samples >= 1
    assert report.facts.engine == "fake"
    assert report.hand_over is not None
    assert 0 < report.hand_over.p50_ns <= report.hand_over.p99_ns
    assert not timeline.read(tmp_path / "trial" / "columns").status.any()


def test_batches_of_any_size_go_through(tmp_path: Path, model: Path) -> None:
    asked = measurement("server", session_process="own", batch=4, latency_bound_ns=50_000_000)
    one = job(tmp_path / "trial", model, {"answers": "reference"}, measurement=asked, rate_per_s=4000.0)
    report = run(one)
    assert report.bad_samples == report.verification.mismatched == 0


def test_it_is_fed_what_the_engine_in_the_harness_is_fed(tmp_path: Path, model: Path) -> None:
    own = run(apart(tmp_path / "own", model))
    shared = run(job(tmp_path / "shared", model, {"answers": "reference"}))
    assert own.load_sha256 == shared.load_sha256
    assert own.session_hash == shared.session_hash


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("segfault", "own process was ended by SIGSEGV"),
        ("abort", "own process was ended by SIGABRT"),
        ("exit", "own process ended with code 3"),
        ("no-compile", "refuses to compile"),
        ("raise-all", "fake: fails, as scripted."),
    ],
)
def test_a_fault_is_one_line_that_names_it(tmp_path: Path, model: Path, fault: str, words: str) -> None:
    assert words in failure(apart(tmp_path, model, {"answers": "zeros", "fault": fault, "fault_after": 100}))


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"fault": "lost", "fault_after": 10}, "device-lost"),
        ({"fault": "memory", "fault_after": 0}, "out-of-memory"),
        ({"most_batch": 2}, "out-of-memory"),
        ({"fault": "raise-all", "fault_after": 10}, None),
    ],
)
def test_why_it_failed_comes_over(tmp_path: Path, model: Path, settings: dict[str, Setting], cause: str | None) -> None:
    one = apart(tmp_path, model, {"answers": "zeros", **settings}, scenario="offline", batch=4)
    with pytest.raises(RepetitionFailed) as caught:
        run(one)
    assert caught.value.cause == cause


def test_an_engine_that_hangs_is_stopped(tmp_path: Path, model: Path) -> None:
    one = apart(tmp_path, model, {"answers": "zeros", "fault": "hang", "fault_after": 100})
    assert "the engine hangs: no sign of life" in failure(one, patience_s=4.0)


def test_a_wrong_setting_is_the_requests_fault(tmp_path: Path, model: Path) -> None:
    with pytest.raises(RepetitionFailed) as caught:
        run(apart(tmp_path, model, {"delay_ms": 1}))
    assert caught.value.usage


# ------------------------------------------------------------------------------------------- vendors that cheat

_ONE = """
class Cheat(Compiled):
    def open(self, worker):
        return Cheating()

class Cheater(Backend):
    def compile(self, model, device, options):
        return Cheat()

BACKEND = Cheater()
"""
LATE = """
import threading
class Cheating(Session):
    def run(self, batch, out):
        def fill():
            for array in out.values():
                array[...] = 1
        threading.Timer(0.02, fill).start()
"""
STALE = """
class Cheating(Session):
    calls = 0
    def run(self, batch, out):
        Cheating.calls += 1
        for array in out.values():
            if Cheating.calls < 40:
                array[...] = next(iter(batch.values())).reshape(len(array), -1).mean(axis=1)[:, None]
                self.last = array.copy()
            else:
                array[...] = self.last
"""
CLOCK = """
time.perf_counter_ns = lambda: 0
time.sleep_for_real = time.sleep
class Cheating(Session):
    def run(self, batch, out):
        time.sleep_for_real(0.001)
        for array in out.values():
            array[...] = 1
"""
WRITES_INPUTS = """
class Cheating(Session):
    def run(self, batch, out):
        for array in batch.values():
            array[...] = 0
        for array in out.values():
            array[...] = 1
"""
GARBAGE = """
class Cheating(Session):
    def run(self, batch, out):
        for fd in range(3, 64):
            try:
                os.write(fd, b"not what was asked")
            except OSError:
                pass
        for array in out.values():
            array[...] = 1
"""


def cheated(folder: Path, model: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Job:
    install(folder / "site", source + _ONE, monkeypatch)
    return msgspec.structs.replace(apart(folder, model, {}), backend="acme", settings={})


def test_outputs_that_come_late_are_no_answers(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = run(cheated(tmp_path, model, LATE, monkeypatch))
    assert report.bad_samples > 0


def test_stale_outputs_mismatch(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = run(cheated(tmp_path, model, STALE, monkeypatch))
    # The sample that the stale answer belongs to is answered rightly.
    assert report.verification.mismatched > report.verification.samples / 2


def test_a_clock_stopped_in_the_engines_process_stops_nothing(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cheated(tmp_path, model, CLOCK, monkeypatch))
    columns = timeline.read(tmp_path / "trial" / "columns")
    assert (columns.ended - columns.started >= 1_000_000).all()


def test_the_engine_cannot_change_what_it_is_fed(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = run(apart(tmp_path / "honest", model)).load_sha256
    assert run(cheated(tmp_path, model, WRITES_INPUTS, monkeypatch)).load_sha256 == honest


def test_garbage_on_every_descriptor_is_a_failed_repetition(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "own process" in failure(cheated(tmp_path, model, GARBAGE, monkeypatch), patience_s=10.0)


# When it compiles it writes down all that it can see of the job: what lies in the trial's folder and beside it, and
# what all processes up to the first one were started with.
SPYING = """
import glob, pathlib

class Spy(Backend):
    def compile(self, model, device, options):
        seen, pid = [], os.getpid()
        while pid > 1:
            for name in ("cmdline", "environ"):
                try:
                    seen.append(pathlib.Path(f"/proc/{pid}/{name}").read_bytes())
                except OSError:
                    pass
            pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        for file in glob.glob(os.environ["SPY"] + "/trial/**", recursive=True):
            if os.path.isfile(file):
                seen.append(pathlib.Path(file).read_bytes())
        pathlib.Path(os.environ["SPY"], "seen").write_bytes(b"\\n".join(seen))
        return Compiled()

BACKEND = Spy()
"""


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("process", ["own", "shared"])
def test_an_engine_that_looks_for_the_seed_when_it_compiles_finds_none(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, process: str, sealed: bool
) -> None:
    install(tmp_path / "vendor", SPYING, monkeypatch)
    monkeypatch.setenv("SPY", str(tmp_path))
    seed = 7_301_977_410_229_355_641
    asked = measurement(session_process=process)
    one = job(tmp_path / "trial", model, measurement=asked, backend="acme", settings={}, seed=seed, sealed=sealed)
    report = run(one)
    seen = (tmp_path / "seen").read_bytes()
    assert b"bench.loadgen.child" in seen, "it has seen how its parent was started"
    assert b'"backend": "acme"' in seen, "it has seen the job"
    assert (str(seed).encode() in seen) is not sealed
    assert seed.to_bytes(8, "little") not in seen
    # The load follows from the seed all the same, as anybody draws it.
    workload = open_workload(USER_WORKLOAD, one)
    inputs = workload.load_inputs(asked.load_samples, derive_seed(seed, "load") % 2**31)
    samples = LoadedSet(inputs, asked.batch, derive_seed(seed, "order"), None)
    assert report.load_sha256 == arrays_hash(samples.row(0))


def test_a_child_that_says_it_has_compiled_what_it_has_not_gets_no_other_seed(tmp_path: Path, model: Path) -> None:
    sent = io.BytesIO()
    one = apart(tmp_path, model)
    sealed = msgspec.structs.replace(one, sealed=True, seed=5)
    _answer(sent, Compiled(measurement="another"), sealed)
    _answer(sent, Compiled(measurement=one.measurement.name), msgspec.structs.replace(sealed, sealed=False))
    assert sent.getvalue() == b""
    _answer(sent, Compiled(measurement=one.measurement.name), sealed)
    assert sent.getvalue() == b'{"seed":5}\n'
