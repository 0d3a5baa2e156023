"""The columns that scoring takes, from a timeline: when each row was due, and which queries it held.

Closed loop: a query is due when the one before it has ended. All due: everything is due at t0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.loadgen.timeline import Timeline
from bench.records.plan import Measurement
from bench.scoring.columns import Columns


def columns_of(timeline: Timeline, measurement: Measurement, t0_ns: int) -> Columns:
    """The timeline of one repetition as scoring takes it, times counted from t0."""
    rows = np.arange(timeline.rows, dtype=np.int64)
    if timeline.queries is not None:
        raise ValueError("the rows of an open loop are due when its arrivals say: `open_loop_columns`")
    if measurement.scenario == "offline":
        scheduled, first, held = all_due_schedule(timeline, t0_ns), rows * measurement.batch, measurement.batch
    else:
        per_query = measurement.samples_per_query // measurement.batch
        scheduled, held = closed_schedule(timeline, per_query), 1
        first = rows if per_query == 1 else rows // per_query
    return Columns(
        scheduled_ns=_since(t0_ns, scheduled),
        started_ns=_since(t0_ns, timeline.started),
        ended_ns=_since(t0_ns, timeline.ended),
        first_query=first,  # type: ignore[arg-type]  # int64: offline runs may hold more than 2^31 samples
        queries=np.full(timeline.rows, held, np.int32),
        worker=timeline.worker,
        status=timeline.status,
        samples_per_query=measurement.samples_per_query,
    )


def open_loop_columns(timeline: Timeline, arrivals_ns: NDArray[np.int64], t0_ns: int) -> Columns:
    """The rows of an open loop, each due with its first query; times counted from t0."""
    assert timeline.queries is not None
    first = np.cumsum(timeline.queries, dtype=np.int64) - timeline.queries
    return Columns(
        scheduled_ns=arrivals_ns[first],
        started_ns=_since(t0_ns, timeline.started),
        ended_ns=_since(t0_ns, timeline.ended),
        first_query=first.astype(np.int32),
        queries=timeline.queries,
        worker=timeline.worker,
        status=timeline.status,
    )


def closed_schedule(timeline: Timeline, rows_per_query: int) -> NDArray[np.int64]:
    """Due time of each row in ns, (rows,): the end of the query before; the first query is due at its own start.

    `timeline.rows` must be a multiple of `rows_per_query`; raises ValueError otherwise.
    """
    if timeline.rows % rows_per_query:
        raise ValueError(f"{timeline.rows} rows do not make whole queries of {rows_per_query} rows")
    ended = timeline.ended if rows_per_query == 1 else timeline.ended.reshape(-1, rows_per_query).max(axis=1)
    due = np.empty_like(ended)
    due[0] = timeline.started[:rows_per_query].min()
    due[1:] = ended[:-1]
    return due if rows_per_query == 1 else np.repeat(due, rows_per_query)


def all_due_schedule(timeline: Timeline, t0_ns: int) -> NDArray[np.int64]:
    """Due time of each row in ns when everything is due at t0, (rows,)."""
    return np.full(timeline.rows, t0_ns, np.int64)


def _since(t0_ns: int, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times from t0, (n,); those that are counted from it already are not copied: there may be ten millions."""
    return times_ns - t0_ns if t0_ns else times_ns
