"""MLPerf's early-stopping bound of a percentile: MLPerf LoadGen 6.0, early_stopping.cc (confidence 0.99, tolerance 0).

It assumes independent queries, which latencies in a queue are not; it is shown for interchange and never decides.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Final

import numpy as np

from bench.records.numbers import Interval, Refusal
from bench.scoring.columns import FAILED_NS, Int64s
from bench.scoring.distributions import check_probability, few_over, special
from bench.scoring.ordered import Ordered
from bench.scoring.ragged import Answers, blank, interval, refuse

CONFIDENCE: Final = 0.99


@lru_cache(maxsize=256)
def least_passing(over: int, p: float, confidence: float = CONFIDENCE) -> int:
    """h(t): the least number h of queries under the limit that goes with t = `over` queries over it.

    The least h with P[Binomial(h + t, 1 - p) <= t] <= 1 - confidence. The left side falls in h, so that doubling and
    bisection find it in O(log h) evaluations.
    Raises ValueError for a negative `over` or a probability outside (0, 1).
    """
    check_probability("p", p)
    check_probability("confidence", confidence)
    if over < 0:
        raise ValueError(f"`over` is {over}, expected at least 0")

    def passes(under: int) -> bool:
        return few_over(over, under + over, p) <= 1.0 - confidence

    high = 1
    while not passes(high):
        high *= 2
    return 1 + bisect_left(range(1, high), True, key=passes)


def least_samples(p: float) -> int:
    """The least n from which percentile `p` may be given: h(1) + 1, that is 64 (p90), 662 (p99), 6636 (p99.9)."""
    return least_passing(1, float(p)) + 1


def tolerated_each(sizes: Int64s, p: float, confidence: float = CONFIDENCE) -> Int64s:
    """t* of timelines of these sizes, (k,): the largest t with n >= h(t) + t, 0 where there is none.

    206 for n = 2401 at p90 (LoadGen prints t* - 1). Because the probability in `least_passing` falls in h, this is the
    largest t with P[Binomial(n, 1 - p) <= t] at most 1 - confidence: a bisection for all at once instead of a walk over
    t. Raises ValueError for n < 1 or a probability outside (0, 1).
    """
    check_probability("p", p)
    check_probability("confidence", confidence)
    if int(sizes.min()) < 1:
        raise ValueError(f"`n` is {int(sizes.min())}, expected at least 1")
    n, back = np.unique(sizes, return_inverse=True)
    return _tolerated(tuple(n.tolist()), p, confidence)[back]


@lru_cache(maxsize=256)
def _tolerated(sizes: tuple[int, ...], p: float, confidence: float) -> Int64s:
    n = np.array(sizes)
    low, high = np.zeros_like(n), n.copy()  # the first t that is too many lies from low to high
    while (low < high).any():
        middle = np.minimum((low + high) // 2, n - 1)
        too_many = special().betainc(n - middle, middle + 1, p) > 1.0 - confidence  # `few_over` of each
        high = np.where(too_many, middle, high)
        low = np.where(too_many | (low == high), low, middle + 1)
    found: Int64s = np.maximum(low - 1, 0)
    return found


def tolerated(n: int, p: float, confidence: float = CONFIDENCE) -> int:
    """`tolerated_each` of one timeline."""
    return int(tolerated_each(np.array([n]), p, confidence)[0])


def bound_ranks(sizes: Int64s, p: float) -> Int64s:
    """The rank n - t* of the bound for timelines of these sizes, (k, 1)."""
    return (sizes - tolerated_each(sizes, p))[:, None]


def early_stopping_answers(ordered: Ordered, p: float) -> Answers:
    """The one-sided 99 % upper bound sorted[n - t*] of percentile `p`, in ns, of every timeline, (k,): `high`, `low` 0.

    Refused with `too-few-queries` where n is below `least_samples(p)`, with `queries-failed` where the bound falls on a
    failed query. Raises ValueError when p is not in (0, 1).
    """
    sizes, least = ordered.sizes, least_samples(p)
    bound = ordered.at(bound_ranks(sizes, float(p)))[:, 0]
    answers = blank(sizes.shape)
    answers["high"] = bound
    refuse(answers, sizes < least, "too-few-queries", sizes, least)
    refuse(
        answers,
        bound == FAILED_NS,
        "queries-failed",
        ordered.failed / sizes,
        (tolerated_each(sizes, float(p)) - 1) / sizes,
    )
    return answers


def early_stopping_bound(sorted_latency_ns: Int64s, p: float) -> Interval | Refusal:
    """`early_stopping_answers` of one timeline, (n,), int64 ns, ascending, failures as `FAILED_NS`.

    Raises ValueError when empty or p is not in (0, 1).
    """
    return interval(early_stopping_answers(Ordered.of_sorted(sorted_latency_ns), p)[0], CONFIDENCE, "early-stopping")
