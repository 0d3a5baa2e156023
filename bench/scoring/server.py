"""Figures of one open-loop repetition (measurement.md, section 2): latencies count from when a query was due.

Those of a ramp are in `ramp`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Measured, Refusal, Score
from bench.scoring.batch_means import batch_means_mean
from bench.scoring.columns import DROPPED, FAILED, Columns, Int64s, latencies
from bench.scoring.many import measured
from bench.scoring.ordered import Ordered
from bench.scoring.ragged import Ragged
from bench.scoring.score import failed_share, latency_metrics
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

    Takes one row per query (`each_query`) and gives the figures of `score_trace` besides.
    """
    score = score_trace(queries, bound_ns)
    held = min(_value(score, "scheduled_per_s"), _value(score, "queries_per_s"))
    return Score(metrics={"rate_held_per_s": _rate(held), **score.metrics}, sketch=score.sketch)


def score_trace(queries: Columns, bound_ns: int) -> Score:
    """Open loop with arrivals of its own; primary `latency_p99_ns`, from the scheduled moment.

    Takes one row per query. Gives latency percentiles and mean, `late_share` (over `bound_ns`, failed or dropped),
    `scheduled_per_s` = n ÷ last arrival, `queries_per_s` = completed ÷ last end, and `failed_share`. Raises ValueError
    for a malformed timeline.
    """
    latency = latencies(queries.scheduled_ns, queries.ended_ns, queries.status)
    ordered = Ordered(Ragged.alone(latency))
    drawn = sketch(latency, ordered, queries.ended_ns, 0, samples=queries.samples_per_query)
    late = latency > bound_ns
    unanswered = int(np.count_nonzero(queries.status))
    completed = (latency.size - unanswered) * 1e9 / max(int(queries.ended_ns.max()), 1)
    metrics = {
        # Late queries come together, in queues: an interval for independent ones would be too narrow.
        "late_share": measured(float(late.mean()), batch_means_mean(late.astype(np.float64))),
        "scheduled_per_s": Measured(value=latency.size * 1e9 / max(int(queries.scheduled_ns[-1]), 1)),
        "queries_per_s": _rate(completed),
        **latency_metrics(latency, ordered),
        "failed_share": failed_share(int(np.count_nonzero(queries.status == FAILED)), latency.size),
    }
    return Score(metrics=metrics, sketch=drawn)


def score_streams(queries: Columns, camera: npt.NDArray[np.int32], deadline_ns: int) -> Score:
    """Cameras in real time; primary `channels`, their number.

    Takes one row per frame, and the camera of each, (frames,). Gives the figures of `score_trace` besides:
    `worst_late_share`, that of the camera with most frames late or dropped, which is the one that must hold; and
    `dropped_share`.
    """
    score = score_trace(queries, deadline_ns)
    late = latencies(queries.scheduled_ns, queries.ended_ns, queries.status) > deadline_ns
    frames = np.bincount(camera)
    worst = float((np.bincount(camera, late) / np.maximum(frames, 1)).max())
    metrics = {
        "channels": Measured(value=float(frames.size)),
        "worst_late_share": Measured(value=worst),
        "dropped_share": Measured(value=float(np.mean(queries.status == DROPPED))),
        **score.metrics,
    }
    return Score(metrics=metrics, sketch=score.sketch)


def _value(score: Score, name: str) -> float:
    return score.metrics[name].value or 0.0


def _rate(value: float) -> Measured:
    if value > 0.0:
        return Measured(value=value)
    return Measured(refusal=Refusal(code="queries-failed", seen=1.0, limit=0.0))
