"""Tuning below the command line: stopped in its middle or after it, a run goes on with what was whole."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psutil
import pytest

from bench.records.plan import RunPlan, Scenario
from bench.runner import Progress, execute, prepare, resume
from bench.store.runs import RunFolder

from .test_runner import Stop, record_of, stop_at

NAME = "user_model.offline.fp32"
# The trials of a budget of one second carry no p99.
LATENCIES = {"latency_p99_ns", "latency_p90_ns", "latency_p50_ns"}


@pytest.fixture
def tuning_plan(plan: RunPlan) -> RunPlan:
    """A second is the default's trial and perhaps one more."""
    settings = {"answers": "zeros", "delay_us": 2000}
    return msgspec.structs.replace(plan, workers=1, threads=1, tune=True, tune_budget_s=1.0, settings=settings)


def phases(heard: list[Progress]) -> set[str]:
    return {one.phase.name for one in heard if one.phase is not None}


def test_stopped_after_tuning_it_is_not_tuned_again(tuning_plan: RunPlan, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        execute(prepare(tuning_plan), tmp_path, stop_at(1, "measure"))
    (place,) = (tmp_path / "runs").iterdir()
    before, folder = (place / NAME / "tuning.json").read_bytes(), RunFolder(place)
    heard: list[Progress] = []
    _, run = resume(folder, heard.append)
    assert run.status == "complete"
    assert "tune" not in phases(heard)
    assert (place / NAME / "tuning.json").read_bytes() == before
    record = record_of(folder)
    assert record.tuning == folder.load_tuning(NAME)
    assert run.measurements == (record.measurement,)


def test_a_choice_outlives_a_stop_before_the_run_is_kept(tuning_plan: RunPlan, tmp_path: Path) -> None:
    """Whatever the run's file says, the tuning that is whole decides."""
    with pytest.raises(Stop):
        execute(prepare(tuning_plan), tmp_path, stop_at(0, "measure"))
    (place,) = (tmp_path / "runs").iterdir()
    folder = RunFolder(place)
    tuning = folder.load_tuning(NAME)
    assert tuning is not None
    choice = msgspec.structs.replace(tuning.chosen, batch=3)
    folder.keep_tuning(NAME, msgspec.structs.replace(tuning, chosen=choice))
    _, run = resume(folder, lambda progress: None)
    assert run.measurements[0].batch == record_of(folder).measurement.batch == 3


def test_stopped_while_tuning_it_tunes_anew(tuning_plan: RunPlan, tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))  # a browser of other tests', say
    with pytest.raises(Stop):
        execute(prepare(tuning_plan), tmp_path, stop_at(0, "tune"))
    assert set(psutil.Process().children(recursive=True)) <= before
    (place,) = (tmp_path / "runs").iterdir()
    assert not (place / NAME / "tuning.json").exists()
    heard: list[Progress] = []
    folder, run = resume(RunFolder(place), heard.append)
    assert run.status == "complete"
    assert "tune" in phases(heard)
    tuning = record_of(folder).tuning
    assert tuning is not None
    assert tuning.candidates[0].figures, "the default is measured whatever the budget"
    assert not (place / NAME / "candidates").exists()


def test_a_measurement_without_anything_to_choose_is_left_alone(tuning_plan: RunPlan, tmp_path: Path) -> None:
    plan = msgspec.structs.replace(tuning_plan, scenarios=("single_stream", "offline"))
    prepared = prepare(plan)
    assert [bool(one) for one in prepared.candidates] == [False, True]
    folder, run = execute(prepared, tmp_path, lambda progress: None)
    assert run.status == "complete"
    assert [record.tuning is not None for record in folder.load_records()] == [False, True]


@pytest.mark.parametrize(
    ("scenario", "changes", "metrics"),
    [
        ("server", {}, {"rate_held_per_s"}),
        pytest.param("server", {"rate_per_s": 200.0}, LATENCIES, marks=pytest.mark.full),
        pytest.param("streams", {}, {"channels"}, marks=pytest.mark.full),
        pytest.param("ramp", {}, {"goodput_peak_per_s"}, marks=pytest.mark.full),
        pytest.param("trace", {}, LATENCIES, marks=pytest.mark.full),
        pytest.param("multi_stream", {"workers": None}, LATENCIES, marks=pytest.mark.full),
    ],
)
def test_each_scenario_is_compared_by_its_own_figure(
    tuning_plan: RunPlan, tmp_path: Path, scenario: Scenario, changes: dict[str, object], metrics: set[str]
) -> None:
    trace = tmp_path / "arrivals.csv"
    trace.write_text("\n".join(str(number * 0.003) for number in range(700)))
    plan = msgspec.structs.replace(
        tuning_plan,
        scenarios=(scenario,),
        latency_bound_ms=None if scenario == "multi_stream" else 200.0,
        trace=str(trace) if scenario == "trace" else None,
        **changes,
    )
    folder, _ = execute(prepare(plan), tmp_path, lambda progress: None)
    tuning = folder.load_records()[0].tuning
    assert tuning is not None
    assert tuning.metric in metrics
    assert all(figure > 0 for figure in tuning.candidates[0].figures)
    assert tuning.candidates[0].figures
