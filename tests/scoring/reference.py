"""Slow, obvious versions of what `bench.scoring` computes, written from the definitions and not from the code."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import stats

from bench.scoring.columns import FAILED_NS, Columns


def make_columns(rows: list[tuple[int, int, int, int, int]], samples_per_query: int = 1, **extra: Any) -> Columns:
    """Columns from (scheduled, started, ended, query, status) rows; `queries` and `worker` may be given in `extra`."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    ones, zeros = [1] * len(rows), [0] * len(rows)
    return Columns(
        scheduled_ns=table[:, 0].copy(),
        started_ns=table[:, 1].copy(),
        ended_ns=table[:, 2].copy(),
        first_query=table[:, 3].astype(np.int32),
        queries=np.array(extra.get("queries", ones), dtype=np.int32),
        worker=np.array(extra.get("worker", zeros), dtype=np.int16),
        status=table[:, 4].astype(np.uint8),
        samples_per_query=samples_per_query,
    )


def closed_loop(service_ns: np.ndarray, gap_ns: int = 0, status: np.ndarray | None = None) -> Columns:
    """One worker, one query after another: scheduled when the one before ends, started `gap_ns` later."""
    n = len(service_ns)
    ended = np.cumsum(service_ns + gap_ns).astype(np.int64)
    scheduled = np.concatenate([[0], ended[:-1]]).astype(np.int64)
    return Columns(
        scheduled_ns=scheduled,
        started_ns=scheduled + gap_ns,
        ended_ns=ended,
        first_query=np.arange(n, dtype=np.int32),
        queries=np.ones(n, np.int32),
        worker=np.zeros(n, np.int16),
        status=np.zeros(n, np.uint8) if status is None else status.astype(np.uint8),
    )


def slow_percentile(values: list[int], p: str) -> float:
    """sorted[floor(n p)] with the probability given as a decimal string."""
    value = sorted(values)[math.floor(len(values) * Fraction(p))]
    return math.inf if value == FAILED_NS else float(value)


def slow_least_passing(t: int, p: float, confidence: float = 0.99) -> int:
    """The definition, walked: the least h with P[Binomial(h + t, 1 - p) <= t] <= 1 - c."""
    h = 1
    while stats.binom.cdf(t, h + t, 1.0 - p) > 1.0 - confidence:
        h += 1
    return h


def slow_tolerated(n: int, p: float) -> int:
    """The definition, walked: the largest t with n >= h(t) + t; h grows with t, so the walk may stop."""
    t, best, h = 0, 0, 1
    while True:
        while stats.binom.cdf(t, h + t, 1.0 - p) > 0.01:
            h += 1
        if h + t > n:
            return best
        best, t = t, t + 1


def slow_mser5(series: list[float]) -> int:
    """White's statistic for every cut, the last five groups kept."""
    groups = [sum(series[i : i + 5]) / 5 for i in range(0, len(series) // 5 * 5, 5)]
    best, best_cut = math.inf, 0
    for cut in range(len(groups) - 5 + 1):
        kept = groups[cut:]
        middle = math.fsum(kept) / len(kept)
        value = math.fsum((z - middle) ** 2 for z in kept) / len(kept) ** 2
        if value < best:
            best, best_cut = value, cut
    return best_cut * 5


def slow_batches(values: list[float]) -> list[list[float]]:
    """20 consecutive batches whose sizes differ by one at most."""
    n = len(values)
    return [values[i * n // 20 : (i + 1) * n // 20] for i in range(20)]


def t_half_width(means: list[float], confidence: float = 0.95) -> float:
    """Half-width of the textbook t interval."""
    return float(stats.t.ppf((1 + confidence) / 2, len(means) - 1) * stats.sem(means))


def covers_as_claimed(hits: int, trials: int, claimed: float, at_most: float = 1.0) -> bool:
    """Whether `hits` of `trials` are credible for a coverage from `claimed` to `at_most` (false no: 2e-4)."""
    return bool(stats.binom.ppf(1e-4, trials, claimed) <= hits <= stats.binom.ppf(1 - 1e-4, trials, at_most))
