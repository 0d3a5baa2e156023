"""From the columns of one repetition to its figures, one function per scenario (measurement.md, section 2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from bench.records.numbers import Interval, Measured, Refusal, Score
from bench.scoring.batch_means import (
    batch_means_mean,
    batch_means_percentile,
    batch_means_rate,
)
from bench.scoring.columns import Columns, Int64s, failed_refusal, latencies, per_query
from bench.scoring.early_stopping import early_stopping_bound, tolerated
from bench.scoring.percentiles import percentile, rank
from bench.scoring.quality import wilson
from bench.scoring.sketch import sketch

_PERCENTILES: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))


def score_single_stream(columns: Columns) -> Score:
    """Closed loop, one query of one sample at a time; primary `latency_p90_ns`, from the scheduled moment.

    Takes one row per query. Gives latency p50, p90, p99, p999 and mean, p90 from the start, its early-stopping bound,
    `queries_per_s` and `failed_share`. Raises ValueError for a malformed timeline.
    """
    return _score_closed_loop(columns, "p90", 0.9)


def score_multi_stream(columns: Columns) -> Score:
    """Closed loop, `samples_per_query` samples a query, which ends with its last row; primary `latency_p99_ns`.

    A query may have several rows. Gives what `score_single_stream` gives, with p99 from the start and its bound, and
    `samples_per_s`. Raises ValueError for a malformed timeline.
    """
    queries = per_query(columns)
    score = _score_closed_loop(queries, "p99", 0.99)
    metrics = {**score.metrics, "samples_per_s": _rate(queries, columns.samples_per_query)}
    return Score(metrics=metrics, sketch=score.sketch)


def score_offline(columns: Columns) -> Score:
    """All samples due at once, in batches; primary `samples_per_s` = samples completed / last end.

    Takes one row per batch; gives `samples_per_s` and `failed_share`, and a sketch of the batches' service time.
    Raises ValueError for a malformed timeline.
    """
    service = latencies(columns.started_ns, columns.ended_ns, columns.status)
    ok = columns.status == 0
    brought = columns.queries * ok * np.int64(columns.samples_per_query)
    queries = int(columns.queries.sum(dtype=np.int64))
    failed = queries - int(columns.queries.sum(dtype=np.int64, where=ok))
    metrics = {
        "samples_per_s": _rate(columns, brought),
        "failed_share": failed_share(failed, queries),
    }
    start = int(columns.scheduled_ns.min())
    drawn = sketch(service, np.sort(service), columns.ended_ns, start, quantity="service_ns", samples=brought)
    return Score(metrics=metrics, sketch=drawn)


SCORERS: Mapping[str, Callable[[Columns], Score]] = MappingProxyType(
    {"single_stream": score_single_stream, "multi_stream": score_multi_stream, "offline": score_offline}
)
"""Scenario name to the function that scores it."""


def latency_metrics(latency: Int64s, ordered: Int64s, failed: int) -> dict[str, Measured]:
    """Latency p50, p90, p99, p999 and mean, and `failed_share`; (n,) int64 ns in the order of time, and ascending."""
    metrics = {
        f"latency_{name}_ns": measured(
            _finite(percentile(ordered, q), ordered, q), batch_means_percentile(latency, q, sorted_latency_ns=ordered)
        )
        for name, q in _PERCENTILES
    }
    return {**metrics, "latency_mean_ns": _mean(latency, failed), "failed_share": failed_share(failed, latency.size)}


def _score_closed_loop(columns: Columns, primary: str, p: float) -> Score:
    queries = per_query(columns)
    latency = latencies(queries.scheduled_ns, queries.ended_ns, queries.status)
    ordered = latency.copy()
    ordered.sort()
    failed = int(np.count_nonzero(queries.status))
    metrics = {**latency_metrics(latency, ordered, failed), "queries_per_s": _rate(queries, 1)}
    start = int(queries.scheduled_ns.min())
    drawn = sketch(latency, ordered, queries.ended_ns, start, samples=queries.samples_per_query)
    del latency, ordered  # 160 MB at ten million queries, not needed for what LoadGen would say
    return Score(metrics={**metrics, **_as_loadgen_counts(queries, primary, p)}, sketch=drawn)


def _as_loadgen_counts(queries: Columns, name: str, p: float) -> dict[str, Measured]:
    ordered = latencies(queries.started_ns, queries.ended_ns, queries.status)
    # Only two ranks are read: putting these in place takes a sixth of the time of a sort.
    n = ordered.size
    ordered.partition([rank(n, p), n - max(1, tolerated(n, p))])
    bound = early_stopping_bound(ordered, p)
    return {
        f"latency_{name}_from_start_ns": measured(_finite(percentile(ordered, p), ordered, p), None),
        f"latency_{name}_early_stopping_ns": measured(bound.high if isinstance(bound, Interval) else bound, bound),
    }


def _rate(columns: Columns, samples: int | Int64s) -> Measured:
    """Completed per second. `samples` counts what a row brings; a scalar is taken as 0 where the row failed."""
    brought = samples
    if isinstance(samples, int) and columns.status.any():
        brought = samples * (columns.status == 0).astype(np.int64)
    completed = int(np.sum(brought)) if isinstance(brought, np.ndarray) else brought * columns.rows
    if completed == 0:
        return measured(Refusal(code="queries-failed", seen=1.0, limit=0.0), None)
    if columns.elapsed_ns <= 0:
        return measured(Refusal(code="too-short", seen=float(columns.elapsed_ns), limit=1.0), None)
    interval = batch_means_rate(columns.ended_ns, brought, int(columns.scheduled_ns.min()))
    return measured(completed * 1e9 / columns.elapsed_ns, interval)


def _mean(latency: Int64s, failed: int) -> Measured:
    if failed:
        return measured(Refusal(code="queries-failed", seen=failed / latency.size, limit=0.0), None)
    return measured(float(latency.mean()), batch_means_mean(latency))


def failed_share(failed: int, total: int) -> Measured:
    """Share of `total` queries that failed, with Wilson's interval."""
    return measured(failed / total, wilson(failed, total))


def _finite(value: float | Refusal, ordered: Int64s, p: float) -> float | Refusal:
    """A percentile as a record can hold it: +infinity, a failed query, becomes a refusal (`bench.records.numbers`)."""
    if isinstance(value, Refusal) or math.isfinite(value):
        return value
    return failed_refusal(ordered, 1.0 - p)


def measured(value: float | Refusal, interval: Interval | Refusal | None) -> Measured:
    """A figure with its interval, either of which may be refused."""
    refused = isinstance(value, Refusal)
    return Measured(
        value=None if isinstance(value, Refusal) else value,
        refusal=value if isinstance(value, Refusal) else None,
        # No interval around a number that is not given.
        interval=interval if isinstance(interval, Interval) and not refused else None,
        interval_refusal=interval if isinstance(interval, Refusal) and not refused else None,
    )
