"""Intervals within one run by batch means: 20 batches, Student's t with 19 degrees (Schmeiser 1982).

They do not replace repetitions, and are refused where the batches are still correlated (measurement.md, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval, Refusal
from bench.scoring.columns import FAILED_NS, Floats, Int64s, is_sorted
from bench.scoring.distributions import check_probability, t_quantile
from bench.scoring.ordered import Ordered
from bench.scoring.percentiles import ranks
from bench.scoring.ragged import Answers, Ragged, blank, counted, interval, refuse

BATCHES: Final = 20
MAX_LAG1: Final = 0.3
MIN_EXCEEDING: Final = 10


def lag1(values: Floats) -> float:
    """Lag-1 autocorrelation Σ(xᵢ-x̄)(xᵢ₊₁-x̄)/Σ(xᵢ-x̄)² of shape (m,); 0 for constant values."""
    return float(lag1_each(values[None, :])[0])


def lag1_each(rows: Floats) -> Floats:
    """`lag1` of every row, (k, m); shape (k,)."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    total, crossed = np.square(centred).sum(axis=1), (centred[:, 1:] * centred[:, :-1]).sum(axis=1)
    # A spread of a few roundings is none: its "correlation" would be that of the rounding.
    some = np.ptp(rows, axis=1) > 8.0 * np.finfo(np.float64).eps * np.abs(rows).max(axis=1)
    found: Floats = np.divide(crossed, total, out=np.zeros_like(total), where=some)
    return found


def mean_answers(values_in_order: Ragged, confidence: float = 0.95) -> Answers:
    """Intervals of the means of every timeline, (k,), in the values' unit; values stand in the order of time.

    Refused: `queries-failed` where int64 values hold `FAILED_NS` (no mean exists), `too-few-queries` under 20 values,
    `interval-not-supported` where the batch means' lag-1 correlation exceeds 0.3.
    Raises ValueError when floats are not finite.
    """
    _check(values_in_order.values, confidence)
    whole = values_in_order.values.dtype.kind == "i"
    failed = values_in_order.failed() if whole else np.zeros(values_in_order.count, np.int64)
    return mean_answers_of_sums(sums_of_batches(values_in_order), values_in_order.sizes, failed, confidence)


def mean_answers_of_sums(sums: Floats, sizes: Int64s, failed: Int64s, confidence: float = 0.95) -> Answers:
    """`mean_answers` from the sums over the batches of every timeline, (k, 20), and how many values failed, (k,)."""
    answers = blank(len(sizes))
    refuse(answers, failed > 0, "queries-failed", failed / sizes, 0.0)
    refuse(answers, sizes < BATCHES, "too-few-queries", sizes, BATCHES)
    half, middle = _half_widths(answers, sums / _lengths(sizes), confidence), sums.sum(axis=1) / sizes
    answers["low"], answers["high"] = middle - half, middle + half
    return answers


def batch_means_mean(values_in_order: Int64s | Floats, confidence: float = 0.95) -> Interval | Refusal:
    """`mean_answers` of one timeline, (n,). Raises ValueError when empty, or when floats are not finite."""
    return interval(mean_answers(Ragged.alone(values_in_order), confidence)[0], confidence, "batch-means-t")


def percentile_interval_answers(
    latency_in_order_ns: Ragged, ordered: Ordered, ps: Sequence[float], confidence: float = 0.95
) -> Answers:
    """Intervals of the percentiles `ps`, in ns, of every timeline, (k, probabilities); `FAILED_NS` is allowed.

    With q̂ = sorted[floor(n p)], the batch means of 1{L > q̂} give the half-width h of the share beyond q̂; the interval
    is [sorted[floor(n (p-h))], sorted[ceil(n (p+h))]], the shares p ± h turned back into latencies (Woodruff 1952).
    `ordered` are the same latencies, which stand in the order of time. Refused: `too-few-queries` under 20 values;
    `queries-failed` where the upper end falls on a failed query; `interval-not-supported` where the lag-1 correlation
    exceeds 0.3, fewer than 10 batches hold an exceedance (below the median: a non-exceedance, the rarer event), or
    p + h reaches 1. Raises ValueError for a probability outside (0, 1).
    """
    beyond, edges = ordered.at(ranks(latency_in_order_ns.sizes, ps)), _edges(latency_in_order_ns)
    over = [latency_in_order_ns.values > latency_in_order_ns.each(column) for column in beyond.T]
    counts = np.stack([counted(flags, edges.reshape(-1)).reshape(edges.shape) for flags in over], axis=1)
    return percentile_interval_answers_of_counts(ordered, ps, counts, confidence)


