"""`bench.store.pruning`: a run goes when every criterion allows it, and it goes whole."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
import pytest

from bench.store.pruning import choose, remove
from bench.store.runs import InUse, RunFolder, runs_in

from ..records.examples import RUN

AGES_DAYS = {"e-new": 0.5, "d-recent": 3.0, "c-partial": 10.0, "b-old": 20.0, "a-oldest": 40.0}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    now = datetime.datetime.now(datetime.UTC)
    for name, days in AGES_DAYS.items():
        status = "partial" if "partial" in name else "complete"
        started = (now - datetime.timedelta(days=days)).isoformat(timespec="seconds")
        run = msgspec.structs.replace(RUN, run_id=name, started_at=started, status=status)
        RunFolder.of(tmp_path, name).keep_run(run)
    return tmp_path


def chosen(results: Path, keep: int | None = None, days: float | None = None, partial: bool = False) -> list[str]:
    return [folder.path.name for folder in choose(results, keep, days, partial)]


def test_each_criterion_alone(results: Path) -> None:
    assert chosen(results, keep=2) == ["c-partial", "b-old", "a-oldest"]
    assert chosen(results, days=15.0) == ["b-old", "a-oldest"]
    assert chosen(results, partial=True) == ["c-partial"]


def test_criteria_together_are_all_met(results: Path) -> None:
    assert chosen(results, keep=4, days=15.0) == ["a-oldest"]
    assert chosen(results, days=15.0, partial=True) == []
    assert chosen(results, days=5.0, partial=True) == ["c-partial"]


def test_limits_of_the_criteria(results: Path) -> None:
    assert chosen(results, keep=0) == list(AGES_DAYS)
    assert chosen(results, keep=99) == []
    assert chosen(results, days=0.0) == list(AGES_DAYS)
    assert chosen(results / "nowhere", keep=0) == []


def test_an_unreadable_run_counts_as_partial_and_old(results: Path) -> None:
    (results / "runs" / "b-old" / "run.json").write_text("{")
    assert chosen(results, partial=True) == ["c-partial", "b-old"]
    assert chosen(results, days=1000.0) == ["b-old"]


@pytest.mark.parametrize("started_at", ["yesterday", "", "2020-01-01", "2020-01-01T00:00:00"])
def test_a_time_without_sense_or_zone_does_not_stop_the_choice(results: Path, started_at: str) -> None:
    folder = RunFolder.of(results, "e-new")
    folder.keep_run(msgspec.structs.replace(folder.load_run(), started_at=started_at))
    assert chosen(results, days=1000.0) == ["e-new"]


def test_a_removed_run_is_gone_and_the_others_stay(results: Path) -> None:
    folder = RunFolder.of(results, "b-old")
    (folder.path / "w.offline.fp32" / "trial-00").mkdir(parents=True)
    (folder.path / "w.offline.fp32" / "trial-00" / "trial.json").write_text("{}")
    remove(folder)
    assert not folder.path.exists()
    assert len(list(runs_in(results))) == len(AGES_DAYS) - 1


def test_a_run_that_is_going_on_is_not_removed(results: Path) -> None:
    folder = RunFolder.of(results, "b-old")
    with folder.held(), pytest.raises(InUse):
        remove(folder)
    assert folder.load_run().run_id == "b-old"


def test_a_half_removed_run_is_no_run(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.store.pruning.shutil.rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        remove(RunFolder.of(results, "b-old"))
    assert "b-old" not in [folder.path.name for folder in runs_in(results)]
