"""`bench.scoring.warmup`: MSER-5 against the walked statistic, known transients, false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.numbers import Refusal
from bench.scoring.warmup import is_steady, mser5_cut

from .reference import slow_mser5


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n", [50, 53, 200, 1001])
def test_against_the_walked_statistic(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    series = random.lognormal(0.0, 0.3, n) + 3.0 * np.exp(-np.arange(n) / random.uniform(1, n / 2))
    assert mser5_cut(series) == slow_mser5(series.tolist())


@given(st.lists(st.integers(0, 10**6), min_size=50, max_size=120), st.integers(1, 50), st.integers(0, 10**6))
def test_power_of_two_scale_and_shift(values: list[int], power: int, shift: int) -> None:
    series = np.array(values, dtype=np.float64)
    assert mser5_cut(series * 2.0**power) == mser5_cut(series)
    cut, shifted = mser5_cut(series), mser5_cut(series + shift)
    assert cut == shifted or _nearly_equal(series, cut, shifted)  # rounding may break a tie


def _nearly_equal(series: np.ndarray, *cuts: object) -> bool:
    means = series[: series.size // 5 * 5].reshape(-1, 5).mean(axis=1)
    values = [means[cut // 5 :].var() / (means.size - cut // 5) for cut in cuts]  # type: ignore[operator]
    return bool(abs(values[0] - values[1]) <= 1e-6 * max(1.0, *values))


def test_a_step_is_cut_exactly() -> None:
    random = np.random.default_rng(1)
    series = np.r_[random.normal(20.0, 0.1, 100), random.normal(10.0, 0.1, 400)]
    assert mser5_cut(series) == 100
    assert is_steady(100, 500)


def test_an_exponential_warm_up_is_cut_where_it_drowns_in_the_noise() -> None:
    random = np.random.default_rng(2)
    series = 1000.0 + 500.0 * np.exp(-np.arange(1000) / 30.0) + random.normal(0.0, 5.0, 1000)
    cut = mser5_cut(series)
    assert isinstance(cut, int)
    assert 90 <= cut <= 250  # 500 exp(-90/30) = 25, five times the noise of one value


def test_a_steady_drift_is_not_steady() -> None:
    random = np.random.default_rng(3)
    for slope in (1.0, -1.0):
        cut = mser5_cut(1000.0 + slope * np.arange(500) + random.normal(0.0, 1.0, 500))
        assert isinstance(cut, int)
        assert not is_steady(cut, 500)


@pytest.mark.parametrize("n", [500, 2500])
def test_false_alarms_are_rare(n: int) -> None:
    random = np.random.default_rng(4)
    draws = random.lognormal(0.0, 0.3, (400, n))
    alarms = sum(not is_steady(mser5_cut(row), n) for row in draws)  # type: ignore[arg-type]
    assert alarms <= 0.05 * 400


def test_constant_series_need_no_cut() -> None:
    for value in (0.0, 0.1, 7.0, 1e12 + 0.3):
        assert mser5_cut(np.full(123, value)) == 0
    assert mser5_cut(np.full(123, 10**12)) == 0


def test_a_step_to_a_constant() -> None:
    assert mser5_cut(np.r_[np.full(50, 9), np.full(200, 3)]) == 50


def test_short_series_are_refused() -> None:
    assert mser5_cut(np.arange(49)) == Refusal(code="too-few-queries", seen=49, limit=50)
    assert mser5_cut(np.empty(0)) == Refusal(code="too-few-queries", seen=0, limit=50)


def test_malformed() -> None:
    for bad in (np.r_[np.ones(60), math.nan], np.r_[np.ones(60), math.inf], np.ones((60, 2))):
        with pytest.raises(ValueError, match="`series`"):
            mser5_cut(bad)


def test_is_steady() -> None:
    assert is_steady(0, 0)
    assert is_steady(50, 100)
    assert not is_steady(51, 100)
    for cut in (-1, 101):
        with pytest.raises(ValueError, match="`cut` is"):
            is_steady(cut, 100)
