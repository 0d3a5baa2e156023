"""Percentiles as MLPerf LoadGen takes them: sorted[floor(n p)], no interpolation (LoadGen 6.0, results.cc).

A percentile that the sample cannot carry is refused, not given (measurement.md, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from bench.records.numbers import Refusal
from bench.scoring.columns import FAILED_NS, Int64s
from bench.scoring.distributions import check_probability
from bench.scoring.early_stopping import least_samples
from bench.scoring.ordered import Ordered
from bench.scoring.ragged import Answers, Ragged, blank, figure, refuse

__all__ = ["least_samples", "percentile", "percentile_answers", "percentiles", "rank", "ranks"]


def rank(n: int, p: float) -> int:
    """floor(n p) in exact arithmetic, `p` read as the decimal it prints as.

    The product of doubles may fall just short of a whole number (100 * 0.29 = 28.999999999999996).
    """
    share = _share(p)
    return n * share.numerator // share.denominator


@lru_cache(maxsize=512)
def _share(p: float) -> Fraction:
    return Fraction(repr(float(p)))


def ranks(sizes: Int64s, ps: Sequence[float]) -> Int64s:
    """`rank` of each of `ps` for timelines of these sizes, (k,); shape (k, probabilities)."""
    shares = [_share(p) for p in ps]
    most = max(share.numerator for share in shares)
    # Products that an int64 cannot hold are formed of whole numbers without an end.
    kind = np.int64 if most * int(sizes.max()) < 2**63 else object
    over = np.array([share.numerator for share in shares], kind)
    under = np.array([share.denominator for share in shares], kind)
    found: Int64s = (sizes.astype(kind)[:, None] * over // under).astype(np.int64)
    return found


def percentile_answers(ordered: Ordered, ps: Sequence[float]) -> Answers:
    """sorted[floor(n p)] in ns of every timeline at every p, (k, probabilities); infinite where it falls on a failure.

    Refused with `too-few-queries` where n is below `least_samples(p)`. Raises ValueError for a p that is not in (0, 1).
    """
    for p in ps:
        check_probability("p", p)
    least, sizes = np.array([least_samples(p) for p in ps]), ordered.sizes[:, None]
    found = ordered.at(ranks(ordered.sizes, ps))
    answers = blank(found.shape)
    answers["high"] = np.where(found == FAILED_NS, np.inf, found)
    refuse(answers, sizes < least, "too-few-queries", sizes, least)
    return answers


def percentile(sorted_latency_ns: Int64s, p: float) -> float | Refusal:
    """`percentile_answers` of one timeline, (n,), int64 ns, ascending (the caller's duty), failures as `FAILED_NS`.

    Raises ValueError when empty or p is not in (0, 1).
    """
    return figure(percentile_answers(Ordered.of_sorted(sorted_latency_ns), (p,))[0, 0])


def percentiles(latency_ns: Int64s, ps: Sequence[float]) -> dict[float, float | Refusal]:
    """`percentile` for each of `ps` of `latency_ns` (shape (n,), int64 ns, any order, left as it is)."""
    answers = percentile_answers(Ordered(Ragged.alone(latency_ns)), ps)[0]
    return {p: figure(answer) for p, answer in zip(ps, answers, strict=True)}
