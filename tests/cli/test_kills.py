"""kill -9 at random moments, of the child and of the parent: at most one repetition is lost, and what is kept is sound.

The moments are seeded; a machine that is faster or slower meets others, and all of them must end well.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from .kept import check_every_file, kept_bytes, records_of, run_of, whole_trials
from .things import Outcome, complaint, finish, run, start

FLAGS = ("--backend", "fake", "--scenario", "single_stream", "--scenario", "offline", "--format", "json")
# Enough to reach from the start of Python to the end of the last measurement.
CHILD_LIVES_S, PARENT_LIVES_S = 2.0, 4.0


def moments(count: int, seed: int, most_s: float) -> list[float]:
    return [round(float(moment), 3) for moment in np.random.default_rng(seed).uniform(0.0, most_s, count)]


def kill_a_child(parent: psutil.Process, after_s: float) -> bool:
    """Kill the first child that lives for `after_s`; False when none does."""
    seen: set[int] = set()
    while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
        for child in parent.children():
            if child.pid not in seen:
                seen.add(child.pid)
                time.sleep(after_s)
                if child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
                    child.kill()
                    return True
        time.sleep(0.002)
    return False


def check_after_child(outcome: Outcome, results: Path, killed: bool) -> None:
    assert "Traceback" not in outcome.err
    check_every_file(results)
    (folder,) = (results / "runs").iterdir()
    failed = [record for record in records_of(folder) if not record.valid]
    if not killed or not failed:  # it was gone, or had said everything, when the signal came
        assert outcome.code == 0
        return
    assert outcome.code == 11
    assert "ended by SIGKILL" in complaint(outcome)
    (record,) = failed
    assert "repetition-failed" in {entry.code for entry in record.findings}
    assert run_of(folder).status == "complete"


def kill_child_once(model: Path, folder: Path, after_s: float) -> None:
    process = start(folder, "run", "--model", model, *FLAGS)
    try:
        killed = kill_a_child(psutil.Process(process.pid), after_s)
    except psutil.NoSuchProcess:
        killed = False
    check_after_child(finish(process), folder / "results", killed)


def kill_parent_once(model: Path, folder: Path, after_s: float) -> None:
    process = start(folder, "run", "--model", model, *FLAGS)
    parent = psutil.Process(process.pid)
    time.sleep(after_s)
    children = parent.children(recursive=True) if process.poll() is None else []
    process.kill()
    finish(process)
    assert psutil.wait_procs(children, timeout=30)[1] == [], "children die with their parent"
    results = folder / "results"
    kept = list(results.glob("runs/*/run.json"))
    if not kept:
        return
    check_every_file(results)
    before = whole_trials(results)
    whole = run_of(kept[0].parent).status == "complete"
    resumed = run(folder, "run", "--resume", "latest", "--format", "json")
    assert resumed.code == (2 if whole else 0), resumed
    assert kept_bytes(before) == before
    assert run_of(kept[0].parent).status == "complete"
    assert all(record.valid for record in records_of(kept[0].parent))


@pytest.mark.parametrize("after_s", moments(3, 1, CHILD_LIVES_S))
def test_kill_the_child(model: Path, tmp_path: Path, after_s: float) -> None:
    kill_child_once(model, tmp_path, after_s)


@pytest.mark.parametrize("after_s", moments(3, 2, PARENT_LIVES_S))
def test_kill_the_parent(model: Path, tmp_path: Path, after_s: float) -> None:
    kill_parent_once(model, tmp_path, after_s)


@pytest.mark.full
@pytest.mark.parametrize("after_s", moments(100, 3, CHILD_LIVES_S))
def test_kill_the_child_a_hundred_times(model: Path, tmp_path: Path, after_s: float) -> None:
    kill_child_once(model, tmp_path, after_s)


@pytest.mark.full
@pytest.mark.parametrize("after_s", moments(100, 4, PARENT_LIVES_S))
def test_kill_the_parent_a_hundred_times(model: Path, tmp_path: Path, after_s: float) -> None:
    kill_parent_once(model, tmp_path, after_s)


def test_kill_the_child_while_it_measures(model: Path, tmp_path: Path) -> None:
    """Not left to chance: the columns are there, so the timed part goes on."""
    process = start(tmp_path, "run", "--model", model, *FLAGS, DURATION_S="2")
    parent = psutil.Process(process.pid)
    while not any(tmp_path.glob("results/runs/*/*/trial-00/columns/status.bin")):
        assert process.poll() is None, finish(process)
        time.sleep(0.01)
    (child,) = parent.children()
    child.kill()
    outcome = finish(process)
    assert outcome.code == 11
    check_after_child(outcome, tmp_path / "results", killed=True)
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    first, second = records_of(folder)
    assert not first.valid
    assert second.valid, "the next measurement went on"
