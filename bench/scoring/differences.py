"""Whether two systems differ: Welch's interval on the logarithms, the verdict by margins, Holm over a report.

Everything takes arrays and broadcasts, one entry per pair, so that thousands of pairs are judged at once. Definitions:
measurement.md, section 6. Shapes: `...` is whatever the arguments have in common after broadcasting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from bench.scoring.columns import Floats
from bench.scoring.distributions import check_probability, special

Outcome = Literal["better", "worse", "same", "inconclusive", "not-judged"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("better", "worse", "same", "inconclusive", "not-judged")
POWER: Final = 0.8
"""With this probability the repetitions of `deciding_repetitions` decide, if difference and scatter stay as seen."""
MOST_REPETITIONS: Final = 10_000
_Outcomes = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Scatter:
    """Repetitions in brief: mean and standard deviation (n - 1) of what is compared, and how many; arrays alike."""

    mean: Floats
    deviation: Floats
    count: Floats


@dataclass(frozen=True)
class Difference:
    """Second minus first, with its standard error and Welch's degrees of freedom (NaN: under two repetitions)."""

    value: Floats
    error: Floats
    degrees: Floats


def scatter_of(values: Sequence[float] | Floats) -> Scatter:
    """The scatter of repetitions along the last axis, shape (..., k). Raises ValueError where one is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] == 0 or not np.isfinite(array).all():
        raise ValueError(f"`values` must be finite, at least one per system: {array.tolist()}")
    k = array.shape[-1]
    # Equal repetitions have no scatter; their mean is theirs, not that plus a rounding error.
    constant = np.ptp(array, axis=-1) == 0.0
    mean = np.where(constant, array[..., 0], array.mean(axis=-1))
    deviation = np.where(constant, 0.0, array.std(axis=-1, ddof=1)) if k > 1 else np.full(array.shape[:-1], np.nan)
    return Scatter(mean=mean, deviation=deviation, count=np.full(array.shape[:-1], float(k)))


def log_scatter_of(values: Sequence[float] | Floats) -> Scatter:
    """As `scatter_of` for the natural logarithms. Raises ValueError where a value is not finite and positive."""
    array = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(array).all() and (array > 0.0).all()):
        raise ValueError(f"`values` must be finite and positive to have logarithms: {array.tolist()}")
    return scatter_of(np.log(array))


def welch(first: Scatter, second: Scatter) -> Difference:
    """Second minus first after Welch (1947), degrees of freedom after Satterthwaite; NaN under two repetitions."""
    one, other = first.deviation**2 / first.count, second.deviation**2 / second.count
    enough = (first.count >= 2) & (second.count >= 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        degrees = (one + other) ** 2 / (one**2 / (first.count - 1) + other**2 / (second.count - 1))
    # Without any scatter the degrees do not matter: the interval is the point.
    degrees = np.where(one + other == 0.0, first.count + second.count - 2, degrees)
    return Difference(
        value=np.asarray(second.mean - first.mean, dtype=np.float64),
        error=np.where(enough, np.sqrt(one + other), np.nan),
        degrees=np.where(enough, degrees, np.nan),
    )


def interval(difference: Difference, confidence: float | Floats) -> tuple[Floats, Floats]:
    """Both ends of the two-sided interval, shape (...); NaN where nothing can be said."""
    level = np.asarray(confidence, dtype=np.float64)
    half = special().stdtrit(difference.degrees, (1.0 + level) / 2.0) * difference.error
    return difference.value - half, difference.value + half


def probability(difference: Difference, margin: float | Floats) -> tuple[_Outcomes, Floats]:
    """The outcome that the data point to, and the least α at which the interval of 1 - α shows it; NaN: not judged.

    `margin` >= 0, in the units of the difference, of which more is better: the outcomes are wholly under -margin
    (worse), wholly above it (better), and wholly inside, which is the test of equivalence by two one-sided tests.
    """
    margin = np.broadcast_to(np.asarray(margin, dtype=np.float64), difference.value.shape)
    if not (margin >= 0.0).all():
        raise ValueError(f"`margin` is {margin.min()}, expected zero or more")
    above = _tail(difference, -margin)  # of a difference as high as this, were it -margin
    over = _tail(difference, margin)
    sides = np.stack([over, 1.0 - above, np.maximum(above, 1.0 - over)])  # better, worse, same
    pointed = np.asarray(OUTCOMES[:3])[np.argmin(np.nan_to_num(sides, nan=2.0), axis=0)]
    least = np.minimum(1.0, 2.0 * np.min(sides, axis=0))
    return np.where(np.isnan(least), "not-judged", pointed), np.asarray(least, dtype=np.float64)


def two_sided(difference: Difference) -> Floats:
    """The probability of such a difference or a larger one, either way, were there none; without scatter 0 or 1.

    That is `probability` without a margin, for a third of its time.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(difference.value) / difference.error
    return 2.0 * np.asarray(special().stdtr(difference.degrees, -np.where(difference.value == 0.0, 0.0, t)))


