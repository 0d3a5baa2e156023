"""Composite scores of many systems, and ranks that admit doubt (measurement.md, section 6).

Systems stand on the first axis, terms of the score on the second. Logarithms of ratios are oriented so that more is
better. Place and rank range after Mogstad, Romano, Shaikh and Wilhelm: 1 + significantly better, K - significantly
worse; pairs are compared by Welch, and all pairs together held to one level by Holm's procedure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.scoring.columns import Floats
from bench.scoring.differences import Difference, interval, two_sided
from bench.scoring.distributions import check_probability, normal_quantile, special

Counts = npt.NDArray[np.int64]
_Places = Counts | slice | int
_MANY: Final = 1e9  # degrees of freedom from which Student's t is the normal distribution; scipy takes no infinity
_STEPS: Final = 64  # entries of `_GRID` in an octave
_GRID: Final[Floats] = 2.0 ** np.arange(-1.0, math.log2(_MANY) + 2 / _STEPS, 1 / _STEPS)


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
    n = len(scores.value)
    better, worse = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    least, pairs = np.log1p(practical_gap), _Pairs(scores, alpha)
    for one, others, certain in pairs:
        gap = scores.value[others] - scores.value[one]
        ahead, behind = certain & (gap > 0.0) & (gap >= least), certain & (gap < 0.0) & (gap <= -least)
        better[one] += np.count_nonzero(ahead)
        worse[one] += np.count_nonzero(behind)
        better[others] += behind
        worse[others] += ahead
    first, second = pairs.passing(pairs.limit())
    gap = scores.value[second] - scores.value[first]
    for wide, behind_, ahead_ in ((gap >= least, first, second), (gap <= -least, second, first)):
        told = wide & (gap != 0.0)
        better += np.bincount(behind_[told], minlength=n)
        worse += np.bincount(ahead_[told], minlength=n)
    return Ranks(better=better, worse=worse)


def differing(scores: Composite, first: Counts, second: Counts, limit: float) -> npt.NDArray[np.bool_]:
    """Whether the pairs of systems differ at a limit of `holm_limit`; indices and result have shape (pairs,)."""
    return _probabilities(scores, first, second, _surely(limit), limit) <= limit


def holm_limit(scores: Composite, alpha: float) -> float:
    """The greatest probability that Holm's procedure at level `alpha` still takes for a difference, over all pairs."""
    check_probability("alpha", alpha)
    pairs = _Pairs(scores, alpha)
    for _ in pairs:
        pass
    return pairs.limit()


class _Pairs:
    """All pairs, gone through once: what is certain is said on the way, what is open is kept until the limit is known.

    Whatever is at most α/m is rejected in any case, and what is over α never: only between do positions matter.
    """

    def __init__(self, scores: Composite, alpha: float) -> None:
        n = len(scores.value)
        self._scores, self._alpha, self._members, self._certain = scores, alpha, max(1, n * (n - 1) // 2), 0
        self._first, self._second = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        self._open: list[Floats] = [np.empty(0)]

    def __iter__(self) -> Iterator[tuple[int, slice, npt.NDArray[np.bool_]]]:
        """A system, those behind it, and which of these certainly differ from it."""
        least = self._alpha / self._members
        surely = _surely(least)
        for one, others in _against_the_rest(len(self._scores.value)):
            found = _probabilities(self._scores, one, others, surely, self._alpha)
            certain = found <= least
            self._certain += int(np.count_nonzero(certain))
            open_ = np.flatnonzero((found <= self._alpha) & ~certain)
            self._first.append(np.full(len(open_), one, np.int32))
            self._second.append((open_ + one + 1).astype(np.int32))
            self._open.append(found[open_])
            yield one, others, certain

    def limit(self) -> float:
        """Holm's limit, once all pairs were gone through."""
        ordered = np.sort(np.concatenate(self._open))
        fits = ordered <= self._alpha / (self._members - self._certain - np.arange(len(ordered)))
        passed = len(fits) if fits.all() else int(np.argmin(fits))
        return float(ordered[passed - 1]) if passed else self._alpha / self._members

    def passing(self, limit: float) -> tuple[Counts, Counts]:
        """The open pairs that differ at a limit."""
        differs = np.concatenate(self._open) <= limit
        first, second = (np.concatenate(part)[differs] for part in (self._first, self._second))
        return first.astype(np.int64), second.astype(np.int64)


def _surely(least: float) -> Floats:
    """By `_GRID`, how many standard errors are surely enough for a probability of at most `least`."""
    found: Floats = special().stdtrit(_GRID, 1.0 - least / 2.0)
    return found


def _probabilities(scores: Composite, first: _Places, second: _Places, surely: Floats, most: float) -> Floats:
    """Two-sided probability of such a difference, were there none, shape (pairs,); 0 or 1 where only that matters.

    What is beyond `surely` is 0, what is surely over `most` is 1: no probability is computed for these.
    """
    variance = scores.variance[first] + scores.variance[second]
    gap = scores.value[second] - scores.value[first]
    error = np.sqrt(variance)
    # Student's tails are heavier than the normal ones: what these leave in doubt, those do too.
    asked = (np.abs(gap) >= normal_quantile(1.0 - most / 2.0) * error) & (gap != 0.0)
    result = np.where(asked, 0.0, 1.0)
    spread = (scores.spread[first] + scores.spread[second])[asked]
    gap, error, degrees = gap[asked], error[asked], _degrees(variance[asked], spread)
    # Tails are the lighter the more degrees there are: those of a lower entry are heavier. One more entry below makes
    # up for roundings of the logarithm.
    below = np.maximum((np.log2(degrees) + 1.0) * _STEPS - 1.0, 0.0).astype(np.int32)
    doubtful = np.abs(gap) <= surely[below] * error
    difference = Difference(value=gap[doubtful], error=error[doubtful], degrees=degrees[doubtful])
    result[np.flatnonzero(asked)[doubtful]] = two_sided(difference)
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
