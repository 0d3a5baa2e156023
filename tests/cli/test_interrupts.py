"""Ctrl-C, SIGTERM and a closed terminal: exit code 13, no process left, a partial run that `--resume` completes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from bench.records.effort import EFFORTS

from .conftest import HASTE
from .kept import check_every_file, kept_bytes, records_of, run_of, whole_trials
from .things import NAME, TIMEOUT_S, Command, Running, complaint, finish, only_run, run, start

FLAGS = ("--backend", "fake", "--scenario", "single_stream", "--scenario", "offline", "--format", "json")


def wait_until(true: Callable[[], bool], process: Running) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not true():
        assert process.poll() is None, finish(process)
        assert time.monotonic() < deadline
        time.sleep(0.01)


def started(results: Path, pattern: str) -> Callable[[], bool]:
    return lambda: any(results.glob(f"runs/*/{pattern}"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_second_measurement(model: Path, tmp_path: Path, number: signal.Signals) -> None:
    results = tmp_path / "results"
    process = start(tmp_path, "run", "--model", model, *FLAGS)
    wait_until(started(results, f"{NAME.format('offline')}/trial-00/job.json"), process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    outcome = finish(process)
    assert outcome.code == 13
    assert outcome.out == ""
    folder = only_run(results)
    said = complaint(outcome)
    assert said.startswith("Interrupted.")
    assert f"`bench run --resume {folder}` goes on." in said
    assert psutil.wait_procs(children, timeout=10)[1] == []

    assert run_of(folder).status == "partial"
    check_every_file(results)
    before = whole_trials(results)
    assert before, "the first measurement was whole"
    resumed = run(tmp_path, "run", "--resume", "latest", "--format", "json")
    assert resumed.code == 0, resumed
    assert kept_bytes(before) == before
    assert run_of(folder).status == "complete"
    assert all(record.valid for record in records_of(folder))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_anything_is_kept(model: Path, tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "run", "--model", model, *FLAGS)
    wait_until(lambda: (tmp_path / "results").exists(), process)
    process.send_signal(number)
    outcome = finish(process)
    assert outcome.code == 13
    assert complaint(outcome).startswith("Interrupted.")
    check_every_file(tmp_path / "results")


def test_two_signals_at_once(model: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "run", "--model", model, *FLAGS)
    wait_until(started(tmp_path / "results", f"{NAME.format('single_stream')}/trial-00/job.json"), process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.code == 13
    assert complaint(outcome).startswith("Interrupted.")


def test_under_nohup_a_run_outlives_its_terminal(model: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "run", "--model", model, *FLAGS, nohup=True)
    wait_until(started(tmp_path / "results", f"{NAME.format('single_stream')}/trial-00/job.json"), process)
    process.send_signal(signal.SIGHUP)
    assert finish(process).code == 0


def test_resuming_a_complete_run_is_refused(bench: Command, model: Path, tmp_path: Path) -> None:
    assert bench("run", "--model", model, *FLAGS).code == 0
    folder = only_run(tmp_path / "results")
    for argument in ("latest", folder.name, folder, folder / "run.json"):
        outcome = bench("run", "--resume", argument)
        assert outcome.code == 2
        assert f"Run {folder.name} is complete; there is nothing to resume." in complaint(outcome)
    part = bench("run", "--resume", folder / NAME.format("offline"))
    assert part.code == 2
    assert "is a part of one" in complaint(part)


@pytest.mark.parametrize("argument", ["latest", "20200101T000000Z-0000", "nothing"])
def test_resuming_nothing(bench: Command, argument: str) -> None:
    outcome = bench("run", "--resume", argument)
    assert outcome.code == 2
    assert "no run is kept there" in complaint(outcome) or "There is no record" in complaint(outcome)


def test_a_run_that_goes_on_is_neither_resumed_nor_pruned(model: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "run", "--model", model, *FLAGS, DURATION_S="1")
    wait_until(started(tmp_path / "results", f"{NAME.format('single_stream')}/trial-00/job.json"), process)
    outcome = run(tmp_path, "run", "--resume", "latest")
    assert outcome.code == 2
    assert "another process works on this run" in complaint(outcome)
    pruned = run(tmp_path, "prune", "--partial")
    assert pruned.code == 0
    assert pruned.out == "0 runs.\n"
    assert "it is going on now" in pruned.err
    assert finish(process).code == 0
    assert run_of(only_run(tmp_path / "results")).status == "complete"


def test_a_budget_ends_a_run_early_and_going_on_gets_it_further(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", "--model", model, *FLAGS, "--budget-s", "0.001")
    assert outcome.code == 11
    assert "partial: The time budget of" in complaint(outcome)
    folder = only_run(tmp_path / "results")
    first, second = records_of(folder)
    assert (first.status, second.status) == ("complete", "partial")
    assert [entry.code for entry in second.findings if entry.severity == "warning"] == ["budget-exhausted"]
    before = whole_trials(tmp_path / "results")
    assert bench("run", "--resume", "latest", "--format", "json").code == 0
    assert kept_bytes(before) == before
    assert run_of(folder).status == "complete"


def test_going_on_with_another_budget(
    bench: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EFFORTS, "quick", msgspec.structs.replace(HASTE, repetitions=(3,)))
    flags = ["--model", model, "--backend", "fake", "--scenario", "offline", "--budget-s", "0.001"]
    assert bench("run", *flags, "--format", "json").code == 11
    assert bench("run", "--resume", "latest", "--format", "json").code == 11
    assert bench("run", "--resume", "latest", "--budget-s", "1000", "--format", "json").code == 0
    (record,) = records_of(only_run(tmp_path / "results"))
    assert len(record.trials) == 3
