"""`bench.store.timeline_file`: one row per sample, read back as written, and by anybody's duckdb."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scoring.columns import Columns
from bench.store import timeline_file
from bench.store.timeline_file import Table, read_timeline, sample_table, write_timeline


def columns(rows: int, queries: int = 1, rows_per_query: int = 1, samples_per_query: int = 1) -> Columns:
    ended = np.cumsum(np.arange(rows, dtype=np.int64) % 7 + 1)
    return Columns(
        scheduled_ns=np.concatenate([[0], ended[:-1]]),
        started_ns=np.concatenate([[0], ended[:-1]]) + 1,
        ended_ns=ended + 1,
        first_query=np.arange(rows, dtype=np.int64) // rows_per_query * queries,
        queries=np.full(rows, queries, np.int32),
        worker=np.arange(rows, dtype=np.int16) % 2,
        status=np.zeros(rows, np.uint8),
        samples_per_query=samples_per_query,
    )


def slow_table(given_columns: Columns, samples: np.ndarray) -> list[tuple[int, ...]]:
    """(scheduled, started, ended, query, batch, worker, status, sample) of each sample, by loops."""
    found = []
    for row in range(given_columns.rows):
        for place in range(samples.shape[1]):
            query = int(given_columns.first_query[row])
            if given_columns.queries[row] > 1:
                query += place // given_columns.samples_per_query
            times = (given_columns.scheduled_ns, given_columns.started_ns, given_columns.ended_ns)
            rest = (int(given_columns.worker[row]), int(given_columns.status[row]), int(samples[row, place]))
            found.append((*[int(column[row]) for column in times], query, row, *rest))
    return found


ORDER = ("scheduled", "started", "ended", "query", "batch", "worker", "status", "sample")


@pytest.mark.parametrize(
    ("queries", "rows_per_query", "samples_per_query", "batch"),
    [(1, 1, 1, 1), (4, 1, 1, 4), (1, 2, 8, 4), (1, 1, 8, 8)],
    ids=["single_stream", "offline", "multi_stream split", "multi_stream"],
)
def test_the_table_has_a_row_per_sample(queries: int, rows_per_query: int, samples_per_query: int, batch: int) -> None:
    given_columns = columns(6, queries, rows_per_query, samples_per_query)
    samples = np.arange(6 * batch, dtype=np.int64).reshape(6, batch) % 5
    table = sample_table(given_columns, samples)
    rows = list(zip(*[table[name].tolist() for name in ORDER], strict=True))
    assert rows == slow_table(given_columns, samples)


@pytest.mark.parametrize("samples", [np.zeros((6, 4), np.int64), None])
def test_a_table_too_long_keeps_a_row_per_batch(monkeypatch: pytest.MonkeyPatch, samples: np.ndarray | None) -> None:
    monkeypatch.setattr(timeline_file, "MOST_ROWS", 23)
    table = sample_table(columns(6, queries=4), samples)
    assert table["batch"].tolist() == list(range(6))
    assert table["query"].tolist() == [0, 4, 8, 12, 16, 20]
    assert "sample" not in table
    monkeypatch.setattr(timeline_file, "MOST_ROWS", 24)
    assert len(sample_table(columns(6, queries=4), samples)["batch"]) == 24


def same(first: Table, second: Table) -> bool:
    return first.keys() == second.keys() and all((first[name] == second[name]).all() for name in first)


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = sample_table(columns(1000, queries=4), np.arange(4000, dtype=np.int64).reshape(1000, 4) % 77)
    write_timeline(tmp_path / "timeline.parquet", table)
    assert same(read_timeline(tmp_path / "timeline.parquet"), table)
    assert [entry.name for entry in tmp_path.iterdir()] == ["timeline.parquet"]


@pytest.mark.parametrize("rows", [1, 2])
def test_a_table_of_nothing_but_constants_comes_back(tmp_path: Path, rows: int) -> None:
    table: Table = {"scheduled": np.full(rows, 2**62), "worker": np.full(rows, 3, np.int16)}
    write_timeline(tmp_path / "timeline.parquet", table)
    assert same(read_timeline(tmp_path / "timeline.parquet"), table)


def test_constants_take_no_column_and_are_noted(tmp_path: Path) -> None:
    write_timeline(tmp_path / "t.parquet", sample_table(columns(10), np.arange(10).reshape(10, 1)))
    names = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{tmp_path / 't.parquet'}'").fetchall()]
    assert "status" not in names
    notes = duckdb.sql(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{tmp_path / 't.parquet'}')")
    assert dict(notes.fetchall()) == {"schema": "1", "rows": "10", "constant:status": "0"}


def test_anybody_can_read_it(tmp_path: Path) -> None:
    write_timeline(tmp_path / "t.parquet", sample_table(columns(100), np.arange(100).reshape(100, 1)))
    query = f"SELECT count(*), max(ended - started), min(ended - scheduled) FROM '{tmp_path / 't.parquet'}'"
    assert duckdb.sql(query).fetchall() == [(100, 7, 1 + 1)]


def test_a_folder_with_a_quote_in_its_name_is_no_code(tmp_path: Path) -> None:
    path = tmp_path / "it's; DROP" / "t.parquet"
    write_timeline(path, {"started": np.arange(3)})
    assert read_timeline(path)["started"].tolist() == [0, 1, 2]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_times_keep_all_their_bits(tmp_path_factory: pytest.TempPathFactory, times: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / "bits.parquet"
    write_timeline(path, {"started": np.array(times, np.int64)})
    assert read_timeline(path)["started"].tolist() == times


@pytest.mark.skipif(sys.platform != "linux", reason="file size limits")
def test_no_room_is_an_os_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_timeline(path, {"started": np.arange(3)})
    script = (
        "import resource, sys; from pathlib import Path; import numpy as np\n"
        "from bench.store.timeline_file import write_timeline\n"
        "noise = {'started': np.random.default_rng(0).integers(0, 2**62, 500_000)}\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n"
        "try: write_timeline(Path(sys.argv[1]), noise)\n"
        "except OSError as error: sys.exit(7 if error.strerror and '\\n' not in error.strerror else 8)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=120).returncode == 7
    assert read_timeline(path)["started"].tolist() == [0, 1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.parquet"]
