"""The table of all kept figures: made anew from what changed, whole whatever happened to it, closed to the outside."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from bench.store.index import INDEX, columns, refreshed

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
