"""`bench.tasks`: what an output means, and how a picture becomes an input."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.records.plan import PRECISIONS
from bench.tasks import TASKS
from bench.tasks.base import ERROR_CLASS
from bench.tasks.classify import top_class

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
