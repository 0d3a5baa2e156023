"""Detection: COCO's mAP@[.5:.95] (Lin et al. 2014), its interval over pictures, and the paired verdict.

AP of a class at a threshold is the mean, over 101 recalls from 0 to 1, of the highest precision at that recall or a
higher one; mAP is its mean over ten thresholds of overlap and the classes that occur. Pictures are resampled by
weights, so that matching, which is each picture's own (`matching`), is done once.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval, Verdict
from bench.scoring.bootstrap import Floats, drawn, percentile_interval
from bench.scoring.distributions import check_probability
from bench.scoring.matching import THRESHOLDS, Bools, Matches, Rows, match
from bench.scoring.quality import ONE_SIDED, decided, paired_counts

Counts = npt.NDArray[np.signedinteger[Any]]

RESAMPLES: Final = 1000
RECALLS: Final[Floats] = np.linspace(0.0, 1.0, 101)
# What the paired difference of an equally good engine varies by from picture to picture, for `samples_needed`: three
# times what it does for the int8 file of `object_detect` (0.017 on 1 200 scenes).
PLANNED_DEVIATION: Final = 0.05
# A detection with this score is one that an application acts on.
_SURE: Final = 0.5
_SCORE, _CLASS = 4, 5
# At which threshold two detections are the same: 0.75, as COCO's stricter AP asks for.
_SAME: Final = int(np.argmin(np.abs(THRESHOLDS - 0.75)))
# Resamples taken together: large enough for numpy, small enough for the cache.
_TOGETHER: Final = 50


def mean_average_precision(matches: Matches) -> float:
    """mAP@[.5:.95]. Raises ValueError where there is nothing to find."""
    value = float(weighted_precision(matches, np.ones((len(matches.objects), 1), dtype=np.int64))[0])
    if np.isnan(value):
        raise ValueError("no picture holds an object to find")
    return value


def weighted_precision(matches: Matches, weights: Counts) -> Floats:
    """mAP of sets in which picture i occurs weights[i, j] times: (pictures, sets) to (sets,); NaN without an object."""
    total = np.zeros(weights.shape[1])
    classes = np.zeros(weights.shape[1], dtype=np.int64)
    bounds = np.searchsorted(matches.kind, np.arange(matches.objects.shape[1] + 1))
    for kind in np.flatnonzero(matches.objects.any(axis=0)):
        part = slice(bounds[kind], bounds[kind + 1])
        wanted = matches.objects[:, kind] @ weights
        counted = weights[matches.picture[part]]
        precision = _average_precision(matches.right[part], matches.ignored[part], counted, wanted)
        total += np.where(wanted > 0, precision, 0.0)
        classes += wanted > 0
    result: Floats = np.divide(total, classes, out=np.full(len(total), np.nan), where=classes > 0)
    return result


def _average_precision(right: Bools, ignored: Bools, counted: Counts, wanted: Counts) -> Floats:
    """AP of one class, the mean over thresholds: detections (n, 10) that occur counted (n, sets) times; to (sets,)."""
    total = np.zeros(counted.shape[1])
    all_reached = np.cumsum(counted, axis=0, dtype=np.int32)
    passed = _recalls_passed(wanted)
    for threshold in range(len(THRESHOLDS)):
        hits = np.flatnonzero(right[:, threshold])
        if len(hits) == 0:
            continue
        out = ignored[:, threshold]
        if out.any():
            reached = np.cumsum(np.where(out[:, None], 0, counted), axis=0, dtype=np.int32)[hits]
        else:
            reached = all_reached[hits]
        total += _mean_over_recalls(np.cumsum(counted[hits], axis=0, dtype=np.int32), reached, passed)
    return total / len(THRESHOLDS)


def _recalls_passed(wanted: Counts) -> Counts:
    """How many of the 101 recalls are reached with so many right of `wanted` (sets,): (most + 1, sets)."""
    found = np.arange(int(wanted.max()) + 1)[:, None]
    recall = np.divide(found, wanted, out=np.zeros((len(found), len(wanted))), where=wanted > 0)
    return np.searchsorted(RECALLS, recall, side="right").astype(np.int32)


def _mean_over_recalls(true: Counts, reached: Counts, passed: Counts) -> Floats:
    """Mean precision over the recalls, from counts (hits, sets) of what is right and of all, after each right one."""
    precision = true / np.maximum(reached, 1)
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    # The recalls that are reached here and were not reached before: the precision counts for each of them.
    newly = passed.ravel().take(true * true.shape[1] + np.arange(true.shape[1], dtype=np.int32))
    newly[1:] -= newly[:-1].copy()
    result: Floats = np.einsum("ij,ij->j", best, newly) / len(RECALLS)
    return result


def resampled_precision(matches: Matches, resamples: int = RESAMPLES) -> Floats:
    """mAP of `resamples` sets of as many pictures drawn with replacement, (resamples,), always the same ones."""
    pictures = len(matches.objects)
    parts = []
    for first in range(0, resamples, _TOGETHER):
        numbers = range(first, min(first + _TOGETHER, resamples))
        parts.append(weighted_precision(matches, _weights(pictures, numbers)))
    return np.concatenate(parts)


def _weights(pictures: int, numbers: range) -> Counts:
    return np.stack([drawn(pictures, number) for number in numbers], axis=1).astype(np.int32)


def precision_interval(matches: Matches, confidence: float = 0.95) -> Interval:
    """Percentile bootstrap interval of mAP over pictures."""
    return _interval(resampled_precision(matches), confidence)


def _interval(values: Floats, confidence: float) -> Interval:
    return percentile_interval(values, confidence, "bootstrap-samples")


def same_detections(detections: Rows, others: Rows) -> float:
    """Share of the sure detections, score 0.5 and more, on both sides that overlap one of the same class by 0.75.

    Half would do for a box beside the thing: two of the same size that are a third of their width apart overlap so.
    Both (pictures, most, 6); 1 where neither side is sure of anything.
    """
    total = same = 0
    for mine, other in ((detections, others), (others, detections)):
        matches = match(other, _as_labels(mine.astype(np.float64)))
        total += len(matches.found)
        same += int(matches.right[:, _SAME].sum())
    return same / total if total else 1.0


def _as_labels(detections: Floats) -> Floats:
    """The sure detections (pictures, most, 6) as if they were the truth, (pictures, most, 7)."""
    used = detections[..., _SCORE:_CLASS] >= _SURE
    rest = np.zeros((*detections.shape[:2], 2))
    return np.where(used, np.concatenate([detections[..., _CLASS:], detections[..., :_SCORE], rest], axis=2), -1.0)


def detection_verdict(candidate: Matches, reference: Matches, target: float, share: float) -> Verdict:
    """Whether mAP reaches `target` and the class's `share` of the reference's, both over the same resampled pictures.

    The lower limit of the paired difference is one-sided 95 %. `counts` are of objects found at overlap 0.5. Raises
    ValueError when the two are not about the same objects.
    """
    check_probability("share", share)
    if candidate.objects.sum() != reference.objects.sum() or len(candidate.objects) != len(reference.objects):
        raise ValueError("candidate and reference are not about the same pictures")
    values = resampled_precision(candidate)
    return decided(
        (mean_average_precision(candidate), _interval(values, 0.95)),
        mean_average_precision(reference),
        _interval(values - resampled_precision(reference), 2.0 * ONE_SIDED - 1.0),
        paired_counts(candidate.found, reference.found),
        target=target,
        share=share,
        samples=len(candidate.objects),
        discordant=PLANNED_DEVIATION**2,
    )
