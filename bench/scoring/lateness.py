"""How late the harness itself was in an open loop: queries that were not begun though a worker was free.

Waiting for a worker that is busy is queueing, and waiting for a batch to fill is batching: both are the system's.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bench.records.numbers import Lateness, Refusal
from bench.scoring.columns import DROPPED, FAILED, FAILED_NS, Columns, Int64s
from bench.scoring.percentiles import percentile, rank

HARNESS_LATE: Final = 0.1
"""Share of the latency bound that the harness's own lateness may take at its 99th percentile (measurement.md, 2)."""


def lateness(delays_ns: Int64s) -> Lateness:
    """The distribution of (n,) delays in ns, in any order. Raises ValueError when there is none."""
    if delays_ns.size == 0:
        raise ValueError("no delay, no distribution")
    ordered = np.sort(delays_ns)
    p99, p999 = (_given(percentile(ordered, p)) for p in (0.99, 0.999))
    return Lateness(
        count=ordered.size,
        p50_ns=float(ordered[rank(ordered.size, 0.5)]),
        p99_ns=p99,
        p999_ns=p999,
        max_ns=float(ordered[-1]),
    )


def harness_lateness(
    columns: Columns, arrivals_ns: Int64s, workers: int, max_batch: int, max_wait_ns: int
) -> Lateness | None:
    """The distribution of `idle_delays_ns`; None where no worker was ever free when there was something to do."""
    delays = idle_delays_ns(columns, arrivals_ns, workers, max_batch, max_wait_ns)
    return lateness(delays) if delays.size else None


def idle_delays_ns(columns: Columns, arrivals_ns: Int64s, workers: int, max_batch: int, max_wait_ns: int) -> Int64s:
    """started - ready of every row that was ready while any of `workers` was free, in the order of issue.

    A row is ready when its first query has waited `max_wait_ns`, or when `max_batch` have come. A worker is free from
    the end of its row before. Rows that were dropped occupy no worker, and are as late as the moment when they were:
    a harness that slept cannot drop its own lateness. Failed rows occupy theirs, and say nothing of themselves: some
    were never taken. Takes one row per batch, in the order in which they were taken.
    """
    first = np.cumsum(columns.queries, dtype=np.int64) - columns.queries
    ready = _ready_ns(first, arrivals_ns, max_batch, max_wait_ns)
    idle = (_first_free_ns(columns, workers) <= ready) & (columns.status != FAILED)
    delays: Int64s = (columns.started_ns - ready)[idle]
    return delays


def _ready_ns(first: Int64s, arrivals_ns: Int64s, max_batch: int, max_wait_ns: int) -> Int64s:
    due: Int64s = arrivals_ns[first]
    if not max_wait_ns:
        return due
    last = first + max_batch - 1
    full = np.where(last < arrivals_ns.size, arrivals_ns[np.minimum(last, arrivals_ns.size - 1)], FAILED_NS)
    ready: Int64s = np.minimum(due + max_wait_ns, full)
    return ready


def _first_free_ns(columns: Columns, workers: int) -> Int64s:
    """For each row, when the first worker has been free since, given all rows that were taken before it."""
    free = np.full(columns.rows, FAILED_NS, np.int64)
    for worker in range(workers):
        held = (columns.worker == worker) & (columns.status != DROPPED)
        until = np.maximum.accumulate(np.where(held, columns.ended_ns, 0))
        np.minimum(free, np.r_[np.int64(0), until[:-1]], out=free)
    return free


def _given(found: float | Refusal) -> float | None:
    return None if isinstance(found, Refusal) else found
