"""`bench.tasks.recognise` against a decoder in plain Python, and what an engine may leave behind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.tasks import TASKS
from bench.tasks.recognise import RECOGNISE, best_path


def slow(scores: np.ndarray) -> list[int]:
    """Group equal neighbours, then drop blanks."""
    best = [row.index(max(row)) for row in scores.tolist()]
    return [number for number, _ in itertools.groupby(best) if number != 0]


def decoded(scores: np.ndarray) -> list[list[int]]:
    text = best_path({"log_probs": scores})["text"]
    assert text.dtype == np.int32
    assert text.shape == scores.shape[:2]
    result = []
    for row in text.tolist():
        said = [number for number in row if number >= 0]
        assert row == said + [-1] * (len(row) - len(said)), "the filling stands behind the text"
        result.append(said)
    return result


@settings(deadline=None)
@given(st.integers(0, 5), st.integers(1, 12), st.integers(2, 5), st.integers(0, 10_000))
def test_every_text_is_that_of_the_slow_decoder(count: int, frames: int, classes: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(count, frames, classes)).astype(np.float32)
    assert decoded(scores) == [slow(one) for one in scores]


def path(*best: int) -> np.ndarray:
    return np.log(np.eye(4, dtype=np.float32)[list(best)] + 1e-3)[None]


@pytest.mark.parametrize(
    ("best", "text"),
    [
        ((1, 1, 2), [1, 2]),
        ((1, 0, 1), [1, 1]),
        ((0, 0, 0), []),
        ((3, 3, 3), [3]),
        ((0, 2, 2, 0, 0, 2, 1, 1, 2, 0), [2, 2, 1, 2]),
    ],
)
def test_runs_count_once_and_blanks_part_them(best: tuple[int, ...], text: list[int]) -> None:
    assert decoded(path(*best)) == [text]


def test_frames_behind_a_samples_end_say_nothing() -> None:
    scores = path(1, 2, 3, 3)
    scores[0, 2:] = 0.0
    assert decoded(scores) == [[1, 2]]


def test_what_is_not_a_number_says_nothing() -> None:
    scores = path(1, 2, 2, 3)
    scores[0, 2, 1] = np.nan
    assert decoded(scores) == [[1, 2, 3]]
    assert decoded(np.full((2, 3, 4), np.nan, np.float32)) == [[], []]
    infinite = path(1, 2)
    infinite[0, 0] = -np.inf
    assert decoded(infinite) == [[2]]


def test_texts_do_not_depend_on_the_batch() -> None:
    scores = np.random.default_rng(7).normal(size=(9, 40, 12)).astype(np.float32)
    assert decoded(scores) == [decoded(one[None])[0] for one in scores]


def test_the_task_is_known_and_condenses() -> None:
    assert TASKS["recognise"] is RECOGNISE
    assert RECOGNISE.condense is best_path
    assert not RECOGNISE.single_answers
