"""MLPerf's early-stopping bound of a percentile: MLPerf LoadGen 6.0, early_stopping.cc (confidence 0.99, tolerance 0).

It assumes independent queries, which latencies in a queue are not; it is shown for interchange and never decides.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Final

from bench.records.numbers import Interval, Refusal
from bench.scoring.columns import FAILED_NS, Int64s, failed_refusal
from bench.scoring.distributions import check_probability, few_over

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


@lru_cache(maxsize=256)
def tolerated(n: int, p: float, confidence: float = CONFIDENCE) -> int:
    """t*: the largest t with n >= h(t) + t, 0 where there is none; 206 for n = 2401 at p90 (LoadGen prints t* - 1).

    Because the probability in `least_passing` falls in h, this is the largest t with P[Binomial(n, 1 - p) <= t] at most
    1 - confidence: one bisection instead of a walk over t. Raises ValueError for n < 1 or a probability outside (0, 1).
    """
    check_probability("p", p)
    check_probability("confidence", confidence)
    if n < 1:
        raise ValueError(f"`n` is {n}, expected at least 1")

    def too_many(over: int) -> bool:
        return few_over(over, n, p) > 1.0 - confidence

    return max(0, bisect_left(range(n), True, key=too_many) - 1)


def early_stopping_bound(sorted_latency_ns: Int64s, p: float) -> Interval | Refusal:
    """The one-sided 99 % upper bound sorted[n - t*] of percentile `p`, in ns, as `Interval(low=0, high=bound)`.

    `sorted_latency_ns` has shape (n,), int64 ns, ascending, failures as `FAILED_NS`. Refused with `too-few-queries`
    when n is below `least_samples(p)`, with `queries-failed` when the bound falls on a failed query.
    Raises ValueError when empty or p is not in (0, 1).
    """
    n = sorted_latency_ns.size
    if n == 0:
        raise ValueError("`sorted_latency_ns` is empty")
    if n < least_samples(p):
        return Refusal(code="too-few-queries", seen=float(n), limit=float(least_samples(p)))
    over = tolerated(n, float(p))
    bound = int(sorted_latency_ns[n - over])
    if bound == FAILED_NS:
        return failed_refusal(sorted_latency_ns, (over - 1) / n)
    return Interval(low=0.0, high=float(bound), confidence=CONFIDENCE, kind="early-stopping")
