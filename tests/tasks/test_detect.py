"""From raw boxes and scores to detections: NMS against the box-by-box rule, and whatever an engine may leave."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.tasks.detect import DETECT, LEAST_SCORE, MOST, MOST_OVERLAP, condense, suppress

CLASSES, PLACES = 5, 300


def drawn_outputs(seed: int, pictures: int = 6) -> dict[str, NDArray[np.float32]]:
    """Boxes in heaps, so that many overlap, and scores of which some reach the floor."""
    random = np.random.default_rng(seed)
    heaps = random.uniform(20, 300, (pictures, 12, 2))
    middle = heaps[:, random.integers(0, 12, PLACES)] + random.normal(0, 6, (pictures, PLACES, 2))
    reach = random.uniform(8, 20, (pictures, PLACES, 2))
    boxes = np.concatenate([middle - reach, middle + reach], axis=2).astype(np.float32)
    scores = (random.random((pictures, PLACES, CLASSES)) ** 12).astype(np.float32)
    return {"boxes": boxes, "scores": scores}


def slow_detections(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[tuple[float, ...]]:
    """One picture, one box at a time, class by class."""
    kept: list[tuple[float, ...]] = []
    for kind in range(scores.shape[1]):
        mine: list[tuple[float, ...]] = []
        for place in np.argsort(-scores[:, kind], kind="stable").tolist():
            if scores[place, kind] < LEAST_SCORE:
                break
            if all(overlap(boxes[place].tolist(), other) <= MOST_OVERLAP for other in mine):
                mine.append((*boxes[place].tolist(), float(scores[place, kind]), kind))
        kept += mine
    return sorted(kept, key=lambda row: -row[4])[:MOST]


def overlap(a: list[float], b: tuple[float, ...]) -> float:
    across, along = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(across, 0.0) * max(along, 0.0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


@pytest.mark.parametrize("seed", range(4))
def test_what_stays_is_what_the_box_by_box_rule_leaves(seed: int) -> None:
    outputs = drawn_outputs(seed)
    detections = condense(outputs)["detections"]
    assert detections.dtype == np.float32
    assert detections.shape == (6, MOST, 6)
    for picture in range(6):
        expected = slow_detections(outputs["boxes"][picture], outputs["scores"][picture])
        used = detections[picture][detections[picture, :, 5] >= 0]
        assert 10 < len(expected) < PLACES
        np.testing.assert_allclose(used, np.array(expected), rtol=1e-6)
        assert (detections[picture][len(used) :] == -1).all()


def test_a_chain_of_overlaps_is_followed_to_its_end() -> None:
    # Each overlaps the next alone: the first takes out the second, which therefore spares the third, and so on.
    left = np.arange(40, dtype=np.float32) * 2
    boxes = np.stack([left, np.zeros(40), left + 10, np.full(40, 10.0)], axis=1)[None].astype(np.float32)
    kept = suppress(boxes, np.zeros((1, 40), dtype=np.float32))
    assert (
        overlap(boxes[0, 0].tolist(), tuple(boxes[0, 1]))
        > MOST_OVERLAP
        > overlap(boxes[0, 0].tolist(), tuple(boxes[0, 2]))
    )
    assert kept[0].tolist() == [number % 2 == 0 for number in range(40)]
    assert suppress(boxes, np.arange(40, dtype=np.float32)[None]).all()


def test_a_picture_gets_the_same_answer_in_any_batch() -> None:
    outputs = drawn_outputs(9, pictures=19)
    together = condense(outputs)["detections"]
    alone = [condense({name: array[i : i + 1] for name, array in outputs.items()})["detections"] for i in range(19)]
    np.testing.assert_array_equal(together, np.concatenate(alone))


@pytest.mark.parametrize("nonsense", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_or_empty_is_no_detection(nonsense: float) -> None:
    boxes = np.array([[[0, 0, 9, 9], [0, 0, 9, nonsense], [5, 5, 5, 9], [7, 7, 3, 3], [20, 20, 30, 30]]], np.float32)
    scores = np.array([[[0.9], [0.8], [0.7], [0.6], [nonsense]]], np.float32)
    detections = condense({"boxes": boxes, "scores": scores})["detections"][0]
    assert detections[0].tolist() == pytest.approx([0, 0, 9, 9, 0.9, 0])
    assert (detections[1:] == -1).all()


def test_nothing_and_everything() -> None:
    outputs = drawn_outputs(2)
    nothing = condense({**outputs, "scores": np.zeros_like(outputs["scores"])})["detections"]
    assert (nothing == -1).all()
    everything = condense({**outputs, "scores": np.ones_like(outputs["scores"])})["detections"]
    assert (everything[:, :, 4] <= 1).all()
    assert (everything[:, 0, 4] == 1).all()
    same = np.broadcast_to(outputs["boxes"][:, :1], outputs["boxes"].shape)
    heap = condense({"boxes": same, "scores": np.ones_like(outputs["scores"])})["detections"]
    assert ((heap[:, :, 5] >= 0).sum(axis=1) >= 1).all()


def test_what_stands_behind_boxes_and_scores_is_not_looked_at() -> None:
    outputs = drawn_outputs(3)
    more = {**outputs, "answer": np.zeros((6, MOST, 6), dtype=np.float32)}
    np.testing.assert_array_equal(condense(more)["detections"], condense(outputs)["detections"])


def test_the_task_names_its_metric() -> None:
    assert (DETECT.metric, DETECT.condense, DETECT.single_answers) == ("map", condense, False)
