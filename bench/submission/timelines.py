"""A timeline that somebody handed in: read with limits, and brought back into the rows that were driven."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.loadgen.timeline import Timeline
from bench.store.timeline_file import MOST_ROWS, Table, read_timeline

Samples = dict[str, NDArray[np.int64]]
"""A table whose columns are all int64."""

_COLUMNS = frozenset({"scheduled", "started", "ended", "query", "batch", "worker", "status", "sample", "stream"})
_NEEDED = _COLUMNS - {"sample", "stream"}
_INTEGERS = frozenset({"INT32", "INT64"})
# Largest values that the columns of a driven timeline hold.
_LIMITS = {
    "worker": 2**15 - 1,
    "status": 2,
    "batch": MOST_ROWS,
    "query": 2**40,
    "sample": 2**31 - 1,
    "stream": 2**31 - 1,
}
_LONGEST_NS = 7 * 86_400 * 10**9


class BadTimeline(ValueError):
    """A timeline that no driver wrote; the message says what is wrong with it."""


def read_foreign(path: Path) -> Samples:
    """The columns of a timeline, all int64; nothing is read before its form and size are known. Raises BadTimeline."""
    import duckdb

    try:
        _check_form(path)
        table = {name: np.asarray(column) for name, column in read_timeline(path).items()}
    except (duckdb.Error, UnicodeDecodeError, MemoryError, OverflowError) as error:
        raise BadTimeline(next(iter(str(error).splitlines()), type(error).__name__)[:200]) from None
    _check_columns(table)
    return {name: column.astype(np.int64) for name, column in table.items()}


def rows_of(table: Samples, open_loop: bool) -> Timeline:
    """The driven rows behind a table of samples, times from t0. Raises BadTimeline where rows contradict themselves."""
    batch = table["batch"]
    first = np.flatnonzero(np.r_[True, batch[1:] != batch[:-1]])
    if not np.array_equal(batch[first], np.arange(len(first))):
        raise BadTimeline("batches are not numbered one after another")
    held = np.diff(np.r_[first, len(batch)])
    for name in ("started", "ended", "worker", "status"):
        if not np.array_equal(np.repeat(table[name][first], held), table[name]):
            raise BadTimeline(f"`{name}` differs within a batch")
    return Timeline(
        started=table["started"][first],
        ended=table["ended"][first],
        worker=table["worker"][first].astype(np.int16),
        status=table["status"][first].astype(np.uint8),
        queries=held.astype(np.int32) if open_loop else None,
    )


def _check_form(path: Path) -> None:
    """Whether rows and columns are as many and as plain as those of a timeline, from the file's metadata alone."""
    import duckdb

    with duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as connection:
        quoted = str(path).replace("'", "''")
        connection.execute(f"SET allowed_paths = ['{quoted}']")
        connection.execute("SET enable_external_access = false")
        ((rows,),) = connection.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchall()
        columns = connection.execute("SELECT name, type FROM parquet_schema(?)", [str(path)]).fetchall()[1:]
        notes = dict(
            connection.execute("SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
        )
    if not 0 < rows <= MOST_ROWS:
        raise BadTimeline(f"{rows} rows; expected 1 to {MOST_ROWS}")
    names = [name for name, _ in columns]
    constant = [key.removeprefix("constant:") for key in notes if key.startswith("constant:")]
    if strange := sorted(set(names + constant) - _COLUMNS - {"row"}):
        raise BadTimeline(f"unknown column {strange[0][:80]!r}")
    if twice := {name for name in names if (names + constant).count(name) > 1}:
        raise BadTimeline(f"the column {min(twice)!r} is there twice")
    if any(kind not in _INTEGERS for _, kind in columns):
        raise BadTimeline("a column that is not of whole numbers")
    if notes.get("rows") != str(rows) or any(len(value) > 20 for value in notes.values()):
        raise BadTimeline(f"{rows} rows, and its notes say {notes.get('rows', 'nothing')[:20]!r}")


def _check_columns(table: Table) -> None:
    if lacking := sorted(_NEEDED - table.keys()):
        raise BadTimeline(f"no column {lacking[0]!r}")
    for name, column in table.items():
        if np.ma.is_masked(column) or column.dtype.kind not in "iu":
            raise BadTimeline(f"`{name}` has gaps, or is not of whole numbers")
        if int(column.min()) < 0 or int(column.max()) > _LIMITS.get(name, _LONGEST_NS):
            raise BadTimeline(f"`{name}` goes from {int(column.min())} to {int(column.max())}, beyond what can be")
