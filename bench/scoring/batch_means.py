"""Intervals within one run by batch means: 20 batches, Student's t with 19 degrees (Schmeiser 1982).

They do not replace repetitions, and are refused where the batches are still correlated (measurement.md, section 3).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval, Refusal
from bench.scoring.columns import FAILED_NS, Floats, Int64s, failed_refusal, is_sorted
from bench.scoring.distributions import check_probability, t_quantile
from bench.scoring.percentiles import rank

BATCHES: Final = 20
MAX_LAG1: Final = 0.3
MIN_EXCEEDING: Final = 10


def lag1(values: Floats) -> float:
    """Lag-1 autocorrelation Σ(xᵢ-x̄)(xᵢ₊₁-x̄)/Σ(xᵢ-x̄)² of shape (m,); 0 for constant values."""
    # A spread of a few roundings is none: its "correlation" would be that of the rounding.
    if np.ptp(values) <= 8.0 * np.finfo(np.float64).eps * np.abs(values).max():
        return 0.0
    centred = values - values.mean()
    return float(centred[1:] @ centred[:-1]) / float(centred @ centred)


def batch_means_mean(values_in_order: Int64s | Floats, confidence: float = 0.95) -> Interval | Refusal:
    """Interval of the mean of `values_in_order`, shape (n,), in their unit and in the order of time.

    Refused: `queries-failed` when int64 values hold `FAILED_NS` (no mean exists), `too-few-queries` under 20 values,
    `interval-not-supported` when the batch means' lag-1 correlation exceeds 0.3.
    Raises ValueError when empty, or when floats are not finite.
    """
    _check(values_in_order, confidence)
    n = values_in_order.size
    if values_in_order.dtype.kind == "i" and int(values_in_order.max()) == FAILED_NS:
        return Refusal(code="queries-failed", seen=np.count_nonzero(values_in_order == FAILED_NS) / n, limit=0.0)
    if n < BATCHES:
        return Refusal(code="too-few-queries", seen=float(n), limit=BATCHES)
    half = _half_width(np.array([values_in_order[a:b].mean() for a, b in pairwise(_edges(n))]), confidence)
    if isinstance(half, Refusal):
        return half
    middle = float(values_in_order.mean())
    return Interval(low=middle - half, high=middle + half, confidence=confidence, kind="batch-means-t")


def batch_means_percentile(
    latency_in_order_ns: Int64s, p: float, confidence: float = 0.95, sorted_latency_ns: Int64s | None = None
) -> Interval | Refusal:
    """Interval of percentile `p`, in ns, from int64 latencies of shape (n,) in the order of time (`FAILED_NS` allowed).

    With q̂ = sorted[floor(n p)], the batch means of 1{L > q̂} give the half-width h of the share beyond q̂; the interval
    is [sorted[floor(n (p-h))], sorted[ceil(n (p+h))]], the shares p ± h turned back into latencies (Woodruff 1952).
    `sorted_latency_ns` spares the sort where the caller has it. Refused: `too-few-queries` under 20 values;
    `queries-failed` when the upper end falls on a failed query; `interval-not-supported` when the lag-1 correlation
    exceeds 0.3, fewer than 10 batches hold an exceedance (below the median: a non-exceedance, the rarer event), or
    p + h reaches 1. Raises ValueError when empty or for a probability outside (0, 1).
    """
    check_probability("p", p)
    _check(latency_in_order_ns, confidence)
    n = latency_in_order_ns.size
    if n < BATCHES:
        return Refusal(code="too-few-queries", seen=float(n), limit=BATCHES)
    ordered = np.sort(latency_in_order_ns) if sorted_latency_ns is None else sorted_latency_ns
    half = _exceedance_half_width(latency_in_order_ns, int(ordered[rank(n, p)]), p, confidence)
    if isinstance(half, Refusal):
        return half
    if p + half >= 1.0:
        return _unsupported(p + half, 1.0)
    low = int(ordered[max(0, math.floor(n * (p - half)))])
    high = int(ordered[min(n - 1, math.ceil(n * (p + half)))])
    if high == FAILED_NS:
        return failed_refusal(ordered, 1.0 - p - half)
    return Interval(low=float(low), high=float(high), confidence=confidence, kind="batch-means-t")


def batch_means_rate(
    ended_ns: Int64s, samples: int | npt.NDArray[np.integer[Any]], start_ns: int, confidence: float = 0.95
) -> Interval | Refusal:
    """Interval of a throughput in samples per second, from completions at `ended_ns`, shape (rows,), int64 ns.

    `samples` is what each completion brought: one number for all, or shape (rows,), with 0 for a failed one. The
    completions, given in any order, are cut into 20 consecutive batches of equal sample count, as far as whole
    completions allow. The mean time per sample of each batch gives τ ± h around τ = (last end - start) / all samples;
    the rates are 1/(τ + h) to 1/(τ - h). Refused: `too-short` when no time passes; `interval-not-supported` with fewer
    than 20 distinct batches, lag-1 correlation over 0.3, or h >= τ.
    Raises ValueError when empty, when shapes differ, or when a completion precedes `start_ns`.
    """
    check_probability("confidence", confidence)
    cut = _completion_batches(ended_ns, samples, start_ns)
    if isinstance(cut, Refusal):
        return cut
    ends_ns, done = cut
    half = _half_width(np.diff(ends_ns, prepend=start_ns) / np.diff(done, prepend=0), confidence)
    if isinstance(half, Refusal):
        return half
    middle = float(ends_ns[-1] - start_ns) / float(done[-1])
    if half >= middle:
        return _unsupported(half / middle, 1.0)
    return Interval(low=1e9 / (middle + half), high=1e9 / (middle - half), confidence=confidence, kind="batch-means-t")


def _check(values: Int64s | Floats, confidence: float) -> None:
    check_probability("confidence", confidence)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"values in order have shape {values.shape}, expected one dimension and at least one value")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("values in order hold NaN or infinity")


def _unsupported(seen: float, limit: float) -> Refusal:
    return Refusal(code="interval-not-supported", seen=seen, limit=limit)


def _edges(n: int) -> list[int]:
    # Sizes differ by one at most, so that no value is dropped when 20 does not divide n.
    return [i * n // BATCHES for i in range(BATCHES + 1)]


def _half_width(means: Floats, confidence: float) -> float | Refusal:
    correlation = lag1(means)
    if correlation > MAX_LAG1:
        return _unsupported(correlation, MAX_LAG1)
    return t_quantile(confidence, means.size - 1) * float(means.std(ddof=1)) / math.sqrt(means.size)


def _exceedance_half_width(latency: Int64s, q: int, p: float, confidence: float) -> float | Refusal:
    shares = np.array([np.count_nonzero(latency[a:b] > q) / (b - a) for a, b in pairwise(_edges(latency.size))])
    holding = int(np.count_nonzero(shares if p >= 0.5 else 1.0 - shares))
    if holding < MIN_EXCEEDING:
        return _unsupported(float(holding), MIN_EXCEEDING)
    return _half_width(shares, confidence)


def _completion_batches(
    ended_ns: Int64s, samples: int | npt.NDArray[np.integer[Any]], start_ns: int
) -> tuple[Int64s, Int64s] | Refusal:
    """End of each of the 20 batches (ns), and the samples completed until then."""
    if ended_ns.ndim != 1 or ended_ns.size == 0 or np.shape(samples) not in ((), ended_ns.shape):
        raise ValueError(f"`ended_ns` has shape {ended_ns.shape}, `samples` {np.shape(samples)}")
    if int(ended_ns.min()) < start_ns:
        raise ValueError(f"a completion at {int(ended_ns.min())} ns precedes the start at {start_ns} ns")
    if int(ended_ns.max()) == start_ns:
        return Refusal(code="too-short", seen=0.0, limit=1.0)
    order = slice(None) if is_sorted(ended_ns) else np.argsort(ended_ns, kind="stable")
    ended, part = ended_ns[order], np.arange(1, BATCHES + 1)
    if isinstance(samples, np.ndarray):
        total = np.cumsum(samples[order], dtype=np.int64)
        last = np.searchsorted(total, -(-part * total[-1] // BATCHES))
        last[-1] = ended.size - 1  # failures after the last success still took their time
        done = total[last]
    else:
        last = -(-part * ended.size // BATCHES) - 1
        done = (last + 1) * samples
    distinct = int(np.count_nonzero(np.diff(done, prepend=0)))
    return (ended[last], done) if distinct == BATCHES else _unsupported(float(distinct), BATCHES)
