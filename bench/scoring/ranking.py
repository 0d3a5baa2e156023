"""Composite scores of many systems, and ranks that admit doubt (measurement.md, section 6).

Systems stand on the first axis, terms of the score on the second. Logarithms of ratios are oriented so that more is
better. Place and rank range after Mogstad, Romano, Shaikh and Wilhelm: 1 + significantly better, K - significantly
worse; pairs are compared by Welch, and all pairs together held to one level by Holm's procedure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.scoring.columns import Floats
from bench.scoring.differences import Difference, interval, probability
from bench.scoring.distributions import check_probability, normal_quantile, special

Counts = npt.NDArray[np.int64]
_Places = Counts | slice | int
_MANY: Final = 1e9  # degrees of freedom from which Student's t is the normal distribution; scipy takes no infinity


@dataclass(frozen=True, eq=False)
class Terms:
    """What the repetitions of n systems say of t terms; all arrays have shape (n, t).

    `mean` is the mean of ln(ratio to the reference) over the repetitions, `variance` that of this mean (s²/k), with
    `degrees` of freedom (k - 1). `resolution` is the variance δ²/12 that the steps of a search leave.
    Raises ValueError for shapes that differ, values that are not finite, or less than one degree of freedom.
    """

    mean: Floats
    variance: Floats
    degrees: Floats
    resolution: Floats

    def __post_init__(self) -> None:
        arrays = (self.mean, self.variance, self.degrees, self.resolution)
        if self.mean.ndim != 2 or len({array.shape for array in arrays}) > 1:
            raise ValueError(f"shapes {[array.shape for array in arrays]}: expected (systems, terms) for all")
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError("means, variances and degrees of freedom must be finite")
        if self.mean.size and (self.degrees.min() < 1 or min(self.variance.min(), self.resolution.min()) < 0):
            raise ValueError("a term needs two repetitions or more, and no variance is negative")


@dataclass(frozen=True, eq=False)
class Composite:
    """The weighted mean of the logarithms, shape (n,): exp(`value`) is the weighted geometric mean of the ratios.

    `degrees` after Welch and Satterthwaite; as good as infinite where only resolutions scatter. `spread` is Σ v²/d over
    the components of the variance, from which the degrees of a difference follow.
    """

    value: Floats
    variance: Floats
    spread: Floats

    @property
    def degrees(self) -> Floats:
        """Degrees of freedom of `variance`."""
        return _degrees(self.variance, self.spread)

    def ends(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Both ends of the two-sided interval of `value`."""
        return interval(Difference(value=self.value, error=np.sqrt(self.variance), degrees=self.degrees), confidence)


@dataclass(frozen=True, eq=False)
class Ranks:
    """Of n systems: how many are significantly better and worse than each, shape (n,)."""

    better: Counts
    worse: Counts

    @property
    def place(self) -> Counts:
        """1 + the number of systems that are significantly better."""
        return 1 + self.better

    @property
    def last(self) -> Counts:
        """The other end of the rank range: as many places from the end as systems are significantly worse."""
        return len(self.worse) - self.worse


def composite(terms: Terms, weights: Floats) -> Composite:
    """The composite of every system for `weights`, shape (t,). Raises ValueError unless they are >= 0 and sum to 1."""
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != terms.mean.shape[1:] or not (weights >= 0).all() or abs(weights.sum() - 1.0) > 1e-9:
        raise ValueError(f"weights {weights.tolist()} for {terms.mean.shape[1]} terms: expected them to sum to 1")
    repeated = terms.variance @ weights**2
    return Composite(
        value=terms.mean @ weights,
        variance=repeated + terms.resolution @ weights**2,
        spread=(terms.variance**2 / terms.degrees) @ weights**4,
    )


