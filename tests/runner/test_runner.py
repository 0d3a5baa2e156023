"""`bench.runner` and `bench.run`: what is kept when, what watchers hear, and that going on loses nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

import bench
from bench.models.user_model import BadModel
from bench.planning import BadPlan
from bench.records.effort import EFFORTS
from bench.records.plan import RunPlan
from bench.records.record import Record, Run
from bench.repetition import BadRequest
from bench.runner import Progress, execute, prepare, resume
from bench.store.places import CannotWrite
from bench.store.runs import InUse, RunFolder

from ..fixtures import EFFORT

MEASUREMENT = "user_model.offline.fp32"


class Stop(Exception):
    """Raised by a watcher to leave a run in its middle, as Ctrl-C does."""


def stop_at(repetition: int, phase: str) -> Callable[[Progress], None]:
    def observe(progress: Progress) -> None:
        if progress.repetition == repetition and progress.phase is not None and progress.phase.name == phase:
            raise Stop

    return observe


def ignore(progress: Progress) -> None:
    return


def record_of(folder: RunFolder) -> Record:
    (record,) = folder.load_records()
    return record


def test_from_python(plan: RunPlan, tmp_path: Path) -> None:
    heard: list[Progress] = []
    run = bench.run(plan, output=tmp_path / "results", observe=heard.append)
    assert run.status == "complete"
    assert run.plan == plan
    folder = RunFolder.of(tmp_path / "results", run.run_id)
    assert folder.load_run() == run
    record = record_of(folder)
    assert record.valid
    assert record.trials == ("trial-00", "trial-01")
    assert heard[0].event == "start"
    assert heard[-1].event == "end"
    assert [progress.record for progress in heard if progress.event == "record"] == [record]
    phases = [(entry.repetition, entry.phase.name) for entry in heard if entry.phase is not None]
    assert list(dict.fromkeys(name for repetition, name in phases if repetition == 0)) == [
        "compile",
        "load",
        "answer",
        "warm-up",
        "measure",
        "verify",
    ]
    assert {repetition for repetition, _ in phases} == {0, 1}


def test_results_go_where_the_environment_says(plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "by environment"))
    run = bench.run(plan)
    assert RunFolder.of(tmp_path / "by environment", run.run_id).load_run() == run


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"backend": "fakee"}, BadPlan),
        ({"scenarios": ("offlin",)}, BadPlan),
        ({"model": "missing.onnx"}, BadModel),
        ({"device": "gpu"}, BadRequest),
        ({"settings": {"no": 1}}, BadRequest),
    ],
)
def test_what_cannot_be_done_is_an_exception_and_leaves_nothing(
    plan: RunPlan, tmp_path: Path, change: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        bench.run(msgspec.structs.replace(plan, **change), output=tmp_path / "results")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.glob("results/runs/*")) == []


def test_a_place_that_cannot_be_written(plan: RunPlan) -> None:
    with pytest.raises(CannotWrite, match="/proc/results: cannot be written to"):
        bench.run(plan, output="/proc/results")


def test_a_failing_engine_is_a_void_record_and_no_exception(plan: RunPlan, tmp_path: Path) -> None:
    run = bench.run(msgspec.structs.replace(plan, settings={"fault": "segfault"}), output=tmp_path)
    assert run.status == "complete"
    record = record_of(RunFolder.of(tmp_path, run.run_id))
    assert not record.valid
    assert record.metrics == {}
    assert record.trials == ("trial-00",), "one failure voids a measurement; more repetitions would not mend it"


@pytest.mark.parametrize(("repetition", "phase"), [(0, "load"), (0, "measure"), (1, "compile"), (1, "verify")])
def test_stopped_anywhere_it_goes_on(plan: RunPlan, tmp_path: Path, repetition: int, phase: str) -> None:
    before = set(psutil.Process().children(recursive=True))  # a browser of other tests', say
    with pytest.raises(Stop):
        execute(prepare(plan), tmp_path, stop_at(repetition, phase))
    assert set(psutil.Process().children(recursive=True)) <= before, "the child is gone with the exception"
    (place,) = (tmp_path / "runs").iterdir()
    folder = RunFolder(place)
    assert folder.load_run().status == "partial"
    kept = folder.load_trials(MEASUREMENT)
    assert [trial.index for trial in kept] == list(range(repetition))
    stray = folder.trial(MEASUREMENT, repetition) / "stray"
    stray.write_text("of the attempt that was stopped")

    _, run = resume(folder, ignore)
    assert run.status == "complete"
    assert folder.load_trials(MEASUREMENT)[:repetition] == kept
    assert not stray.exists()
    assert record_of(folder).valid


def test_a_run_that_was_stopped_has_the_seeds_of_one_that_was_not(plan: RunPlan, tmp_path: Path) -> None:
    whole = bench.run(plan, output=tmp_path / "whole")
    with pytest.raises(Stop):
        execute(prepare(plan), tmp_path / "stopped", stop_at(1, "load"))
    (place,) = (tmp_path / "stopped" / "runs").iterdir()
    resume(RunFolder(place), ignore)
    folders = [RunFolder.of(tmp_path / "whole", whole.run_id), RunFolder(place)]
    first, second = ([trial.seed for trial in folder.load_trials(MEASUREMENT)] for folder in folders)
    assert first == second
    assert len(set(first)) == 2


def test_seeds_differ_between_plans_and_measurements(
    plan: RunPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EFFORTS, "quick", EFFORT)
    both = msgspec.structs.replace(plan, scenarios=("single_stream", "offline"))
    seeds = []
    for seed in (0, 1):
        run = bench.run(msgspec.structs.replace(both, seed=seed), output=tmp_path)
        folder = RunFolder.of(tmp_path, run.run_id)
        seeds += [trial.seed for entry in run.measurements for trial in folder.load_trials(entry.name)]
    assert len(set(seeds)) == len(seeds) == 4


def test_a_record_that_was_not_written_is_made_again(plan: RunPlan, tmp_path: Path) -> None:
    """As after a kill between the last trial and its record."""
    folder, run = execute(prepare(plan), tmp_path, ignore)
    before = record_of(folder)
    (folder.measurement(MEASUREMENT) / "record.json").unlink()
    folder.keep_run(msgspec.structs.replace(run, status="partial"))
    assert resume(folder, ignore)[1].status == "complete"
    assert record_of(folder) == before


def test_the_budget_lets_the_first_repetition_through(plan: RunPlan, tmp_path: Path) -> None:
    folder, run = execute(prepare(msgspec.structs.replace(plan, budget_s=1e-6)), tmp_path, ignore)
    assert run.status == "partial"
    record = record_of(folder)
    assert record.trials == ("trial-00",)
    (found,) = [entry for entry in record.findings if entry.code == "budget-exhausted"]
    assert found.limit == 1e-6
    assert resume(folder, ignore)[1].status == "complete", "one more of two was all that was missing"
    assert "budget-exhausted" not in {entry.code for entry in record_of(folder).findings}


def test_one_process_at_a_time(plan: RunPlan, tmp_path: Path) -> None:
    refused: list[str] = []

    def intrude(progress: Progress) -> None:
        if progress.event == "start":
            with pytest.raises(InUse) as caught:
                resume(RunFolder(progress.folder), ignore)
            refused.append(str(caught.value))

    folder, run = execute(prepare(plan), tmp_path, intrude)
    assert refused == [f"{folder.path}: another process works on this run; wait for it or stop it."]
    assert run.status == "complete"
    with folder.held():
        pass  # let go at the end


def test_a_model_that_went_away_before_going_on(plan: RunPlan, tmp_path: Path) -> None:
    mine = tmp_path / "mine.onnx"
    shutil.copy(str(plan.model), mine)
    with pytest.raises(Stop):
        execute(prepare(msgspec.structs.replace(plan, model=str(mine))), tmp_path, stop_at(0, "load"))
    mine.unlink()
    (place,) = (tmp_path / "runs").iterdir()
    with pytest.raises(BadModel, match="no such model file"):
        resume(RunFolder(place), ignore)
    shutil.copy(str(plan.model), mine)
    assert resume(RunFolder(place), ignore)[1].status == "complete"


def test_the_plan_is_kept_as_it_was_asked(plan: RunPlan, tmp_path: Path) -> None:
    full = msgspec.structs.replace(
        plan, seed=2**63 - 1, workers=2, threads=1, batch=4, settings={"answers": "zeros", "per_sample_us": 0.5}
    )
    run = bench.run(full, output=tmp_path)
    kept: Run = RunFolder.of(tmp_path, run.run_id).load_run()
    assert kept.plan == full
    (measurement,) = kept.measurements
    assert (measurement.batch, measurement.workers, measurement.threads) == (4, 2, 1)
