"""Which detections find which objects: the greedy matching of the COCO protocol (Lin et al. 2014, cocoapi).

Within a picture and a class detections come in the order of their scores. Each takes the object it overlaps most among
those that are free, if the overlap reaches the threshold; a crowd is taken only where no object is, by any number of
detections, and neither it nor they count. The accumulation into a metric is in `detection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.generic]

THRESHOLDS: Final[Floats] = np.linspace(0.5, 0.95, 10)
# Columns of labels (pictures, objects, 7) and of detections (pictures, most, 6); unused rows are filled with -1.
_LABEL_CLASS, _LABEL_BOX, _CROWD = 0, slice(1, 5), 6
_BOX, _SCORE, _CLASS = slice(0, 4), 4, 5


@dataclass(frozen=True, slots=True)
class Matches:
    """Detections sorted by class, then falling score, and what they found, at each of the 10 thresholds.

    `picture`, `kind` (n,): whose and of which class; `right`, `ignored` (n, 10): found an object, found only a crowd.
    `objects` (pictures, classes): how many there are to find; `found` (objects,): whether each was, at the first
    threshold, in the order of the labels.
    """

    picture: Ints
    kind: Ints
    right: Bools
    ignored: Bools
    objects: Ints
    found: Bools


@dataclass(frozen=True, slots=True)
class _Groups:
    """Objects of one picture and class side by side: boxes (groups, most, 4), which are used, which are crowds."""

    boxes: Floats
    used: Bools
    crowd: Bools


def match(detections: Rows, labels: Rows) -> Matches:
    """Match detections (pictures, most, 6), best first, with labels (pictures, objects, 7), both filled up with -1.

    Detections: x1, y1, x2, y2, score, class. Labels: class, x1, y1, x2, y2, area, whether a crowd.
    """
    said, wanted = detections.astype(np.float64), labels.astype(np.float64)
    truth_picture, place = np.nonzero(wanted[:, :, _LABEL_CLASS] >= 0)
    truth = wanted[truth_picture, place]
    truth_kind, crowd = truth[:, _LABEL_CLASS].astype(np.int64), truth[:, _CROWD] > 0
    picture, place = np.nonzero(said[:, :, _CLASS] >= 0)
    found = said[picture, place]
    kind = found[:, _CLASS].astype(np.int64)
    classes = int(max(truth_kind.max(initial=0), kind.max(initial=0))) + 1

    # As cocoapi: within a picture and class, and then within a class, a stable sort by falling score.
    order = np.lexsort((-found[:, _SCORE], picture, kind))
    picture, kind, found = picture[order], kind[order], found[order]
    # Objects before crowds.
    truth_order = np.lexsort((crowd, truth_picture, truth_kind))
    truth_group = (truth_kind * len(labels) + truth_picture)[truth_order]
    keys, group_of_truth, sizes = np.unique(truth_group, return_inverse=True, return_counts=True)
    groups = _grouped(truth[truth_order], group_of_truth, sizes)
    taken = np.zeros((len(keys), max(1, sizes.max(initial=0)), len(THRESHOLDS)), dtype=np.bool_)
    right, ignored = _greedy(found, _group_of(keys, kind * len(labels) + picture), groups, taken)

    score_order = np.lexsort((-found[:, _SCORE], kind))
    objects = np.zeros((len(labels), classes), dtype=np.int64)
    np.add.at(objects, (truth_picture[~crowd], truth_kind[~crowd]), 1)
    first = np.empty(len(truth), dtype=np.bool_)
    first[truth_order] = taken[group_of_truth, _places(group_of_truth, sizes), 0]
    return Matches(
        picture[score_order], kind[score_order], right[score_order], ignored[score_order], objects, first[~crowd]
    )


def _places(group: Ints, sizes: Ints) -> Ints:
    """The place of each member within its group, for members sorted by group."""
    starts = np.cumsum(sizes) - sizes
    result: Ints = np.arange(len(group)) - starts[group]
    return result


def _grouped(truth: Floats, group: Ints, sizes: Ints) -> _Groups:
    most = max(1, int(sizes.max(initial=0)))
    boxes = np.zeros((len(sizes), most, 4))
    used, crowd = np.zeros((len(sizes), most), dtype=np.bool_), np.zeros((len(sizes), most), dtype=np.bool_)
    place = _places(group, sizes)
    boxes[group, place], used[group, place], crowd[group, place] = truth[:, _LABEL_BOX], True, truth[:, _CROWD] > 0
    return _Groups(boxes, used, crowd)


def _group_of(keys: Ints, wanted: Ints) -> Ints:
    """The number of each wanted group, -1 where there is no object of it."""
    if len(keys) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def _greedy(found: Floats, group: Ints, groups: _Groups, taken: Bools) -> tuple[Bools, Bools]:
    """Let the best of every group choose, then the second of every group, and so on; marks `taken`."""
    shape = (len(found), len(THRESHOLDS))
    right, ignored = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    # Rank within a run of detections of one group; those of groups without objects find nothing.
    candidates = np.flatnonzero(group >= 0)
    starts = np.flatnonzero(np.diff(group[candidates], prepend=-2) != 0)
    lengths = np.diff(starts, append=len(candidates))
    rank = np.arange(len(candidates)) - np.repeat(starts, lengths)
    for number in range(int(lengths.max(initial=0))):
        chosen = candidates[rank == number]
        mine = group[chosen]
        share = overlaps(found[chosen, _BOX], groups.boxes[mine], groups.crowd[mine])
        fits = (share[:, :, None] >= np.minimum(THRESHOLDS, 1 - 1e-10)) & groups.used[mine][:, :, None]
        objects = fits & ~groups.crowd[mine][:, :, None] & ~taken[mine]
        crowds = fits & groups.crowd[mine][:, :, None]
        hit, lost = objects.any(axis=1), crowds.any(axis=1)
        right[chosen], ignored[chosen] = hit, ~hit & lost
        best = _last_best(np.where(objects, share[:, :, None], -1.0))
        rows, thresholds = np.nonzero(hit)
        taken[mine[rows], best[rows, thresholds], thresholds] = True
    return right, ignored


def _last_best(share: Floats) -> Ints:
    """Place of the largest along axis 1; of equal ones the last, as cocoapi takes it."""
    result: Ints = share.shape[1] - 1 - np.argmax(share[:, ::-1], axis=1)
    return result


def overlaps(boxes: Floats, others: Floats, crowd: Bools) -> Floats:
    """Intersection over union of boxes (n, 4) with others (n, m, 4); over the box's own area where those are crowds."""
    corner = np.maximum(boxes[:, None, :2], others[..., :2])
    shared = np.maximum(np.minimum(boxes[:, None, 2:], others[..., 2:]) - corner, 0.0).prod(axis=-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)[:, None]
    union = np.where(crowd, area, area + (others[..., 2:] - others[..., :2]).prod(axis=-1) - shared)
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result
