"""A timeline that somebody handed in: read with limits, and brought back into the rows that were driven."""

from __future__ import annotations

from pathlib import Path
from typing import Any  # Any: integers of any width

import numpy as np
from numpy.typing import NDArray

from bench.loadgen.timeline import Timeline
from bench.store.timeline_file import MOST_ROWS
from bench.submission.confined import Unreadable, read_columns

Samples = dict[str, NDArray[Any]]
"""A table whose columns are integers; times are int64."""

_COLUMNS = frozenset({"scheduled", "started", "ended", "query", "batch", "worker", "status", "sample", "stream"})
_NEEDED = _COLUMNS - {"sample", "stream"}
# Largest values that the columns of a driven timeline hold.
_LIMITS = {
    "worker": 2**15 - 1,
    "status": 2,
    "batch": MOST_ROWS,
    "query": 2**40,
    "sample": 2**31 - 1,
    "stream": 2**31 - 1,
}
_OF_ROW = ("started", "ended", "worker", "status")
_NUMBERING = "batches are not numbered one after another"
_LONGEST_NS = 7 * 86_400 * 10**9


class BadTimeline(ValueError):
    """A timeline that no driver wrote; the message says what is wrong with it."""


def read_foreign(path: Path) -> Samples:
    """The columns of a timeline, read in a process with limits. Raises BadTimeline."""
    try:
        _, table = read_columns(path, MOST_ROWS, _COLUMNS)
    except Unreadable as error:
        raise BadTimeline(str(error)) from None
    _check_columns(table)
    return table


def rows_of(table: Samples, open_loop: bool) -> Timeline:
    """The driven rows behind a table of samples, times from t0. Raises BadTimeline where rows contradict themselves."""
    batch = table["batch"]
    begins = np.r_[True, batch[1:] != batch[:-1]]
    if begins.all():  # a row each, and nothing to copy
        if not np.array_equal(batch, np.arange(len(batch), dtype=batch.dtype)):
            raise BadTimeline(_NUMBERING)
        return _timeline(table, np.ones(len(batch), np.int32) if open_loop else None)
    first = np.flatnonzero(begins)
    if not np.array_equal(batch[first], np.arange(len(first))):
        raise BadTimeline(_NUMBERING)
    held = np.diff(np.r_[first, len(batch)])
    for name in _OF_ROW:
        if not np.array_equal(np.repeat(table[name][first], held), table[name]):
            raise BadTimeline(f"`{name}` differs within a batch")
    return _timeline({name: table[name][first] for name in _OF_ROW}, held.astype(np.int32) if open_loop else None)


def _timeline(rows: Samples, queries: NDArray[np.int32] | None) -> Timeline:
    return Timeline(
        started=rows["started"],
        ended=rows["ended"],
        worker=rows["worker"].astype(np.int16),
        status=rows["status"].astype(np.uint8),
        queries=queries,
    )


def _check_columns(table: Samples) -> None:
    if lacking := sorted(_NEEDED - table.keys()):
        raise BadTimeline(f"no column {lacking[0]!r}")
    for name, column in table.items():
        if int(column.min()) < 0 or int(column.max()) > _LIMITS.get(name, _LONGEST_NS):
            raise BadTimeline(f"`{name}` goes from {int(column.min())} to {int(column.max())}, beyond what can be")
