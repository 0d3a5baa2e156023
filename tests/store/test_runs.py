"""`bench.store.runs`: folders of runs, the mark of a whole trial, and every way to name a record."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
import pytest

from bench.records.untrusted import BadFile
from bench.store.runs import InUse, NoSuchRecord, RunFolder, find_record, load_any, new_run_id, runs_in

from ..records.examples import RECORD, RUN, TRIAL

NAME = RECORD.measurement.name


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run with one measurement and one trial."""
    folder = RunFolder.of(tmp_path, RUN.run_id)
    folder.keep_run(RUN)
    folder.start_trial(NAME, 0)
    folder.keep_trial(NAME, TRIAL)
    folder.keep_record(RECORD)
    return folder


def test_what_was_kept_is_loaded(folder: RunFolder) -> None:
    assert folder.load_run() == RUN
    assert folder.load_records() == [RECORD]
    assert folder.load_trials(NAME) == [TRIAL]


def test_a_trial_without_its_mark_does_not_count_and_is_begun_afresh(folder: RunFolder) -> None:
    begun = folder.start_trial(NAME, 1)
    (begun / "columns").mkdir()
    (begun / "columns" / "started.bin").write_bytes(b"half")
    assert folder.load_trials(NAME) == [TRIAL]
    assert list(folder.start_trial(NAME, 1).iterdir()) == []


def test_trials_come_in_their_order(folder: RunFolder) -> None:
    for index in (11, 2, 19):
        folder.start_trial(NAME, index)
        folder.keep_trial(NAME, msgspec.structs.replace(TRIAL, index=index))
    assert [trial.index for trial in folder.load_trials(NAME)] == [0, 2, 11, 19]


def test_keeping_a_trial_removes_what_only_it_needed(folder: RunFolder) -> None:
    place = folder.start_trial(NAME, 1)
    (place / "columns").mkdir()
    (place / "columns" / "started.bin").write_bytes(b"x")
    for name in ("job.json", "report.json", "timeline.parquet", "outputs.safetensors", "child.log"):
        (place / name).write_text("" if name == "child.log" else "x")
    folder.keep_trial(NAME, msgspec.structs.replace(TRIAL, index=1))
    assert sorted(entry.name for entry in place.iterdir()) == ["outputs.safetensors", "timeline.parquet", "trial.json"]


def test_a_log_that_says_something_is_kept(folder: RunFolder) -> None:
    place = folder.start_trial(NAME, 1)
    (place / "child.log").write_text("a driver's last words")
    folder.keep_trial(NAME, msgspec.structs.replace(TRIAL, index=1))
    assert (place / "child.log").exists()


def test_quality_outputs_move_up_to_their_measurement(folder: RunFolder) -> None:
    for index, content in ((1, b"first"), (2, b"second")):
        place = folder.start_trial(NAME, index)
        (place / "quality").mkdir()
        (place / "quality" / "outputs.safetensors").write_bytes(content)
        folder.keep_trial(NAME, msgspec.structs.replace(TRIAL, index=index))
        assert (folder.measurement(NAME) / "quality" / "outputs.safetensors").read_bytes() == content
        assert not (place / "quality").exists()


def test_the_mark_of_a_whole_trial_is_written_after_all_else_is_in_place(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder.start_trial(NAME, 1)
    (place / "quality").mkdir()
    seen: list[bool] = []
    monkeypatch.setattr("bench.store.runs.write_record", lambda path, record: seen.append((place / "quality").exists()))
    folder.keep_trial(NAME, msgspec.structs.replace(TRIAL, index=1))
    assert seen == [False]


def test_records_come_in_the_order_of_the_plan_and_the_missing_are_left_out(folder: RunFolder) -> None:
    others = [msgspec.structs.replace(RUN.measurements[0], scenario=name) for name in ("multi_stream", "offline")]
    folder.keep_run(msgspec.structs.replace(RUN, measurements=(others[1], others[0], RUN.measurements[0])))
    folder.keep_record(msgspec.structs.replace(RECORD, measurement=others[1]))
    assert [record.measurement.scenario for record in folder.load_records()] == ["offline", "single_stream"]


def test_a_run_is_held_by_one_at_a_time(folder: RunFolder) -> None:
    again = RunFolder(folder.path)
    with folder.held(), pytest.raises(InUse, match="another process works on this run"), again.held():
        pass
    with again.held():
        pass


def test_run_ids_sort_by_time_and_differ_within_a_second() -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    ids = {new_run_id(moment) for _ in range(20)}
    assert len(ids) > 10
    assert all(name.startswith("20260102T030405Z-") for name in ids)
    assert max(ids) < new_run_id(moment + datetime.timedelta(seconds=1))


# ------------------------------------------------------------------------------------------------ RECORD arguments


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("latest", "run.json"),
        (RUN.run_id, "run.json"),
        (f"{RUN.run_id}/", "run.json"),
        (f"{RUN.run_id}/run.json", "run.json"),
        (f"{RUN.run_id}/{NAME}", f"{NAME}/record.json"),
        (f"latest/{NAME}", f"{NAME}/record.json"),
        (f"{RUN.run_id}/{NAME}/record.json", f"{NAME}/record.json"),
        (f"{RUN.run_id}/{NAME}/trial-00", f"{NAME}/trial-00/trial.json"),
        (f"latest/{NAME}/trial-00", f"{NAME}/trial-00/trial.json"),
    ],
)
def test_records_are_found_by_name(folder: RunFolder, tmp_path: Path, argument: str, found: str) -> None:
    assert find_record(argument, tmp_path).resolve() == (folder.path / found).resolve()


@pytest.mark.parametrize("place", ["", "run.json", NAME, f"{NAME}/record.json", f"{NAME}/trial-00"])
def test_records_are_found_by_path(folder: RunFolder, tmp_path: Path, place: str) -> None:
    kept = load_any(find_record(str(folder.path / place), tmp_path / "elsewhere"))
    assert kept in (RUN, RECORD, TRIAL)


def test_the_latest_is_the_newest(folder: RunFolder, tmp_path: Path) -> None:
    for name in ("20250101T000000Z-0000", "20270101T000000Z-0000"):
        RunFolder.of(tmp_path, name).keep_run(msgspec.structs.replace(RUN, run_id=name))
    assert find_record("latest", tmp_path).parent.name == "20270101T000000Z-0000"
    assert [entry.path.name[:4] for entry in runs_in(tmp_path)] == ["2027", "2026", "2025"]


def test_a_folder_without_a_run_is_none(tmp_path: Path) -> None:
    (tmp_path / "runs" / "20260101T000000Z-0000").mkdir(parents=True)
    assert list(runs_in(tmp_path)) == []
    with pytest.raises(NoSuchRecord, match="no run is kept there yet"):
        find_record("latest", tmp_path)


def test_an_unknown_name_is_met_with_a_close_one(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(NoSuchRecord, match=f"Did you mean '{RUN.run_id}'"):
        find_record(RUN.run_id[:-1] + "x", tmp_path)
    with pytest.raises(NoSuchRecord, match="There is no record"):
        find_record("x" * 50, tmp_path)


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BadFile, match=r"expected run\.json, record\.json or trial\.json"):
        load_any(find_record(str(tmp_path / "notes.txt"), tmp_path))
