"""mAP against a slow version in plain Python, against faster-coco-eval, and in cases whose value is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.scoring.bootstrap import drawn
from bench.scoring.detection import (
    detection_verdict,
    mean_average_precision,
    precision_interval,
    resampled_precision,
    same_detections,
    weighted_precision,
)
from bench.scoring.matching import THRESHOLDS, match

Floats = NDArray[np.float64]
CLASSES = 4


def labels_of(*pictures: list[tuple[float, ...]]) -> Floats:
    """Rows of class, x1, y1, x2, y2, crowd."""
    result = np.full((len(pictures), max(1, *(len(rows) for rows in pictures)), 7), -1.0)
    for picture, rows in enumerate(pictures):
        for place, (kind, x1, y1, x2, y2, crowd) in enumerate(rows):
            result[picture, place] = (kind, x1, y1, x2, y2, (x2 - x1) * (y2 - y1), crowd)
    return result


def detections_of(*pictures: list[tuple[float, ...]]) -> NDArray[np.float32]:
    """Rows of x1, y1, x2, y2, score, class."""
    result = np.full((len(pictures), 100, 6), -1.0, dtype=np.float32)
    for picture, rows in enumerate(pictures):
        for place, row in enumerate(sorted(rows, key=lambda row: -row[4])):
            result[picture, place] = row
    return result


def drawn_set(seed: int, pictures: int, crowds: float = 0.1) -> tuple[NDArray[np.float32], Floats]:
    """Objects, and detections near some, twice on others, of wrong classes, and of nothing; equal scores, too."""
    random = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(pictures):
        objects, answers = [], []
        for _ in range(random.integers(0, 7)):
            kind = int(random.integers(CLASSES))
            x, y, w, h = (*random.uniform(0, 200, 2), *random.uniform(12, 90, 2))
            objects.append((kind, x, y, x + w, y + h, float(random.random() < crowds)))
            for _ in range(random.integers(0, 4)):
                near = np.array([x, y, x + w, y + h]) + random.normal(0, random.choice([1, 4, 12]), 4)
                if (near[2:] <= near[:2]).any():
                    continue  # an empty box is no detection; the library takes one for a thing of no size
                said = kind if random.random() < 0.8 else int(random.integers(CLASSES))
                answers.append((*near, round(random.random(), 1 if random.random() < 0.3 else 6), said))
        for _ in range(random.integers(0, 4)):
            x, y = random.uniform(0, 200, 2)
            answers.append((x, y, x + 30, y + 20, random.random(), int(random.integers(CLASSES))))
        truth.append(objects)
        found.append(answers)
    return detections_of(*found), labels_of(*truth)


def slow_precision(detections: NDArray[np.float32], labels: Floats) -> float:
    """mAP@[.5:.95] written down as the protocol says it, one detection at a time."""
    kinds = sorted({row[0] for picture in labels.tolist() for row in picture if row[0] >= 0 and not row[6]})
    values = []
    for threshold in THRESHOLDS.tolist():
        for kind in kinds:
            entries, wanted = [], 0
            for picture, objects in zip(detections.astype(float).tolist(), labels.tolist(), strict=True):
                own = [row for row in objects if row[0] == kind]
                wanted += sum(1 for row in own if not row[6])
                free = set(range(len(own)))
                for row in sorted((row for row in picture if row[5] == kind), key=lambda row: -row[4]):
                    entries.append((row[4], slow_match(row, own, free, threshold)))
            values.append(slow_average(entries, wanted))
    return sum(values) / len(values)


def slow_match(row: list[float], own: list[list[float]], free: set[int], threshold: float) -> str:
    shares = [slow_overlap(row[:4], other[1:5], bool(other[6])) for other in own]
    plain = [number for number in free if not own[number][6] and shares[number] >= threshold]
    if plain:
        free.remove(max(plain, key=lambda number: (shares[number], number)))
        return "right"
    return "ignored" if any(own[n][6] and shares[n] >= threshold for n in range(len(own))) else "wrong"


def slow_overlap(a: list[float], b: list[float], crowd: bool) -> float:
    across, along = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(across, 0.0) * max(along, 0.0)
    mine, other = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    return shared / (mine if crowd else mine + other - shared)


def slow_average(entries: list[tuple[float, str]], wanted: int) -> float:
    true = false = 0
    points = []
    for _, verdict in sorted(entries, key=lambda entry: -entry[0]):
        true, false = true + (verdict == "right"), false + (verdict == "wrong")
        if true + false:
            points.append((true / wanted, true / (true + false)))
    recalls = np.linspace(0, 1, 101).tolist()
    return sum(max((p for r, p in points if r >= recall), default=0.0) for recall in recalls) / 101


def library_precision(detections: NDArray[np.float32], labels: Floats) -> float:
    """The same from faster-coco-eval."""
    coco = pytest.importorskip("faster_coco_eval")
    truth = coco.COCO()
    picture, place = np.nonzero(labels[:, :, 0] >= 0)
    truth.dataset = {
        "images": [{"id": number, "height": 320, "width": 320} for number in range(len(labels))],
        "categories": [{"id": kind, "name": str(kind)} for kind in range(CLASSES)],
        "annotations": [
            {
                "id": number + 1,
                "image_id": int(whose),
                "category_id": int(row[0]),
                "bbox": [row[1], row[2], row[3] - row[1], row[4] - row[2]],
                "area": row[5],
                "iscrowd": int(row[6]),
            }
            for number, (whose, row) in enumerate(zip(picture, labels[picture, place], strict=True))
        ],
    }
    truth.createIndex()
    picture, place = np.nonzero(detections[:, :, 5] >= 0)
    rows = detections[picture, place].astype(np.float64)
    found = truth.loadRes(np.column_stack([picture, rows[:, :2], rows[:, 2:4] - rows[:, :2], rows[:, 4:6]]))
    evaluation = coco.COCOeval_faster(truth, found, "bbox", print_function=lambda *_: None)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0])


@pytest.mark.parametrize("seed", range(6))
def test_the_slow_version_and_the_library_say_the_same(seed: int) -> None:
    detections, labels = drawn_set(seed, 40, crowds=0.0 if seed == 0 else 0.15)
    value = mean_average_precision(match(detections, labels))
    assert 0.05 < value < 0.95
    assert value == pytest.approx(slow_precision(detections, labels), abs=1e-12)
    assert value == pytest.approx(library_precision(detections, labels), abs=1e-12)


def test_weights_are_pictures_that_occur_so_often() -> None:
    detections, labels = drawn_set(7, 30)
    often = drawn(30, 3)
    repeated = np.repeat(np.arange(30), often)
    assert often.max() > 1
    assert often.min() == 0
    expected = mean_average_precision(match(detections[repeated], labels[repeated]))
    weighted = weighted_precision(match(detections, labels), np.stack([np.ones(30, np.int64), often], axis=1))
    assert weighted[1] == pytest.approx(expected, abs=1e-12)
    assert weighted[1] != weighted[0]


def test_perfect_answers_are_worth_one_and_none_are_worth_nothing() -> None:
    _, labels = drawn_set(3, 20, crowds=0.0)
    picture, place = np.nonzero(labels[:, :, 0] >= 0)
    perfect = np.full((20, 100, 6), -1.0, dtype=np.float32)
    rows = labels[picture, place]
    perfect[picture, place] = np.column_stack([rows[:, 1:5], np.linspace(0.9, 0.1, len(rows)), rows[:, 0]])
    assert mean_average_precision(match(perfect, labels)) == pytest.approx(1.0)
    nothing = np.full((20, 100, 6), -1.0, dtype=np.float32)
    assert mean_average_precision(match(nothing, labels)) == 0.0


@pytest.mark.parametrize(("shift", "reached"), [(0.0, 10), (2.0, 7), (4.9, 3), (11.0, 0)])
def test_a_box_that_is_off_counts_up_to_its_overlap(shift: float, reached: int) -> None:
    # A square of 20 moved by s overlaps (20 - s)/(20 + s): 1, 0.818, 0.606, 0.29.
    labels = labels_of([(1, 10, 10, 30, 30, 0)])
    found = detections_of([(10 + shift, 10, 30 + shift, 30, 0.9, 1)])
    assert mean_average_precision(match(found, labels)) == pytest.approx(reached / 10)
    assert reached == sum((20 - shift) / (20 + shift) >= t - 1e-12 for t in THRESHOLDS)


def test_the_second_on_an_object_is_wrong_and_lowers_what_comes_after() -> None:
    labels = labels_of([(0, 0, 0, 10, 10, 0), (0, 50, 50, 60, 60, 0)])
    doubled = detections_of([(0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 0), (50, 50, 60, 60, 0.7, 0)])
    matches = match(doubled, labels)
    assert matches.right[:, 0].tolist() == [True, False, True]
    # Recalls 0 to 0.50 at precision 1, 0.51 to 1 at 2/3.
    assert mean_average_precision(matches) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert matches.found.tolist() == [True, True]


def test_a_crowd_is_neither_found_nor_missed_however_often() -> None:
    alone = labels_of([(0, 0, 0, 10, 10, 0)])
    beside = labels_of([(0, 0, 0, 10, 10, 0), (0, 40, 40, 140, 140, 1)])
    # The small ones lie whole in the crowd: what counts there is the share of their own area.
    found = detections_of([(50, 50, 60, 60, 0.95, 0), (60, 60, 80, 80, 0.9, 0), (0, 0, 10, 10, 0.5, 0)])
    assert mean_average_precision(match(found, alone)) == pytest.approx(1 / 3)
    assert mean_average_precision(match(found, beside)) == pytest.approx(1.0)


def test_a_class_that_is_nowhere_does_not_count_and_only_crowds_are_nothing_to_find() -> None:
    labels = labels_of([(0, 0, 0, 10, 10, 0)])
    found = detections_of([(0, 0, 10, 10, 0.5, 0), (0, 0, 10, 10, 0.9, 3)])
    assert mean_average_precision(match(found, labels)) == 1.0
    with pytest.raises(ValueError, match="no picture holds an object"):
        mean_average_precision(match(found, labels_of([(0, 0, 0, 10, 10, 1)])))
    with pytest.raises(ValueError, match="no picture holds an object"):
        mean_average_precision(match(found, labels_of([])))


def test_the_interval_holds_the_value_and_covers_as_it_should() -> None:
    detections, labels = drawn_set(11, 60)
    whole = match(detections, labels)
    interval = precision_interval(whole)
    assert interval.low < mean_average_precision(whole) < interval.high
    assert interval.kind == "bootstrap-samples"
    assert (resampled_precision(whole, 20) == resampled_precision(whole, 20)).all()


def test_a_worse_engine_fails_and_the_same_one_passes_where_samples_carry_it() -> None:
    detections, labels = drawn_set(5, 200, crowds=0.0)
    reference = match(detections, labels)
    value = mean_average_precision(reference)
    same = detection_verdict(reference, reference, 0.9 * value, 0.7)
    assert same.offered
    assert same.passed
    assert same.difference.low == same.difference.high == 0.0
    assert same.counts.gained == same.counts.lost == 0
    worse = detections.copy()
    worse[: len(worse) // 2] = -1.0
    failed = detection_verdict(match(worse, labels), reference, 0.9 * value, 0.7)
    assert failed.passed is False
    assert failed.difference.high < 0
    assert failed.counts.lost > failed.counts.gained
    few = detection_verdict(match(detections[:20], labels[:20]), match(detections[:20], labels[:20]), 0.0, 0.99)
    assert few.passed is None
    assert not few.offered
    with pytest.raises(ValueError, match="same pictures"):
        detection_verdict(match(detections[:20], labels[:20]), reference, 0.0, 0.99)


def test_answers_agree_where_both_are_sure_of_the_same_things() -> None:
    first = detections_of([(0, 0, 10, 10, 0.9, 0), (40, 40, 60, 60, 0.6, 1), (80, 80, 90, 90, 0.3, 1)])
    assert same_detections(first, first) == 1.0
    nudged, other = first.copy(), first.copy()
    nudged[0, 1, :4] += 1  # overlaps by 0.82
    nudged[0, 2] = -1  # was not sure
    assert same_detections(nudged, first) == 1.0
    apart = first.copy()
    apart[0, 1, :4] += 2  # by 0.68: somebody who stands beside it
    assert same_detections(apart, first) == 0.5
    other[0, 1, 5] = 2
    assert same_detections(other, first) == 0.5
    assert same_detections(np.full_like(first, -1), first) == 0.0
    assert same_detections(np.full_like(first, -1), np.full_like(first, -1)) == 1.0
    # Sure there of what is almost sure here: it counts as the same thing.
    other = first.copy()
    other[0, 2, 4] = 0.52
    assert same_detections(other, first) == 1.0