def _tail(difference: Difference, bound: Floats) -> Floats:
    """P[T >= (value - bound)/error]; without scatter 0 beyond the bound, 1 below it, and 1/2 on it."""
    gap = difference.value - bound
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(difference.error > 0.0, gap / difference.error, np.sign(gap) * np.inf)
    tail = special().stdtr(difference.degrees, -np.where(np.isnan(t), 0.0, t))
    return np.where(np.isnan(difference.error), np.nan, tail)


def holm(probabilities: Sequence[float] | Floats) -> Floats:
    """Holm's (1979) adjusted probabilities over the last axis, shape (..., n). NaN is no member of the family."""
    values = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(values, axis=-1)  # NaN last
    ranked = np.take_along_axis(values, order, axis=-1)
    members = np.count_nonzero(~np.isnan(values), axis=-1, keepdims=True)
    factors = np.maximum(members - np.arange(values.shape[-1]), 1)
    stepped = np.maximum.accumulate(np.where(np.isnan(ranked), 0.0, np.minimum(1.0, ranked * factors)), axis=-1)
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, np.where(np.isnan(ranked), np.nan, stepped), axis=-1)
    return adjusted


def judged(pointed: _Outcomes, adjusted: Floats, alpha: float) -> _Outcomes:
    """The verdicts, shape (...): what `probability` pointed to where its adjusted α is at most `alpha`."""
    check_probability("alpha", alpha)
    verdict = np.where(adjusted <= alpha, pointed, "inconclusive")
    return np.where(np.isnan(adjusted), "not-judged", verdict)


def deciding_repetitions(
    first: Scatter, second: Scatter, margin: float | Floats, alpha: float | Floats, power: float = POWER
) -> Floats:
    """Repetitions of each system, shape (...), at which the interval would clear the nearest margin with `power`.

    Difference and scatter are taken as seen. Infinite where the difference lies on a margin, or over
    `MOST_REPETITIONS`; NaN where nothing can be said.
    """
    check_probability("power", power)
    level = np.asarray(alpha, dtype=np.float64)
    gap = np.abs(np.abs(second.mean - first.mean) - np.asarray(margin, dtype=np.float64))
    one, other = first.deviation**2, second.deviation**2

    def enough(k: Floats) -> npt.NDArray[np.bool_]:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (one + other) ** 2 / (one**2 + other**2)
        degrees = (k - 1.0) * np.where(one + other == 0.0, 2.0, share)
        quantiles = special().stdtrit(degrees, 1.0 - level / 2.0) + special().stdtrit(degrees, power)
        clears: npt.NDArray[np.bool_] = (quantiles * np.sqrt((one + other) / k) <= gap) & (gap > 0.0)
        return clears

    found = _least(enough, np.broadcast_shapes(gap.shape, one.shape, other.shape, level.shape))
    return np.where(np.isnan(one + other), np.nan, found)


def least_margin(scatter: Scatter, repetitions: int, alpha: float, power: float = POWER) -> Floats:
    """The narrowest margin within which two equal systems of this `scatter` are found the same with `power`.

    `deciding_repetitions` turned round: a t interval at 1 - `alpha` clears a margin that lies t(1 - alpha/2) + t(q)
    standard errors of the difference away with probability q. Equal systems may miss either margin, so that
    q = (1 + `power`)/2. NaN of a single repetition.
    """
    check_probability("power", power)
    degrees = 2.0 * (repetitions - 1.0)
    quantiles = special().stdtrit(degrees, 1.0 - alpha / 2.0) + special().stdtrit(degrees, (1.0 + power) / 2.0)
    found: Floats = quantiles * scatter.deviation * np.sqrt(2.0 / repetitions)
    return found


def _least(enough: Callable[[Floats], npt.NDArray[np.bool_]], shape: tuple[int, ...]) -> Floats:
    """The least whole number from 2 that is enough, by halving; infinite where `MOST_REPETITIONS` is not."""
    low, high = np.full(shape, 1.0), np.full(shape, float(MOST_REPETITIONS))
    reachable = enough(high)
    while np.any(high - low > 1.0):
        middle = np.floor((low + high) / 2.0)
        good = enough(np.maximum(middle, 2.0)) & (middle >= 2.0)
        low, high = np.where(good, low, middle), np.where(good, middle, high)
        high = np.maximum(high, low + 1.0)
    return np.where(reachable, high, np.inf)


def share_limit(hits: int, trials: int, confidence: float = 0.95) -> float:
    """The one-sided upper limit of a share after Clopper and Pearson (1934): 0 of 149 leave 2 % at 95 %.

    Raises ValueError unless 0 <= hits <= trials and trials >= 1.
    """
    check_probability("confidence", confidence)
    if trials < 1 or not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits in {trials} trials: expected 0 <= hits <= trials and trials >= 1")
    return 1.0 if hits == trials else float(special().betaincinv(hits + 1, trials - hits, confidence))
