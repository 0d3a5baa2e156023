"""`bench.tasks`: what an output means, and how a picture becomes an input."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.records.plan import PRECISIONS
from bench.tasks import TASKS
from bench.tasks.base import ERROR_CLASS
from bench.tasks.classify import in_top, top_class

SCORES = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 8)), elements=st.floats(width=32))


def slow_top(row: list[float]) -> int:
    if any(value != value for value in row):
        return -1
    return max(range(len(row)), key=lambda place: (row[place], -place))


@given(SCORES)
def test_the_answer_is_the_first_largest_and_nan_is_none(scores: np.ndarray) -> None:
    assert top_class({"y": scores}).tolist() == [slow_top(row) for row in scores.tolist()]


def test_the_first_output_answers_and_is_flattened() -> None:
    outputs = {"b": np.eye(4, dtype=np.int8).reshape(4, 2, 1, 2), "a": np.zeros((4, 9))}
    answers = top_class(outputs)
    assert answers.tolist() == [0, 1, 2, 3]
    assert answers.dtype == np.int64


def test_half_precision_is_understood() -> None:
    scores = np.array([[1, 65504, -65504], [np.nan, 0, 0]], np.float16)
    assert top_class({"y": scores}).tolist() == [1, -1]


def test_every_task_goes_by_its_name_and_every_precision_has_an_error_class() -> None:
    assert all(task.name == name for name, task in TASKS.items())
    assert set(PRECISIONS) <= set(ERROR_CLASS)


@given(st.integers(1, 6), st.integers(0, 99))
def test_a_label_is_among_the_largest_when_few_lie_above_it(most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (20, 6)).astype(np.float32)
    labels = rng.integers(0, 6, 20)
    slow = [sum(other > row[label] for other in row) < most for row, label in zip(scores.tolist(), labels, strict=True)]
    assert in_top({"y": scores}, labels, most).tolist() == slow
    if most == 1:
        clear = scores + 0.1 * np.arange(6)  # no two alike
        assert in_top({"y": clear}, labels, 1).tolist() == (top_class({"y": clear}) == labels).tolist()


def test_a_row_with_nan_has_no_largest() -> None:
    scores = np.array([[np.nan, 1.0], [0.0, 1.0]])
    assert in_top({"y": scores}, np.array([1, 1]), 2).tolist() == [False, True]
