"""A timeline that somebody handed in: read with limits, and brought back into the rows that were driven."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.loadgen.timeline import Timeline
from bench.store.timeline_file import MOST_ROWS
from bench.submission.confined import Unreadable, read_columns

Samples = dict[str, NDArray[np.int64]]
"""A table whose columns are all int64."""

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
_LONGEST_NS = 7 * 86_400 * 10**9


class BadTimeline(ValueError):
    """A timeline that no driver wrote; the message says what is wrong with it."""


def read_foreign(path: Path) -> Samples:
    """The columns of a timeline, all int64, read in a process with limits. Raises BadTimeline."""
    try:
        _, table = read_columns(path, MOST_ROWS, _COLUMNS)
    except Unreadable as error:
        raise BadTimeline(str(error)) from None
    _check_columns(table)
    return table


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


def _check_columns(table: Samples) -> None:
    if lacking := sorted(_NEEDED - table.keys()):
        raise BadTimeline(f"no column {lacking[0]!r}")
    for name, column in table.items():
        if int(column.min()) < 0 or int(column.max()) > _LIMITS.get(name, _LONGEST_NS):
            raise BadTimeline(f"`{name}` goes from {int(column.min())} to {int(column.max())}, beyond what can be")
