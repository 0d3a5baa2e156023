"""Figures of a ramp: the curve of latency over throughput, its knee, and what is left of the goodput under overload."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bench.records.numbers import CurvePoint, Measured, Refusal, Score
from bench.scoring.columns import FAILED_NS, Columns, Int64s, latencies
from bench.scoring.percentiles import percentile
from bench.scoring.server import score_trace

_NONE_IN_TIME = Measured(refusal=Refusal(code="bound-missed", seen=1.0, limit=0.0))


def score_ramp(queries: Columns, step: npt.NDArray[np.int32], bound_ns: int) -> Score:
    """Poisson arrivals at rising rates; primary `goodput_peak_per_s`, the highest goodput of any step.

    Takes one row per query and the number of its step, (n,), ascending from 0; a step lasts until its last query is
    due. `goodput_retained` and `throughput_retained` are the last step's shares of the highest goodput and the highest
    completed rate. `knee_per_s` is what was offered in the step with the greatest power = completed per second ÷ mean
    latency (Kleinrock 1979). Raises ValueError for a malformed timeline.
    """
    whole = score_trace(queries, bound_ns)
    curve = _curve(queries, step, bound_ns)
    good = [point.goodput_per_s for point in curve]
    metrics = {
        "goodput_peak_per_s": Measured(value=max(good)) if max(good) > 0.0 else _NONE_IN_TIME,
        "goodput_retained": _retained(good),
        "throughput_retained": _retained([point.completed_per_s for point in curve]),
        "knee_per_s": _knee(curve),
        "failed_share": whole.metrics["failed_share"],
    }
    return Score(metrics=metrics, sketch=whole.sketch, curve=curve)


def _retained(rates_per_s: list[float]) -> Measured:
    peak = max(rates_per_s)
    return Measured(value=rates_per_s[-1] / peak) if peak > 0.0 else _NONE_IN_TIME


def _curve(queries: Columns, step: npt.NDArray[np.int32], bound_ns: int) -> tuple[CurvePoint, ...]:
    latency = latencies(queries.scheduled_ns, queries.ended_ns, queries.status)
    answered = np.sort(queries.ended_ns[queries.status == 0])
    lasts = np.flatnonzero(np.r_[step[1:] != step[:-1], True])
    firsts = np.r_[0, lasts[:-1] + 1]
    ends = queries.scheduled_ns[lasts]
    begins = np.r_[0, ends[:-1]]
    return tuple(
        _point(latency[first : last + 1], answered, int(begin), int(end), bound_ns)
        for first, last, begin, end in zip(firsts, lasts, begins, ends, strict=True)
    )


def _point(latency: Int64s, answered_ns: Int64s, begin_ns: int, end_ns: int, bound_ns: int) -> CurvePoint:
    seconds = max(end_ns - begin_ns, 1) / 1e9
    completed = int(np.diff(answered_ns.searchsorted([begin_ns, end_ns], side="right"))[0])
    ordered = np.sort(latency)
    return CurvePoint(
        offered_per_s=latency.size / seconds,
        queries=latency.size,
        completed_per_s=completed / seconds,
        goodput_per_s=int(np.count_nonzero(latency <= bound_ns)) / seconds,
        latency_mean_ns=None if ordered[-1] == FAILED_NS else float(latency.mean()),
        latency_p50_ns=_percentile(ordered, 0.5),
        latency_p99_ns=_percentile(ordered, 0.99),
    )


def _percentile(ordered: Int64s, p: float) -> float | None:
    found = percentile(ordered, p)
    return None if isinstance(found, Refusal) or not math.isfinite(found) else found


def _knee(curve: tuple[CurvePoint, ...]) -> Measured:
    powers = [point.completed_per_s / point.latency_mean_ns if point.latency_mean_ns else 0.0 for point in curve]
    best = int(np.argmax(powers))
    if powers[best] <= 0.0:
        return Measured(refusal=Refusal(code="queries-failed", seen=1.0, limit=0.0))
    return Measured(value=curve[best].offered_per_s)
