"""The table of all kept figures: made anew from what changed, whole whatever happened to it, closed to the outside."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import msgspec
import pytest

from bench.records.numbers import Measured
from bench.store.index import INDEX, columns, refreshed
from bench.store.runs import RunFolder

from ..procurement.made import COMMAND, OFFLINE, candidate, drawn, folder_of


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for number in (1, 2):
        folder_of(candidate(number, drawn(number)), tmp_path / "runs")
    return tmp_path


def rows(results: Path) -> list[tuple[object, ...]]:
    connection, broken = refreshed(results)
    assert broken == []
    return connection.execute(
        "SELECT run_id, workload, metric, value FROM figures ORDER BY run_id, workload, metric"
    ).fetchall()


def test_every_figure_stands_there_once(results: Path) -> None:
    found = rows(results)
    # Of two records of two runs: the metric and the quality.
    assert len(found) == 2 * 2 * 2
    assert {(workload, metric) for _, workload, metric, _ in found} == {
        ("image_classify", OFFLINE.split(".")[2]),
        ("image_classify", "quality"),
        ("speech_command", COMMAND.split(".")[2]),
        ("speech_command", "quality"),
    }
    assert rows(results) == found
    assert (results / INDEX).is_file()


def test_runs_that_come_and_go_are_followed(results: Path) -> None:
    before = rows(results)
    third = folder_of(candidate(3, drawn(3)), results / "runs")
    assert len(rows(results)) == len(before) + 4
    shutil.rmtree(third)
    assert rows(results) == before


@pytest.mark.parametrize("content", [b"", b"torn", b"PAR1" + bytes(50)])
def test_a_broken_index_is_made_anew(results: Path, content: bytes) -> None:
    before = rows(results)
    (results / INDEX).write_bytes(content)
    assert rows(results) == before


def test_an_index_of_other_columns_is_made_anew(results: Path) -> None:
    before = rows(results)
    duckdb.connect().execute(f"COPY (SELECT 1 AS run_id) TO '{results / INDEX}' (FORMAT parquet)")
    assert rows(results) == before


def test_a_broken_record_is_told_and_the_others_stay(results: Path) -> None:
    first = sorted((results / "runs").iterdir())[0]
    next(first.glob("*/record.json")).write_text("{")
    connection, broken = refreshed(results)
    assert len(broken) == 1
    assert "record.json" in broken[0]
    assert connection.execute("SELECT count(DISTINCT run_id) FROM figures").fetchall() == [(1,)]


def test_nothing_kept_is_an_empty_table(tmp_path: Path) -> None:
    assert rows(tmp_path) == []
    assert not (tmp_path / INDEX).exists()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY figures TO '{place}/out.csv'",
        "ATTACH '{place}/other.db'",
        "SET memory_limit = '9GB'",
        "INSTALL httpfs",
    ],
)
def test_a_question_reaches_nothing_else(results: Path, statement: str) -> None:
    connection, _ = refreshed(results)
    with pytest.raises(duckdb.Error):
        connection.execute(statement.format(place=results)).fetchall()
    assert not (results / "out.csv").exists()


def test_columns_have_types_of_the_database() -> None:
    assert columns()["value"] == "DOUBLE"
    assert columns()["quality_passed"] == "BOOLEAN"
    assert set(columns().values()) == {"VARCHAR", "DOUBLE", "BIGINT", "BOOLEAN"}


def test_a_run_that_goes_on_is_followed_and_a_finished_one_not_read_again(results: Path) -> None:
    """Of what is complete only `run.json`, which is written last, is looked at."""
    going = RunFolder(results / "runs" / sorted(entry.name for entry in (results / "runs").iterdir())[0])
    going.keep_run(msgspec.structs.replace(going.load_run(), status="partial"))
    before = rows(results)
    for folder in (going, RunFolder(sorted((results / "runs").iterdir())[1])):
        record = folder.load_records()[0]
        figure = Measured(value=7.0)
        folder.keep_record(msgspec.structs.replace(record, metrics=dict.fromkeys(record.metrics, figure)))
    after = rows(results)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [(run_id, value) for run_id, _, _, value in changed] == [(going.path.name, 7.0)]
    going.keep_run(msgspec.structs.replace(going.load_run(), status="complete"))
    assert rows(results) == after


def test_what_stays_is_not_written_again(results: Path) -> None:
    rows(results)
    (results / "runs" / "20990101T000000Z-0000").mkdir()
    (results / "runs" / "20990101T000000Z-0000" / "run.json").write_text("{")  # broken: it is looked at each time
    written = (results / INDEX).stat().st_mtime_ns
    connection, broken = refreshed(results)
    assert len(broken) == 1
    assert connection.execute("SELECT count(*) FROM figures").fetchall() == [(8,)]
    assert (results / INDEX).stat().st_mtime_ns == written


@pytest.mark.parametrize("there", [True, False])
def test_a_directory_that_is_only_read_is_asked_all_the_same(
    results: Path, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(results)
    (results / INDEX).unlink() if not there else shutil.rmtree(sorted((results / "runs").iterdir())[0])
    folder_of(candidate(3, drawn(3)), results / "runs")
    monkeypatch.setattr("bench.store.index.os.access", lambda *_: False)
    found = rows(results)
    assert len(found) == len(before) + (0 if there else 4)
    assert {run_id for run_id, *_ in found} == {entry.name for entry in (results / "runs").iterdir()}
    assert (results / INDEX).exists() == there
