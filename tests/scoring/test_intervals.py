"""`bench.scoring.intervals`: t on logarithms against scipy, equivariance, coverage, planned looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.records.numbers import Interval, Refusal
from bench.scoring.intervals import (
    LOOKS,
    look_confidence,
    relative_half_width,
    repetition_interval,
    repetition_value,
)

from .reference import covers_as_claimed

VALUES = st.lists(st.floats(1e-3, 1e12), min_size=2, max_size=20)


def interval(values: object, confidence: float = 0.95) -> Interval:
    found = repetition_interval(values, confidence)  # type: ignore[arg-type]
    assert isinstance(found, Interval)
    return found


@given(VALUES, st.sampled_from([0.9, 0.95, look_confidence(5)]))
def test_against_scipy(values: list[float], confidence: float) -> None:
    logs = np.log(values)
    half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(logs)
    found = interval(values, confidence)
    assert found.low == pytest.approx(math.exp(logs.mean() - half), rel=1e-9)
    assert found.high == pytest.approx(math.exp(min(logs.mean() + half, 709)), rel=1e-9)
    assert (found.confidence, found.kind) == (confidence, "repetitions-t")


@given(VALUES, st.floats(1e-3, 1e3))
def test_scale_equivariance_and_inversion(values: list[float], scale: float) -> None:
    base, scaled = interval(values), interval([value * scale for value in values])
    assert scaled.low == pytest.approx(base.low * scale, rel=1e-9)
    inverted = interval([1 / value for value in values])  # a latency and its rate tell the same story
    assert inverted.low == pytest.approx(1 / base.high, rel=1e-9)
    assert repetition_value([1 / value for value in values]) == pytest.approx(1 / repetition_value(values))


@given(VALUES)
def test_value_lies_inside(values: list[float]) -> None:
    found = interval(values)
    assert found.low <= repetition_value(values) * (1 + 1e-12)
    assert repetition_value(values) <= found.high * (1 + 1e-12)
    assert repetition_value(values) == pytest.approx(stats.gmean(values))


def test_equal_repetitions_have_no_width() -> None:
    found = interval([8.0, 8.0, 8.0])
    assert found.low == pytest.approx(8.0)
    assert relative_half_width(found) == pytest.approx(0.0, abs=1e-15)


def test_one_repetition_is_refused() -> None:
    assert repetition_interval([5.0]) == Refusal(code="too-few-repetitions", seen=1, limit=2)
    assert repetition_value([5.0]) == pytest.approx(5.0)


@pytest.mark.parametrize("k", [3, 5])
def test_coverage(k: int) -> None:
    trials, random = 3000, np.random.default_rng(2)
    draws = np.exp(random.normal(3.0, 0.05, (trials, k)))
    hits = sum(found.low <= math.exp(3.0) <= found.high for found in map(interval, draws))
    assert covers_as_claimed(hits, trials, 0.95, 0.95)


def test_three_looks_together_cover_95_percent() -> None:
    # Stop at the first look that is narrow enough, as the design does: the interval of that look still covers.
    trials, random, hits = 1500, np.random.default_rng(3), 0
    for draws in np.exp(random.normal(0.0, 0.02, (trials, LOOKS[-1]))):
        for k in LOOKS:
            found = interval(draws[:k], look_confidence(k))
            if relative_half_width(found) <= 0.015:
                break
        hits += found.low <= 1.0 <= found.high
    assert covers_as_claimed(hits, trials, 0.95)


def test_look_confidence() -> None:
    assert LOOKS == (5, 10, 20)
    assert [round(look_confidence(k), 4) for k in LOOKS] == [0.9833] * 3
    with pytest.raises(ValueError, match="no look is planned at 7 repetitions, only at 5, 10, 20"):
        look_confidence(7)


def test_relative_half_width() -> None:
    assert relative_half_width(Interval(low=97, high=103, confidence=0.95, kind="batch-means-t")) == 0.03
    assert relative_half_width(Interval(low=0, high=0, confidence=0.95, kind="wilson")) == 0.0
    logs = Interval(low=math.exp(-0.03), high=math.exp(0.03), confidence=0.95, kind="repetitions-t")
    assert relative_half_width(logs) == pytest.approx(math.tanh(0.03))


@pytest.mark.parametrize("values", [[1.0, 0.0], [1.0, -2.0], [1.0, math.nan], [1.0, math.inf]])
def test_values_without_logarithms(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite and positive"):
        repetition_interval(values)


def test_malformed() -> None:
    with pytest.raises(ValueError, match="one value per repetition"):
        repetition_interval([])
    with pytest.raises(ValueError, match="one value per repetition"):
        repetition_value(np.ones((2, 2)))
    for confidence in (0.0, 1.0, 95.0, math.nan):
        with pytest.raises(ValueError, match="`confidence` is"):
            repetition_interval([1.0, 2.0], confidence)
