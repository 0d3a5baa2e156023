"""Figures of one open-loop repetition (measurement.md, section 2): latencies count from when a query was due."""

from __future__ import annotations

from typing import Final

import numpy as np

from bench.records.numbers import Measured, Refusal, Score
from bench.scoring.batch_means import batch_means_mean
from bench.scoring.columns import FAILED_NS, Columns, Int64s, latencies
from bench.scoring.percentiles import percentile
from bench.scoring.score import latency_metrics, measured
from bench.scoring.sketch import sketch

LATE_ALLOWED: Final = 0.01
"""Share of the queries that may end later than the bound: the bound is on the 99th percentile."""


def each_query(columns: Columns, arrivals_ns: Int64s) -> Columns:
    """One row per query from one row per batch; `arrivals_ns`, (queries,), says when each was due.

    Raises ValueError when the rows do not hold exactly the queries that arrived.
    """
    held = columns.queries.astype(np.int64)
    if int(held.sum()) != arrivals_ns.size:
        raise ValueError(f"{int(held.sum())} queries in the rows, {arrivals_ns.size} arrivals")
    return Columns(
        scheduled_ns=arrivals_ns,
        started_ns=np.repeat(columns.started_ns, held),
        ended_ns=np.repeat(columns.ended_ns, held),
        first_query=np.arange(arrivals_ns.size, dtype=np.int32),
        queries=np.ones(arrivals_ns.size, np.int32),
        worker=np.repeat(columns.worker, held),
        status=np.repeat(columns.status, held),
        samples_per_query=columns.samples_per_query,
    )


def score_server(queries: Columns, bound_ns: int) -> Score:
    """Open loop; primary `rate_held_per_s` = min(scheduled, completed) queries per second.

    Takes one row per query (`each_query`). Gives latency percentiles and mean from the scheduled moment, `late_share`
    (over `bound_ns`, or failed), `scheduled_per_s` = n ÷ last arrival, `queries_per_s` = completed ÷ last end, and
    `failed_share`. Raises ValueError for a malformed timeline.
    """
    latency = latencies(queries.scheduled_ns, queries.ended_ns, queries.status)
    ordered = np.sort(latency)
    late = latency > bound_ns
    failed = int(np.count_nonzero(queries.status))
    scheduled = latency.size * 1e9 / max(int(queries.scheduled_ns[-1]), 1)
    completed = (latency.size - failed) * 1e9 / max(int(queries.ended_ns.max()), 1)
    metrics = {
        "rate_held_per_s": _rate(min(scheduled, completed)),
        # Late queries come together, in queues: an interval for independent ones would be too narrow.
        "late_share": measured(float(late.mean()), batch_means_mean(late.astype(np.float64))),
        "scheduled_per_s": Measured(value=scheduled),
        "queries_per_s": _rate(completed),
        **latency_metrics(latency, ordered, failed),
    }
    drawn = sketch(latency, ordered, queries.ended_ns, 0, samples=queries.samples_per_query)
    return Score(metrics=metrics, sketch=drawn)


def lateness_ns(columns: Columns, arrivals_ns: Int64s, max_batch: int, max_wait_ns: int) -> Int64s:
    """How late the harness itself was: started - ready for every row whose worker was free when it was ready.

    A row is ready when its first query has waited `max_wait_ns`, or when `max_batch` have come. Failed rows keep their
    worker busy and say nothing themselves: some were never taken.
    """
    first = np.cumsum(columns.queries, dtype=np.int64) - columns.queries
    full = first + max_batch - 1
    arrived = np.where(full < arrivals_ns.size, arrivals_ns[np.minimum(full, arrivals_ns.size - 1)], FAILED_NS)
    ready = np.minimum(arrivals_ns[first] + max_wait_ns, arrived) if max_wait_ns else arrivals_ns[first]
    late = []
    for worker in np.unique(columns.worker):
        own = np.flatnonzero(columns.worker == worker)
        free = np.r_[np.int64(0), columns.ended_ns[own][:-1]]
        idle = own[(free <= ready[own]) & (columns.status[own] == 0)]
        late.append(columns.started_ns[idle] - ready[idle])
    return np.concatenate(late) if late else np.empty(0, np.int64)


def lateness_p99(columns: Columns, arrivals_ns: Int64s, max_batch: int, max_wait_ns: int) -> float | None:
    """The 99th percentile of `lateness_ns`, its maximum where there are too few; None where no worker was ever free."""
    late = np.sort(lateness_ns(columns, arrivals_ns, max_batch, max_wait_ns))
    if late.size == 0:
        return None
    found = percentile(late, 0.99)
    return float(late[-1]) if isinstance(found, Refusal) else found


def _rate(value: float) -> Measured:
    if value > 0.0:
        return Measured(value=value)
    return Measured(refusal=Refusal(code="queries-failed", seen=1.0, limit=0.0))