def percentile_interval_answers_of_counts(
    ordered: Ordered, ps: Sequence[float], counts: Int64s | Floats, confidence: float = 0.95
) -> Answers:
    """`percentile_interval_answers` from how many values of each batch lie beyond each percentile, (k, ps, 20)."""
    for p in (*ps, confidence):
        check_probability("p", p)
    n, answers, halves = ordered.sizes[:, None], blank(counts.shape[:2]), np.zeros(counts.shape[:2])
    refuse(answers, n < BATCHES, "too-few-queries", n, BATCHES)
    for number, p in enumerate(ps):
        shares = counts[:, number] / _lengths(ordered.sizes)
        halves[:, number] = _exceedance_half_widths(answers[:, number], shares, p, confidence)
    low, high = (np.array(ps) + sign * halves for sign in (-1.0, 1.0))
    refuse(answers, high >= 1.0, "interval-not-supported", high, 1.0)
    ends = np.concatenate([np.maximum(np.floor(n * low), 0), np.ceil(n * high)], axis=1).astype(np.int64)
    found = ordered.at(ends)
    answers["low"], answers["high"] = found[:, : len(ps)], found[:, len(ps) :]
    fell = found[:, len(ps) :] == FAILED_NS
    refuse(answers, fell, "queries-failed", ordered.failed[:, None] / n, 1.0 - np.array(ps) - halves)
    return answers


def batch_means_percentile(
    latency_in_order_ns: Int64s, p: float, confidence: float = 0.95, sorted_latency_ns: Int64s | None = None
) -> Interval | Refusal:
    """`percentile_interval_answers` of one timeline, (n,) int64 ns; `sorted_latency_ns` where the caller has it.

    Raises ValueError when empty or for a probability outside (0, 1).
    """
    latency = Ragged.alone(latency_in_order_ns)
    ordered = Ordered(latency) if sorted_latency_ns is None else Ordered.of_sorted(sorted_latency_ns)
    answers = percentile_interval_answers(latency, ordered, (p,), confidence)
    return interval(answers[0, 0], confidence, "batch-means-t")


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
    per_sample, answer = np.diff(ends_ns, prepend=start_ns) / np.diff(done, prepend=0), blank(1)
    half = float(_half_widths(answer, per_sample[None, :], confidence)[0])
    if isinstance(refused := interval(answer[0], confidence, "batch-means-t"), Refusal):
        return refused
    middle = float(ends_ns[-1] - start_ns) / float(done[-1])
    if half >= middle:
        return _unsupported(half / middle, 1.0)
    return Interval(low=1e9 / (middle + half), high=1e9 / (middle - half), confidence=confidence, kind="batch-means-t")


def _check(values: npt.NDArray[Any], confidence: float) -> None:
    check_probability("confidence", confidence)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("values in order hold NaN or infinity")


def _unsupported(seen: float, limit: float) -> Refusal:
    return Refusal(code="interval-not-supported", seen=seen, limit=limit)


def _edges(ragged: Ragged) -> Int64s:
    """Where the batches begin, (k, 20). Sizes differ by one at most, so that no value is dropped.

    Of a timeline of less than 20 values they mean nothing, and what comes of them is refused.
    """
    edges: Int64s = ragged.offsets[:-1, None] + np.arange(BATCHES) * ragged.sizes[:, None] // BATCHES
    return edges


def _lengths(sizes: Int64s) -> Int64s:
    """How many values the batches of timelines of these sizes have, (k, 20)."""
    found: Int64s = np.maximum(1, np.diff(np.arange(BATCHES + 1) * sizes[:, None] // BATCHES, axis=1))
    return found


def sums_of_batches(values_in_order: Ragged) -> Floats:
    """Sums over the 20 batches of every timeline, (k, 20); meaningless where it has less than 20 values.

    In float64: int64 would overflow at 10⁷ latencies of a thousand seconds.
    """
    edges = _edges(values_in_order)
    found = np.add.reduceat(values_in_order.values, edges.reshape(-1), dtype=np.float64)
    return cast(Floats, found.reshape(edges.shape))


def batch_sums(values: npt.NDArray[Any], first: int, total: int) -> Floats:
    """What a part of one timeline adds to the sums over its 20 batches, (20,): its values from number `first` on.

    `total` is the size of the whole timeline.
    """
    edges = np.clip(np.arange(BATCHES + 1) * total // BATCHES - first, 0, values.size)
    held, kind = np.diff(edges) > 0, np.int64 if values.dtype.kind == "b" else np.float64
    sums = np.zeros(BATCHES)
    sums[held] = np.add.reduceat(values, edges[:-1][held], dtype=kind)
    return sums


def _half_widths(answers: Answers, means: Floats, confidence: float) -> Floats:
    """Half-widths (k,) from the means of batches, (k, 20); refused where these are correlated."""
    correlation = lag1_each(means)
    refuse(answers, correlation > MAX_LAG1, "interval-not-supported", correlation, MAX_LAG1)
    deviations: Floats = means.std(axis=1, ddof=1)
    return t_quantile(confidence, BATCHES - 1) * deviations / math.sqrt(BATCHES)


def _exceedance_half_widths(answers: Answers, shares: Floats, p: float, confidence: float) -> Floats:
    holding = np.count_nonzero(shares if p >= 0.5 else 1.0 - shares, axis=1)
    refuse(answers, holding < MIN_EXCEEDING, "interval-not-supported", holding, MIN_EXCEEDING)
    return _half_widths(answers, shares, confidence)


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
