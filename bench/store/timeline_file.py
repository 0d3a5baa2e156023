"""Timelines as Parquet: one row per sample, constant columns left out and noted in the file's metadata.

Times are ns from the run's t0. Written and read by duckdb, with one thread and without a look outside.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.scoring.columns import Columns
from bench.scoring.streaming import Part
from bench.store.files import write_atomically

if TYPE_CHECKING:
    import duckdb

TIMELINE = "timeline.parquet"  # in the folder of its trial
MOST_ROWS = 10_000_000
_DRIVEN = ("scheduled", "started", "ended", "query", "batch", "worker", "status")
PART_ROWS = 1 << 18
_PART_MEMORY = "256MB"
_PART_COLUMNS = ("scheduled", "ended", "status")
Table = dict[str, NDArray[np.generic]]


def sample_table(columns: Columns, samples: NDArray[np.int64] | None) -> Table:
    """Columns of the kept table: one row per sample, or one per batch where samples would pass ten million rows.

    `samples` are the sample numbers of each batch row, (rows, batch); None leaves the column out.
    """
    held = columns.queries.astype(np.int64) * columns.samples_per_query
    if samples is not None:
        held = np.full(columns.rows, samples.shape[1], np.int64)
    by_batch = int(held.sum()) > MOST_ROWS
    # One row each: nothing is copied, which of ten million rows takes as long as writing them.
    single = by_batch or int(held.max()) == 1
    rows = np.arange(columns.rows, dtype=np.int32)
    plain = (columns.scheduled_ns, columns.started_ns, columns.ended_ns, columns.first_query, rows)
    repeated = [column if single else np.repeat(column, held) for column in (*plain, columns.worker, columns.status)]
    table: Table = dict(zip(_DRIVEN, repeated, strict=True))
    if not single:
        table["query"] = np.repeat(columns.first_query, held) + _within(columns, held)
    if samples is not None and not by_batch:
        table["sample"] = samples.reshape(-1).astype(np.int32)
    return table


def open_loop_table(
    columns: Columns, queries: Columns, order: NDArray[np.int64], camera: NDArray[np.int32] | None = None
) -> Table:
    """As `sample_table` for an open loop, from its `queries`, one row each; `order` names the sample of each.

    `camera` says which stream a query belongs to, (queries,).
    """
    numbers = np.arange(queries.rows, dtype=np.int64)
    table: Table = {
        "scheduled": queries.scheduled_ns,
        "started": queries.started_ns,
        "ended": queries.ended_ns,
        "query": queries.first_query,
        "batch": np.repeat(np.arange(columns.rows, dtype=np.int32), columns.queries),
        "worker": queries.worker,
        "status": queries.status,
        "sample": order[numbers % len(order)].astype(np.int32),
    }
    if camera is not None:
        table["stream"] = camera
    return table


def write_timeline(path: Path, table: Table) -> None:
    """Write `table`, atomically. Raises OSError when there is no room."""
    constant = {name: int(column[0]) for name, column in table.items() if len(column) and (column == column[0]).all()}
    varying = {name: column for name, column in table.items() if name not in constant}
    rows = len(next(iter(table.values())))
    varying = varying or {"row": np.arange(rows, dtype=np.int32)}
    notes = {"schema": 1, "rows": rows, **{f"constant:{name}": value for name, value in constant.items()}}
    write_atomically(path, lambda temporary: _copy(temporary, varying, notes))


def read_timeline(path: Path) -> Table:
    """The table as it was given to `write_timeline`, constants filled in again."""
    with _connection() as connection:
        table: Table = dict(connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchnumpy())
        rows = connection.execute(
            "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [str(path)]
        ).fetchall()
    notes = dict(rows)
    table.pop("row", None)
    for key, value in notes.items():
        if key.startswith("constant:"):
            table[key.removeprefix("constant:")] = np.full(int(notes["rows"]), int(value), np.int64)
    return table


def timeline_parts(path: Path, rows: int = PART_ROWS) -> Iterator[Part]:
    """A kept timeline from its beginning, `rows` at a time: it need not fit into memory.

    Raises OSError where there is none, ValueError where it is no timeline.
    """
    with _database(_PART_MEMORY).cursor() as connection:
        notes = _notes(connection, path)
        constant = {name: int(notes[f"constant:{name}"]) for name in _PART_COLUMNS if f"constant:{name}" in notes}
        names = ", ".join(name for name in _PART_COLUMNS if name not in constant) or "row"
        for first in range(0, int(notes["rows"]), rows):
            # A row group is passed over by its numbers, without being read.
            found: Table = connection.execute(
                f"SELECT {names} FROM read_parquet(?, file_row_number = true) "
                "WHERE file_row_number >= ? AND file_row_number < ?",
                [str(path), first, first + rows],
            ).fetchnumpy()
            count = len(next(iter(found.values())))
            column = {name: np.full(count, value, np.int64) for name, value in constant.items()} | found
            scheduled, ended, status = (np.asarray(column[name], np.int64) for name in _PART_COLUMNS)
            yield Part(scheduled_ns=scheduled, ended_ns=ended, status=status)


def _notes(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """What `write_timeline` noted in the file."""
    import duckdb

    if not path.is_file():
        raise FileNotFoundError(2, "there is no timeline", str(path))
    try:
        found = connection.execute(
            "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [str(path)]
        ).fetchall()
    except duckdb.Error as error:
        raise ValueError(f"{path}: {str(error).splitlines()[0]}") from None
    notes = dict(found)
    if not notes.get("rows", "").isdigit() or int(notes["rows"]) == 0:
        raise ValueError(f"{path}: it does not say how many rows it has; no timeline of this program")
    return notes


def _copy(path: Path, table: Table, notes: dict[str, int]) -> None:
    import duckdb

    metadata = ", ".join(f"'{key}': '{value}'" for key, value in notes.items())
    target = str(path).replace("'", "''")
    try:
        with _connection() as connection:
            connection.register("columns", table)
            connection.execute(
                f"COPY (SELECT * FROM columns) TO '{target}' "
                f"(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, KV_METADATA {{{metadata}}})"
            )
    except duckdb.IOException as error:
        raise OSError(None, str(error).splitlines()[0], str(path)) from error


def _connection() -> duckdb.DuckDBPyConnection:
    """A connection of its own to the one database of this process, which takes 16 ms to start."""
    return _database().cursor()


@functools.cache
def _database(memory: str | None = None) -> duckdb.DuckDBPyConnection:
    import duckdb

    limit = {"memory_limit": memory} if memory is not None else {}
    return duckdb.connect(
        config={"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False, **limit}
    )


def _within(columns: Columns, repeat: NDArray[np.int64]) -> NDArray[np.int64]:
    """Offset of each sample's query from its row's first: 0, 1, … within rows that hold many queries, else 0."""
    if int(columns.queries.max()) == 1:
        return np.zeros(int(repeat.sum()), np.int64)
    starts = np.cumsum(repeat) - repeat
    return np.arange(int(repeat.sum()), dtype=np.int64) - np.repeat(starts, repeat)
