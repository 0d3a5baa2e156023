"""Percentiles as MLPerf LoadGen takes them: sorted[floor(n p)], no interpolation (LoadGen 6.0, results.cc).

A percentile that the sample cannot carry is refused, not given (measurement.md, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from bench.records.numbers import Refusal
from bench.scoring.columns import Int64s, as_latency
from bench.scoring.distributions import check_probability
from bench.scoring.early_stopping import least_samples

__all__ = ["least_samples", "percentile", "percentiles", "rank"]


def rank(n: int, p: float) -> int:
    """floor(n p) in exact arithmetic, `p` read as the decimal it prints as.

    The product of doubles may fall just short of a whole number (100 * 0.29 = 28.999999999999996).
    """
    share = Fraction(repr(float(p)))
    return n * share.numerator // share.denominator


def percentile(sorted_latency_ns: Int64s, p: float) -> float | Refusal:
    """sorted[floor(n p)] in ns; `math.inf` where it falls on a failed query.

    `sorted_latency_ns` has shape (n,), int64 ns, ascending (the caller's duty), failures as `FAILED_NS`.
    Refused with `too-few-queries` when n is below `least_samples(p)`.
    Raises ValueError when empty or p is not in (0, 1).
    """
    check_probability("p", p)
    n = sorted_latency_ns.size
    if n == 0:
        raise ValueError("`sorted_latency_ns` is empty")
    if n < least_samples(p):
        return Refusal(code="too-few-queries", seen=float(n), limit=float(least_samples(p)))
    return as_latency(sorted_latency_ns[rank(n, p)])


def percentiles(latency_ns: Int64s, ps: Sequence[float]) -> dict[float, float | Refusal]:
    """`percentile` for each of `ps` from one sort of `latency_ns` (shape (n,), int64 ns, any order, left as it is)."""
    ordered = latency_ns.copy()
    ordered.sort()
    return {p: percentile(ordered, p) for p in ps}
