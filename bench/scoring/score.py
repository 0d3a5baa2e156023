"""From the columns of one repetition to its figures, one function per scenario (measurement.md, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from bench.records.numbers import Measured, Refusal, Score
from bench.scoring.batch_means import batch_means_rate
from bench.scoring.columns import Columns, Int64s, latencies, per_query
from bench.scoring.early_stopping import CONFIDENCE, early_stopping_answers
from bench.scoring.many import latency_answers, measured
from bench.scoring.ordered import Ordered
from bench.scoring.percentiles import percentile_answers
from bench.scoring.quality import wilson
from bench.scoring.ragged import Ragged, figure, interval, refuse
from bench.scoring.sketch import sketch


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
    ordered, start = Ordered(Ragged.alone(service)), int(columns.scheduled_ns.min())
    drawn = sketch(service, ordered, columns.ended_ns, start, quantity="service_ns", samples=brought)
    return Score(metrics=metrics, sketch=drawn)


SCORERS: Mapping[str, Callable[[Columns], Score]] = MappingProxyType(
    {"single_stream": score_single_stream, "multi_stream": score_multi_stream, "offline": score_offline}
)
"""Scenario name to the function that scores it."""


def latency_metrics(latency: Int64s, ordered: Ordered) -> dict[str, Measured]:
    """Latency p50, p90, p99, p999 and mean, and `failed_share`; (n,) int64 ns in the order of time, and `ordered`."""
    failed = failed_share(int(ordered.failed[0]), latency.size)
    return {**latency_answers(Ragged.alone(latency), ordered).metrics(0), "failed_share": failed}


def _score_closed_loop(columns: Columns, primary: str, p: float) -> Score:
    queries = per_query(columns)
    latency = latencies(queries.scheduled_ns, queries.ended_ns, queries.status)
    ordered, start = Ordered(Ragged.alone(latency)), int(queries.scheduled_ns.min())
    # First what asks for the most ranks: most later ones lie among them.
    drawn = sketch(latency, ordered, queries.ended_ns, start, samples=queries.samples_per_query)
    metrics = {**latency_metrics(latency, ordered), "queries_per_s": _rate(queries, 1)}
    del latency, ordered  # 240 MB at ten million queries, not needed for what LoadGen would say
    return Score(metrics={**metrics, **_as_loadgen_counts(queries, primary, p)}, sketch=drawn)


def _as_loadgen_counts(queries: Columns, name: str, p: float) -> dict[str, Measured]:
    ordered = Ordered(Ragged.alone(latencies(queries.started_ns, queries.ended_ns, queries.status)))
    served = percentile_answers(ordered, (p,))
    refuse(served, np.isinf(served["high"]), "queries-failed", ordered.failed / ordered.sizes, 1.0 - p)
    answer = early_stopping_answers(ordered, p)[0]
    bound = interval(answer, CONFIDENCE, "early-stopping")
    return {
        f"latency_{name}_from_start_ns": measured(figure(served[0, 0]), None),
        f"latency_{name}_early_stopping_ns": measured(figure(answer), bound),
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


def failed_share(failed: int, total: int) -> Measured:
    """Share of `total` queries that failed, with Wilson's interval."""
    return measured(failed / total, wilson(failed, total))