def ranks(scores: Composite, alpha: float, practical_gap: float) -> Ranks:
    """Ranks at level `alpha` over all pairs; a gap under `practical_gap`, a share, changes no place.

    Time grows with the pairs, memory with those that are neither certain nor out of the question: 10 000 systems are 50
    million pairs. Raises ValueError for a level or gap outside (0, 1) and [0, ∞).
    """
    check_probability("alpha", alpha)
    if not 0.0 <= practical_gap < np.inf:
        raise ValueError(f"`practical_gap` is {practical_gap}, expected a share")
    limit, n = holm_limit(scores, alpha), len(scores.value)
    better, worse = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    least, surely = np.log1p(practical_gap), _surely(scores, limit)
    for one, others in _against_the_rest(n):
        gap = scores.value[others] - scores.value[one]
        differs = (_probabilities(scores, one, others, surely, limit) <= limit) & (np.abs(gap) >= least)
        ahead, behind = differs & (gap > 0.0), differs & (gap < 0.0)
        better[one] += np.count_nonzero(ahead)
        worse[one] += np.count_nonzero(behind)
        better[others] += behind
        worse[others] += ahead
    return Ranks(better=better, worse=worse)


def differing(scores: Composite, first: Counts, second: Counts, limit: float) -> npt.NDArray[np.bool_]:
    """Whether the pairs of systems differ at a limit of `holm_limit`; indices and result have shape (pairs,)."""
    return _probabilities(scores, first, second, _surely(scores, limit), limit) <= limit


def holm_limit(scores: Composite, alpha: float) -> float:
    """The greatest probability that Holm's procedure at level `alpha` still takes for a difference, over all pairs."""
    check_probability("alpha", alpha)
    n = len(scores.value)
    members = max(1, n * (n - 1) // 2)
    # Whatever is at most α/m is rejected in any case, and what is over α never: only between do positions matter.
    certain, open_, surely = 0, [np.empty(0)], _surely(scores, alpha / members)
    for one, others in _against_the_rest(n):
        found = _probabilities(scores, one, others, surely, alpha)
        certain += int(np.count_nonzero(found <= alpha / members))
        open_.append(found[(found > alpha / members) & (found <= alpha)])
    ordered = np.sort(np.concatenate(open_))
    fits = ordered <= alpha / (members - certain - np.arange(len(ordered)))
    passed = len(fits) if fits.all() else int(np.argmin(fits))
    return float(ordered[passed - 1]) if passed else alpha / members


def _surely(scores: Composite, least: float) -> Floats:
    """For each system how many standard errors are surely enough for a probability of at most `least`."""
    found: Floats = special().stdtrit(scores.degrees, 1.0 - least / 2.0)
    return found


def _probabilities(scores: Composite, first: _Places, second: _Places, surely: Floats, most: float) -> Floats:
    """Two-sided probability of such a difference, were there none, shape (pairs,); 0 or 1 where only that matters.

    What is beyond `surely` is 0, what is surely over `most` is 1: no probability is computed for these.
    """
    variance = scores.variance[first] + scores.variance[second]
    gap = scores.value[second] - scores.value[first]
    error = np.sqrt(variance)
    # Student's tails are heavier than the normal ones: what these leave in doubt, those do too. A difference has at
    # least as many degrees of freedom as the poorer of two systems, and so no heavier tails than that one.
    asked = (np.abs(gap) >= normal_quantile(1.0 - most / 2.0) * error) & (gap != 0.0)
    certain = asked & (np.abs(gap) > np.maximum(surely[first], surely[second]) * error)
    result = np.where(certain, 0.0, 1.0)
    asked &= ~certain
    spread = (scores.spread[first] + scores.spread[second])[asked]
    difference = Difference(value=gap[asked], error=error[asked], degrees=_degrees(variance[asked], spread))
    result[asked] = probability(difference, 0.0)[1]
    return result


def _degrees(variance: Floats, spread: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0.0, np.minimum(variance**2 / spread, _MANY), _MANY)


def _against_the_rest(n: int) -> Iterator[tuple[int, slice]]:
    """All pairs: each system with those behind it in the order; slices, for index arrays take longer than the sums."""
    return ((one, slice(one + 1, n)) for one in range(n - 1))


def pareto(axes: Floats) -> npt.NDArray[np.bool_]:
    """Which systems no other one dominates, shape (n,); more is better on all axes, shape (n, a). NaN: no member.

    One dominates another that is at least as good on every axis and better on one (Kung, Luccio, Preparata 1975).
    """
    front: npt.NDArray[np.bool_] = np.logical_not(np.isnan(axes).any(axis=1))
    for index in np.flatnonzero(front):
        others = axes[front]
        front[index] = not ((others >= axes[index]).all(axis=1) & (others > axes[index]).any(axis=1)).any()
    return front
