"""Detection: the answer is a list of boxes with score and class, of which near-doubles are taken out (NMS)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.tasks.base import NamedArrays, Outputs, Task

DETECTIONS = "detections"
# How many are kept of a picture, from which score on, and how much two of one class may overlap.
MOST, LEAST_SCORE, MOST_OVERLAP = 100, 0.05, 0.6
# So many of a picture, the best ones, are looked at: an engine that finds something everywhere must not stop the clock.
_CANDIDATES = 400
# Pictures looked at together; their overlaps with each other are all in memory.
_TOGETHER = 8

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def condense(outputs: Outputs) -> NamedArrays:
    """From boxes (n, places, 4) and scores (n, places, classes), in this order, to {"detections": float32 (n, 100, 6)}.

    Rows hold x1, y1, x2, y2, score and class, best first; unused ones are -1. A box that is empty or not finite, and a
    score that is not finite, is no detection.
    """
    boxes, scores, *_ = outputs.values()  # behind them may stand what a pipeline has read from them
    detections = np.full((len(boxes), MOST, 6), -1.0, dtype=np.float32)
    for first in range(0, len(boxes), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        _select(boxes[part].astype(np.float32), scores[part].astype(np.float32), detections[part])
    return {DETECTIONS: detections}


def _select(boxes: Floats, scores: Floats, out: NDArray[np.float32]) -> None:
    """Fill `out` (n, 100, 6) from boxes (n, places, 4) and scores (n, places, classes)."""
    candidates = _candidates(boxes, scores)
    kept = suppress(candidates[..., :4], candidates[..., 5])
    picture, place = np.nonzero(kept & (candidates[..., 5] >= 0))
    row = np.arange(len(picture)) - np.searchsorted(picture, picture)
    few = row < MOST
    out[picture[few], row[few]] = candidates[picture[few], place[few]]


def _candidates(boxes: Floats, scores: Floats) -> NDArray[np.float32]:
    """The best of each picture, best first, (n, most, 6), filled up with -1; of equal scores the first place wins."""
    picture, place, kind = np.nonzero((scores >= LEAST_SCORE) & np.isfinite(scores))
    box, score = boxes[picture, place], scores[picture, place, kind]
    lawful = np.isfinite(box).all(axis=1) & (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1])
    order = np.flatnonzero(lawful)
    order = order[np.lexsort((-score[order], picture[order]))]
    whose = picture[order]
    row = np.arange(len(order)) - np.searchsorted(whose, whose)
    order, whose, row = order[row < _CANDIDATES], whose[row < _CANDIDATES], row[row < _CANDIDATES]
    result = np.full((len(boxes), int(row.max(initial=-1)) + 1, 6), -1.0, dtype=np.float32)
    result[whose, row] = np.column_stack([box[order], score[order], kind[order]])
    return result


def suppress(boxes: Floats, kinds: Floats) -> Bools:
    """Which boxes (n, m, 4), best first, stay: all that no better one of the same class, which stays, covers too much.

    Asked again and again until nothing changes; after round k the first k are as the box-by-box rule leaves them, and
    few rounds do.
    """
    count = boxes.shape[1]
    better = np.tri(count, count, -1, dtype=np.bool_)
    double = (_overlaps(boxes) > MOST_OVERLAP) & (kinds[:, :, None] == kinds[:, None, :]) & better
    against = double.astype(np.float32)
    kept = np.ones(kinds.shape, dtype=np.bool_)
    while True:
        now = (against @ kept[..., None].astype(np.float32))[..., 0] == 0
        if np.array_equal(now, kept):
            return kept
        kept = now


def _overlaps(boxes: Floats) -> Floats:
    """Intersection over union of all pairs, (n, m, 4) to (n, m, m)."""
    left, top, right, bottom = (boxes[..., side] for side in range(4))
    across = np.minimum(right[:, :, None], right[:, None, :]) - np.maximum(left[:, :, None], left[:, None, :])
    along = np.minimum(bottom[:, :, None], bottom[:, None, :]) - np.maximum(top[:, :, None], top[:, None, :])
    shared = np.maximum(across, 0) * np.maximum(along, 0)
    area = (right - left) * (bottom - top)
    union = area[:, :, None] + area[:, None, :] - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


DETECT = Task(name="detect", metric="map", single_answers=False, condense=condense)
