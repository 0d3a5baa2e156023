"""`bench.scoring.numeric`: relative error and agreement of raw outputs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.records.numbers import Refusal, RelativeError
from bench.scoring import numeric
from bench.scoring.numeric import agreement, relative_error, sample_errors, worst_output_error


def error(candidate: np.ndarray, reference: np.ndarray) -> RelativeError:
    found = relative_error(candidate, reference)
    assert isinstance(found, RelativeError)
    return found


def test_against_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    reference = random.normal(size=(101, 3, 7))
    candidate = (reference + random.normal(0.0, 1e-3, reference.shape)).astype(np.float32)
    errors = [
        np.linalg.norm((a - b).ravel()) / np.linalg.norm(b.ravel()) for a, b in zip(candidate, reference, strict=True)
    ]
    found = error(candidate, reference)
    assert found.median == pytest.approx(np.median(errors))
    assert found.max == pytest.approx(max(errors))
    monkeypatch.setattr(numeric, "_CHUNK", 64)  # three samples at a time
    assert error(candidate, reference).max == pytest.approx(found.max, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounding_to_a_type_shows_its_precision(dtype: type) -> None:
    reference = np.random.default_rng(2).normal(size=(50, 1000))
    epsilon = np.finfo(dtype).eps
    found = error(reference.astype(dtype), reference).max
    assert found <= epsilon / 2
    assert found >= (epsilon / 10 if dtype != np.float64 else 0.0)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_scale_does_not_matter_even_where_squares_overflow(scale: float) -> None:
    reference = np.random.default_rng(3).normal(size=(5, 4))
    found = error(reference * scale * 1.01, reference * scale)
    assert found.max == pytest.approx(0.01, rel=1e-9)


def test_integers_at_the_end_of_their_range() -> None:
    reference = np.array([[-128, 0]], np.int8)
    assert error(reference, reference) == RelativeError(median=0.0, max=0.0)
    assert error(np.array([[127, 0]], np.int8), reference).max == pytest.approx(255 / 128)


def test_a_zero_reference_sample_is_held_against_the_typical_one() -> None:
    reference = np.array([[3.0, 4.0], [0.0, 0.0]])
    found = error(reference + np.array([[0.0], [0.1]]), reference)
    assert found.max == pytest.approx(0.1 * math.sqrt(2) / (5 / math.sqrt(2)))
    assert error(np.zeros((2, 2)), np.zeros((2, 2))) == RelativeError(median=0.0, max=0.0)
    refused = relative_error(np.ones((2, 2)), np.zeros((2, 2)))
    assert refused == Refusal(code="quality-not-verified", seen=0.0, limit=0.0)


def test_non_finite_outputs_fail() -> None:
    reference = np.ones((4, 3))
    candidate = reference.copy()
    candidate[1, 2], candidate[3] = math.nan, math.inf
    assert relative_error(candidate, reference) == Refusal(code="non-finite-output", seen=2, limit=0)
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="reference outputs hold NaN"):
            relative_error(reference, np.full((4, 3), bad))


def test_agreement() -> None:
    random = np.random.default_rng(4)
    reference = random.normal(size=(200, 10))
    candidate = reference + random.normal(0.0, 0.5, reference.shape)
    same = [int(np.argmax(a)) == int(np.argmax(b)) for a, b in zip(candidate, reference, strict=True)]
    assert agreement(candidate, reference) == sum(same) / 200
    assert agreement(reference * 3 + 1, reference) == 1.0


def test_agreement_of_hostile_scores() -> None:
    reference = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    candidate = np.array([[math.nan, 0.0], [math.inf, 0.0], [0.7, 0.7], [0.0, 0.2]])
    assert agreement(candidate, reference) == 0.5  # the first of equals; NaN and infinity never agree


def test_errors_of_samples_that_are_no_numbers_are_infinite_and_spoil_no_other() -> None:
    reference = np.array([[3.0, 4.0], [0.0, 0.0], [math.nan, 1.0], [1.0, 0.0]])
    candidate = np.array([[3.0, 4.5], [0.0, 0.0], [1.0, 1.0], [math.inf, 0.0]])
    assert sample_errors(candidate, reference).tolist() == [pytest.approx(0.1), 0.0, math.inf, math.inf]
    assert sample_errors(np.array([1, 0]), np.array([0, 0])).tolist() == [math.inf, 0.0]  # nothing to hold it against


def test_malformed() -> None:
    for a, b in [((3, 2), (2, 3)), ((3,), (3,)), ((0, 2), (0, 2)), ((3, 0), (3, 0))]:
        for call in (relative_error, agreement):
            with pytest.raises(ValueError, match="expected the same"):
                call(np.ones(a), np.ones(b))
    with pytest.raises(ValueError, match=r"expected \(samples, classes\)"):
        agreement(np.ones((2, 2, 2)), np.ones((2, 2, 2)))


def test_of_several_outputs_the_one_that_is_furthest_off_counts() -> None:
    reference = {"a": np.ones((4, 2)), "b": np.ones((4, 2))}
    # One sample of `a` is far off, all of `b` a little.
    found = {"a": np.ones((4, 2)), "b": 1.01 * np.ones((4, 2))}
    found["a"][0] = 2.0
    assert worst_output_error(found, reference) == RelativeError(median=0.0, max=pytest.approx(1.0))
    assert worst_output_error(found, reference, by_median=True) == RelativeError(
        median=pytest.approx(0.01), max=pytest.approx(0.01)
    )
    found["b"][1] = np.nan
    refused = worst_output_error(found, reference)
    assert isinstance(refused, Refusal)
    assert refused.code == "non-finite-output"
    with pytest.raises(ValueError, match="no reference outputs"):
        worst_output_error(found, {})
