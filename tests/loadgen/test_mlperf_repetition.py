"""Whole small repetitions by `--driver loadgen`, each in a child: nothing is lost, and both clocks agree."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from bench.backends.base import Unsupported
from bench.loadgen import timeline
from bench.loadgen.lane import AllDue
from bench.loadgen.mlperf.issued import read_issued
from bench.loadgen.mlperf.request import MOST_SAMPLES, request_of
from bench.loadgen.mlperf.session import LOGS
from bench.loadgen.samples import issue_order
from bench.loadgen.schedule import columns_of, open_loop_columns
from bench.loadgen.supervisor import RepetitionFailed, run_accuracy, run_repetition
from bench.models.opening import open_workload
from bench.records.hashing import derive_seed
from bench.records.job import Job, Report
from bench.records.loadgen import LoadGenReport
from bench.records.plan import USER_WORKLOAD, Measurement, Scenario, Setting
from bench.scoring.columns import per_query
from bench.scoring.server import each_query

from ..fixtures import EFFORT, ScriptedSession, job, measurement, tiny_onnx
from .lanes import make_lane

pytest.importorskip("mlperf_loadgen", reason="the extra `mlperf` is not installed")
pytestmark = pytest.mark.timeout(120)  # LoadGen waits for ever for a sample that nobody completes

RATE = 2000.0
SERVER = {"rate_per_s": RATE, "latency_bound_ns": 1_000_000_000}
MEASUREMENTS = {
    "single stream": measurement("single_stream", driver="loadgen"),
    "multi stream": measurement("multi_stream", batch=2, samples_per_query=8, driver="loadgen"),
    "multi stream, two workers": measurement("multi_stream", batch=2, samples_per_query=8, workers=2, driver="loadgen"),
    "offline": measurement("offline", batch=3, driver="loadgen"),
    "offline, two workers": measurement("offline", batch=3, workers=2, driver="loadgen"),
    "server": measurement("server", driver="loadgen", **SERVER),
    "server, batches": measurement("server", batch=4, max_wait_ns=500_000, workers=2, driver="loadgen", **SERVER),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def asked(folder: Path, model: Path, one: Measurement, **settings: Setting) -> Job:
    rate = RATE if one.scenario == "server" else None
    # Where a call takes a millisecond, long enough for some hundred of them.
    effort = msgspec.structs.replace(EFFORT, duration_s=0.3) if "delay_us" in settings else EFFORT
    told = {"answers": "reference", **settings}
    return job(folder / "trial", model, told, measurement=one, rate_per_s=rate, effort=effort)


def run(one: Job) -> tuple[Report, LoadGenReport]:
    report = run_repetition(one, lambda phase: None, 60.0)
    assert report.loadgen is not None
    return report, report.loadgen


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_all_samples_are_completed_and_both_clocks_tell_the_same(name: str, tmp_path: Path, model: Path) -> None:
    one = MEASUREMENTS[name]
    report, said = run(asked(tmp_path, model, one))
    columns = timeline.read(tmp_path / "trial" / "columns")
    issued = read_issued(tmp_path / "trial" / "columns")
    held = columns.queries.sum() if columns.queries is not None else columns.rows * one.batch
    assert len(issued.samples) == held == said.compared
    assert said.slack_ns is not None
    assert said.outside == 0 or said.slack_ns > 1_000_000, said  # unless the wall clock was set meanwhile
    assert not columns.status.any()
    assert report.bad_samples == report.verification.mismatched == 0
    assert report.verification.samples > 0
    assert said.errors == 0
    assert said.figures.get(said.published, 0.0) > 0.0
    assert (tmp_path / "trial" / LOGS / "mlperf_log_summary.txt").read_text().strip()


@pytest.mark.parametrize("name", ["single stream", "multi stream", "server"])
def test_the_figures_are_those_of_the_timeline(name: str, tmp_path: Path, model: Path) -> None:
    """LoadGen's least and median latency hold ours: its own calls come on top, never below."""
    one = MEASUREMENTS[name]
    report, said = run(asked(tmp_path, model, one, delay_us=300.0))
    columns = timeline.read(tmp_path / "trial" / "columns")
    slack_ns = said.slack_ns or 0
    if one.scenario == "server":
        due_ns = read_issued(tmp_path / "trial" / "columns").due_ns
        assert due_ns is not None
        queries = each_query(open_loop_columns(columns, due_ns, report.t0_ns), due_ns)
        latency = np.sort(queries.ended_ns - queries.scheduled_ns)
        assert (queries.started_ns + slack_ns >= queries.scheduled_ns).all()
    else:
        whole = per_query(columns_of(columns, one, report.t0_ns))
        latency = np.sort(whole.ended_ns - whole.started_ns)
    suffix = "_per_query" if one.scenario == "multi_stream" else ""
    assert said.figures[f"result_50.00_percentile{suffix}_latency_ns"] >= latency[len(latency) // 2] - slack_ns
    assert latency[0] >= 300_000


def test_offline_time_is_that_of_the_timeline(tmp_path: Path, model: Path) -> None:
    one = MEASUREMENTS["offline"]
    report, said = run(asked(tmp_path, model, one, delay_us=300.0))
    samples_per_s = report.rows * one.batch * 1e9 / report.elapsed_ns
    assert said.figures["result_samples_per_second"] <= samples_per_s * (1.0 + (said.slack_ns or 0) / report.elapsed_ns)


def test_what_is_walked_through_in_order_is_our_own_order(tmp_path: Path, model: Path) -> None:
    one = asked(tmp_path, model, MEASUREMENTS["offline"])
    run(one)
    issued = read_issued(tmp_path / "trial" / "columns").samples
    order = issue_order(one.measurement.load_samples, derive_seed(one.seed, "order"))
    assert issued.tolist() == [int(order[n % len(order)]) for n in range(len(issued))]


# With a millisecond a call, a session has fewer than 70 calls before the measured part and more than 100 in it.
SLOW: dict[str, Setting] = {"delay_us": 1000.0, "fault_after": 80}


@pytest.mark.parametrize("name", ["single stream", "offline, two workers", "server"])
def test_a_failed_call_is_counted_and_the_test_goes_on(name: str, tmp_path: Path, model: Path) -> None:
    _, said = run(asked(tmp_path, model, MEASUREMENTS[name], fault="raise", **SLOW))
    columns = timeline.read(tmp_path / "trial" / "columns")
    # Each session fails once, at its own call of that number.
    assert 1 <= np.count_nonzero(columns.status) <= MEASUREMENTS[name].workers
    held = columns.queries.sum() if columns.queries is not None else columns.rows * MEASUREMENTS[name].batch
    assert said.compared == held


@pytest.mark.parametrize("name", ["single stream", "offline, two workers", "server, batches"])
def test_an_engine_that_fails_on_and_on_is_given_up_in_one_line(name: str, tmp_path: Path, model: Path) -> None:
    with pytest.raises(RepetitionFailed, match="fake: fails, as scripted") as caught:
        run(asked(tmp_path, model, MEASUREMENTS[name], fault="raise-all", **SLOW))
    assert list((tmp_path / "trial" / LOGS).iterdir())  # it was LoadGen who drove it
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", ["nan", "unwritten"])
def test_answers_that_are_none_are_counted(fault: str, tmp_path: Path, model: Path) -> None:
    report, _ = run(asked(tmp_path, model, MEASUREMENTS["offline"], fault=fault, **SLOW))
    assert report.bad_samples > 0


def test_wrong_answers_are_found(tmp_path: Path, model: Path) -> None:
    report, _ = run(asked(tmp_path, model, MEASUREMENTS["single stream"], fault="drift", **SLOW))
    assert report.verification.mismatched > 0


def test_a_test_that_loadgen_cannot_lay_out_is_refused(tmp_path: Path, model: Path) -> None:
    """Before it takes half a kilobyte for each of its samples."""
    one = asked(tmp_path, model, MEASUREMENTS["offline"])
    lane = make_lane([ScriptedSession()], AllDue(), batch=3)
    with pytest.raises(Unsupported, match="use `--driver bench`"):
        request_of(one, lane, MOST_SAMPLES // 3 + 1)
    assert request_of(one, lane, MOST_SAMPLES // 3).trace is False


def accuracy_job(tmp_path: Path, settings: dict[str, Setting], scenario: Scenario) -> Job:
    """Over pictures of one colour, of five classes."""
    for number in range(20):
        folder = tmp_path / "data" / str(number % 5)
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 10, 3, 200)).save(folder / f"{number}.png")
    asked = measurement(scenario, driver="loadgen", load_samples=8, quality_samples=20)
    plain = job(tmp_path / "trial", tiny_onnx(tmp_path / "tiny.onnx"), settings, measurement=asked)
    return msgspec.structs.replace(plain, data=str(tmp_path / "data"), mlperf="accuracy")


@pytest.mark.parametrize("scenario", ["single_stream", "offline"])
def test_in_the_accuracy_test_every_sample_is_asked_once_in_parts_that_fit(tmp_path: Path, scenario: Scenario) -> None:
    asked = accuracy_job(tmp_path, {"answers": "reference"}, scenario)
    run_accuracy(asked, lambda phase: None)
    entries = json.loads((tmp_path / "trial/mlperf_log_accuracy.json").read_bytes())
    assert sorted(entry["qsl_idx"] for entry in entries) == list(range(20))
    workload = open_workload(USER_WORKLOAD, asked)
    inputs = workload.evaluation_inputs(np.arange(20))["x"].reshape(20, -1).astype(np.float64)
    weights = numpy_helper.to_array(onnx.load(tmp_path / "tiny.onnx").graph.initializer[0])
    expected = (inputs @ weights).argmax(axis=1)
    given = {entry["qsl_idx"]: int.from_bytes(bytes.fromhex(entry["data"]), "little") for entry in entries}
    assert [given[number] for number in range(20)] == expected.tolist()


def test_an_engine_that_fails_in_the_accuracy_test_is_told_and_does_not_keep_loadgen_waiting(tmp_path: Path) -> None:
    with pytest.raises(RepetitionFailed, match="as scripted"):
        run_accuracy(accuracy_job(tmp_path, {"fault": "raise"}, "single_stream"), lambda phase: None)
