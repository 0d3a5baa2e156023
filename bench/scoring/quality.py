"""Quality with power: Wilson (1927) for a proportion; Newcombe (1998), Stat. Med. 17:2635, method 10, for paired ones.

Answers come as right or wrong per sample; comparing raw outputs is in `numeric`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval, PairedCounts, Verdict
from bench.scoring.distributions import check_probability, normal_quantile

Bools = npt.NDArray[np.bool_]

ONE_SIDED: Final = 0.95
PLANNED_DISCORDANT: Final = 0.03
PLANNED_POWER: Final = 0.80


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of the proportion successes/n, without continuity correction.

    Raises ValueError unless 0 <= successes <= n, n >= 1 and `confidence` is in (0, 1).
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: expected 0 <= successes <= n and n >= 1")
    z = normal_quantile((1.0 + confidence) / 2.0)
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1.0 - share) / n + z * z / (4 * n * n))
    scale = 1.0 + z * z / n
    # Exact at the ends: rounding would leave 1e-17 instead of 0, or 1 plus an ulp.
    low = 0.0 if successes == 0 else (middle - half) / scale
    high = 1.0 if successes == n else (middle + half) / scale
    return Interval(low=low, high=high, confidence=confidence, kind="wilson")


def paired_counts(candidate: Bools, reference: Bools) -> PairedCounts:
    """The 2 x 2 table of matched answers, shape (n,), bool; `gained` and `lost` are McNemar's discordant pairs.

    Raises ValueError when empty, not bool, or of different shapes.
    """
    if candidate.shape != reference.shape or candidate.ndim != 1 or candidate.size == 0:
        raise ValueError(f"shapes {candidate.shape} and {reference.shape}: expected the same (n,), n >= 1")
    if candidate.dtype != np.bool_ or reference.dtype != np.bool_:
        raise ValueError(f"types {candidate.dtype} and {reference.dtype}: expected bool")
    both = int(np.count_nonzero(candidate & reference))
    gained = int(np.count_nonzero(candidate)) - both
    lost = int(np.count_nonzero(reference)) - both
    return PairedCounts(both=both, gained=gained, lost=lost, neither=candidate.size - both - gained - lost)


def paired_interval(counts: PairedCounts, confidence: float = 0.95) -> Interval:
    """Newcombe's square-and-add interval (method 10) of candidate share - reference share for matched samples.

    Its lower end at confidence 1 - 2α is the one-sided 1 - α limit. Raises ValueError for an empty table.
    """
    n, candidate, reference = counts.total, counts.both + counts.gained, counts.both + counts.lost
    first, second = wilson(candidate, n, confidence), wilson(reference, n, confidence)
    phi = _phi(counts)
    p1, p2 = candidate / n, reference / n
    low = (counts.gained - counts.lost) / n - _root(p1 - first.low, second.high - p2, phi)
    high = (counts.gained - counts.lost) / n + _root(first.high - p1, p2 - second.low, phi)
    return Interval(low=max(-1.0, low), high=min(1.0, high), confidence=confidence, kind="newcombe-paired")


def _root(first: float, second: float, phi: float) -> float:
    # Not below 0 in exact arithmetic, as |phi| <= 1; rounding may take it there when all pairs agree.
    return math.sqrt(max(0.0, first * first - 2.0 * phi * first * second + second * second))


def _phi(counts: PairedCounts) -> float:
    """Correlation of the pairs; a positive one is reduced by Newcombe's correction n/2, a degenerate table has none."""
    n, candidate, reference = counts.total, counts.both + counts.gained, counts.both + counts.lost
    product = candidate * (n - candidate) * reference * (n - reference)
    if product == 0:
        return 0.0
    covariance = counts.both * counts.neither - counts.gained * counts.lost
    corrected = max(covariance - n / 2.0, 0.0) if covariance > 0 else float(covariance)
    return corrected / math.sqrt(product)


def samples_needed(
    share: float, reference: float, discordant: float = PLANNED_DISCORDANT, power: float = PLANNED_POWER
) -> int:
    """The evaluation samples from which a class `share` (0.99, 0.999) is offered, for a reference of that quality.

    An equally good candidate with a share d of discordant answers has a paired difference of standard error √(d/n).
    Its one-sided 95 % limit lies above -(1 - share)·reference with probability `power` iff (z₀.₉₅ + z_power) √(d/n) is
    at most that loss, so n = (z₀.₉₅ + z_power)² d / ((1 - share)·reference)²: 2 290 for share 0.99, reference 0.9,
    d = 3 % and power 80 %; 228 984 for 0.999.
    Raises ValueError when a share or the power is not in (0, 1), or `reference` not in (0, 1].
    """
    check_probability("share", share)
    check_probability("discordant", discordant)
    if not 0.0 < reference <= 1.0:
        raise ValueError(f"`reference` is {reference}, expected a proportion above 0")
    factor = normal_quantile(ONE_SIDED) + normal_quantile(power)
    return math.ceil(factor * factor * discordant / ((1.0 - share) * reference) ** 2)


def quality_verdict(candidate: Bools, reference: Bools, target: float, share: float) -> Verdict:
    """Whether a candidate reaches the absolute `target` (a proportion) and the class's `share` of the reference.

    `candidate` and `reference` say for the same samples (shape (n,), bool) whether each answer is right. Passed iff
    value >= target and the one-sided 95 % lower limit of the paired difference lies above -(1 - share)·reference; see
    `Verdict` for what `passed` None means. Raises ValueError for malformed input.
    """
    check_probability("share", share)
    if not 0.0 <= target <= 1.0:
        raise ValueError(f"`target` is {target}, expected a proportion")
    counts = paired_counts(candidate, reference)
    right = counts.both + counts.gained
    return decided(
        (right / counts.total, wilson(right, counts.total)),
        (counts.both + counts.lost) / counts.total,
        paired_interval(counts, 2.0 * ONE_SIDED - 1.0),
        counts,
        target=target,
        share=share,
        samples=counts.total,
    )


def decided(
    measured: tuple[float, Interval],
    reference: float,
    difference: Interval,
    counts: PairedCounts,
    *,
    target: float,
    share: float,
    samples: int,
    discordant: float = PLANNED_DISCORDANT,
) -> Verdict:
    """The verdict on a value with its interval: the rule of `quality_verdict`, however the difference was found.

    `difference` is the paired one, its lower end one-sided 95 %. `samples` are what was drawn independently, of which
    `samples_needed` asks for enough at the share `discordant`.
    """
    value, interval = measured
    allowance = -(1.0 - share) * reference
    needed = samples_needed(share, reference, discordant) if reference > 0.0 else None
    offered = needed is not None and samples >= needed
    target_met = value >= target
    return Verdict(
        value=value,
        interval=interval,
        reference=reference,
        target=target,
        target_met=target_met,
        counts=counts,
        difference=difference,
        allowance=allowance,
        samples_needed=needed,
        offered=offered,
        passed=(target_met and difference.low > allowance) if offered or not target_met else None,
    )
