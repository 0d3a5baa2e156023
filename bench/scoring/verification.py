"""One-to-one verification: the share of genuine pairs accepted where a given share of impostors would be (TAR at FAR).

Terms of ISO/IEC 19795-1: a threshold is set so that at most the share FAR of impostor pairs lies above it; TAR is the
share of genuine pairs that do. Intervals resample identities, since pairs of one person are not independent (the
subsets bootstrap of Bolle, Ratha and Pankanti 2004, Computer Vision and Image Understanding 93:1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from bench.records.numbers import Interval, RocPoint, Verdict
from bench.scoring.bootstrap import Floats, Ints, drawn, percentile_interval
from bench.scoring.distributions import check_probability
from bench.scoring.quality import ONE_SIDED, Bools, decided, paired_counts

RESAMPLES: Final = 2000
# A curve is for looking at: a quarter of the draws, and of their time.
CURVE_RESAMPLES: Final = 500
# The rule of 30 (Doddington 1998; ISO/IEC 19795-1 annex B): so many errors are needed before their share means much.
LEAST_ERRORS: Final = 30
# Impostor scores above which a resampled threshold can lie, as a multiple of how many are accepted; a resample whose
# threshold lies below takes the lowest of them, which no resample of realistic sets does.
_KEPT: Final = 4.0


@dataclass(frozen=True)
class Pairs:
    """Scores of all pairs of probes and references: (m, n) float, higher is more alike, and whose each of them is.

    `probes` (m,) and `references` (n,) hold identities; a pair of one identity is genuine, all others are impostors.
    Raises ValueError for shapes that do not fit, NaN scores, no genuine pair, or no impostor pair.
    """

    scores: Floats
    probes: Ints
    references: Ints

    def __post_init__(self) -> None:
        expected = (len(self.probes), len(self.references))
        if self.scores.shape != expected:
            raise ValueError(f"scores have shape {self.scores.shape}, the identities {expected}")
        if np.isnan(self.scores).any():
            raise ValueError("scores hold NaN")
        if not self.genuine.any() or self.genuine.all():
            raise ValueError("expected at least one genuine and one impostor pair")

    @cached_property
    def genuine(self) -> Bools:
        """(m, n) bool: pairs of one identity."""
        same: Bools = self.probes[:, None] == self.references[None, :]
        return same

    @property
    def impostors(self) -> int:
        """The number of impostor pairs."""
        return int(self.genuine.size - np.count_nonzero(self.genuine))

    def supports(self, far: float) -> bool:
        """Whether at least 30 impostor pairs may be accepted at `far`."""
        return self.impostors * far >= LEAST_ERRORS - 1e-9


def threshold_at(pairs: Pairs, far: float) -> float:
    """The lowest score s of an impostor pair such that at most the share `far` of them lies strictly above s.

    Raises ValueError unless `far` is in (0, 1).
    """
    check_probability("far", far)
    accepted = math.floor(pairs.impostors * far + 1e-9)
    impostors = pairs.scores[~pairs.genuine]
    return float(np.partition(impostors, len(impostors) - 1 - accepted)[len(impostors) - 1 - accepted])


def accepted_genuine(pairs: Pairs, far: float) -> Bools:
    """Whether each genuine pair, in row-major order, lies strictly above `threshold_at`; (genuine pairs,) bool."""
    accepted: Bools = pairs.scores[pairs.genuine] > threshold_at(pairs, far)
    return accepted


def true_accept_rate(pairs: Pairs, far: float) -> float:
    """TAR at `far`: the mean of `accepted_genuine`."""
    return float(accepted_genuine(pairs, far).mean())


def resampled_rates(pairs: Pairs, far: float, resamples: int = RESAMPLES) -> Floats:
    """TAR at `far` in `resamples` sets of as many identities drawn with replacement, (resamples,), always the same.

    A pair counts as often as both its identities were drawn (w of the genuine, w·w' of the impostors); someone drawn
    twice is no impostor to himself. NaN where a draw holds no genuine or no impostor pair.
    """
    return _resampled(pairs, (far,), resamples)[:, 0]


def _resampled(pairs: Pairs, fars: Sequence[float], resamples: int) -> Floats:
    """`resampled_rates` at each of `fars`, (resamples, fars)."""
    for far in fars:
        check_probability("far", far)
    people, places = np.unique(np.concatenate([pairs.probes, pairs.references]), return_inverse=True)
    probe, reference = places[: len(pairs.probes)], places[len(pairs.probes) :]
    genuine_scores, genuine_person = pairs.scores[pairs.genuine], probe[np.nonzero(pairs.genuine)[0]]
    rising = np.argsort(genuine_scores, kind="stable")
    genuine_scores, genuine_person = genuine_scores[rising], genuine_person[rising]
    kept = min(pairs.impostors, max(LEAST_ERRORS, math.ceil(_KEPT * max(fars) * pairs.impostors)) + 1)
    scores, rows, columns = _highest_impostors(pairs, kept)
    first, second = probe[rows], reference[columns]
    probes_of, references_of = np.bincount(probe, minlength=len(people)), np.bincount(reference, minlength=len(people))
    rates = np.empty((resamples, len(fars)))
    for number in range(resamples):
        weight = drawn(len(people), number)
        own = weight * weight * probes_of * references_of
        total = float((weight * probes_of).sum() * (weight * references_of).sum() - own.sum())
        reached = np.cumsum(weight[first] * weight[second])
        # As in `threshold_at`: the first score at which more than the share `far` has come together.
        accepted = np.floor(total * np.array(fars) + 1e-9)
        thresholds = scores[np.minimum(np.searchsorted(reached, accepted, side="right"), kept - 1)]
        counted = np.concatenate([[0], np.cumsum(weight[genuine_person])])
        below = counted[np.searchsorted(genuine_scores, thresholds, side="right")]
        rates[number] = (counted[-1] - below) / counted[-1] if counted[-1] > 0 and total > 0 else np.nan
    return rates


def _highest_impostors(pairs: Pairs, kept: int) -> tuple[Floats, Ints, Ints]:
    """The `kept` highest impostor scores, falling, with their rows and columns."""
    flat = np.where(pairs.genuine, -np.inf, pairs.scores).ravel()
    places = np.argpartition(flat, len(flat) - kept)[len(flat) - kept :]
    places = places[np.lexsort((places, -flat[places]))]
    rows, columns = np.divmod(places, pairs.scores.shape[1])
    return flat[places], rows, columns


def rate_interval(pairs: Pairs, far: float, confidence: float = 0.95) -> Interval:
    """Percentile bootstrap interval of `true_accept_rate` over identities."""
    return _interval(resampled_rates(pairs, far), confidence)


def _interval(values: Floats, confidence: float) -> Interval:
    return percentile_interval(values, confidence, "bootstrap-identities")


def receiver_curve(pairs: Pairs, fars: Sequence[float], resamples: int = CURVE_RESAMPLES) -> tuple[RocPoint, ...]:
    """TAR at each of `fars` that the impostors carry (rule of 30), rising, with a 95 % interval over identities each.

    The intervals are pointwise: 95 % of each, not of the whole curve. Raises ValueError unless each is in (0, 1).
    """
    carried = [far for far in sorted(fars) if pairs.supports(far)]
    if not carried:
        return ()
    rates = _resampled(pairs, carried, resamples)
    # All at once: each by `threshold_at` would go through all impostors again.
    accepted = [math.floor(pairs.impostors * far + 1e-9) for far in carried]
    thresholds = _highest_impostors(pairs, accepted[-1] + 1)[0][accepted]
    genuine = pairs.scores[pairs.genuine]
    return tuple(
        RocPoint(
            far=far,
            threshold=float(thresholds[place]),
            value=float((genuine > thresholds[place]).mean()),
            interval=_interval(rates[:, place], 0.95),
        )
        for place, far in enumerate(carried)
    )


def verification_verdict(candidate: Pairs, reference: Pairs, far: float, target: float, share: float) -> Verdict:
    """Whether TAR at `far` reaches `target` and the class's `share` of the reference's, each at its own threshold.

    The paired difference is resampled over identities with the same draws on both sides; its lower limit is one-sided
    95 %. The class is offered where there are as many identities with genuine pairs as `samples_needed` asks for (a
    person's pairs count once: they may all fall together). Raises ValueError when the pairs are not of the same people.
    """
    check_probability("share", share)
    if not (
        np.array_equal(candidate.probes, reference.probes)
        and np.array_equal(candidate.references, reference.references)
    ):
        raise ValueError("candidate and reference are not pairs of the same people")
    accepted, accepted_reference = accepted_genuine(candidate, far), accepted_genuine(reference, far)
    rates = resampled_rates(candidate, far)
    return decided(
        (float(accepted.mean()), _interval(rates, 0.95)),
        float(accepted_reference.mean()),
        _interval(rates - resampled_rates(reference, far), 2.0 * ONE_SIDED - 1.0),
        paired_counts(accepted, accepted_reference),
        target=target,
        share=share,
        samples=len(np.intersect1d(candidate.probes, candidate.references)),
    )
