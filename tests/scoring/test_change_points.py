"""`bench.scoring.change_points` against scipy's t-test at every place, and its error rates by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.scoring.change_points import LEAST_SEGMENT, THRESHOLD, change_points, strengths

NOISE = 0.02


def test_strength_is_the_quantile_of_the_t_test() -> None:
    series = np.random.default_rng(1).normal(size=30)
    found = strengths(series)
    for i, place in enumerate(range(LEAST_SEGMENT, 30 - LEAST_SEGMENT + 1)):
        t = abs(stats.ttest_ind(series[:place], series[place:]).statistic)
        assert found[i] == pytest.approx(stats.norm.isf(stats.t.sf(t, 28)))


@given(st.lists(st.floats(-5.0, 5.0), max_size=40), st.floats(-3.0, 3.0))
def test_a_shift_of_all_changes_nothing_and_segments_are_long_enough(values: list[float], shift: float) -> None:
    found = change_points(values)
    ends = [0, *(change.place for change in found), len(values)]
    assert not found or min(np.diff(ends)) >= LEAST_SEGMENT
    moved = change_points([value + shift for value in values])
    if all(abs(change.strength - THRESHOLD) > 0.01 for change in found) and np.ptp(values or [0.0]) > 1e-3:
        assert [change.place for change in moved] == [change.place for change in found]


def test_steps_are_found_where_they_are() -> None:
    rng = np.random.default_rng(4)
    levels = np.repeat([0.0, 0.1, -0.05], [25, 20, 15])
    found = change_points(levels + rng.normal(0.0, NOISE, levels.size))
    assert [change.place for change in found] == [25, 45]
    assert [change.step for change in found] == pytest.approx([0.1, -0.15], abs=0.02)


def test_without_any_noise_a_step_is_certain() -> None:
    (found,) = change_points([1.0] * 5 + [1.5] * 5)
    assert (found.place, found.step) == (5, 0.5)
    assert math.isfinite(found.strength)
    assert change_points([1.0] * 10) == []


def test_two_outliers_are_no_level() -> None:
    series = np.random.default_rng(5).normal(0.0, NOISE, 40)
    series[-2:] += 0.5
    assert all(change.place <= 40 - LEAST_SEGMENT for change in change_points(series))


def test_false_alarms_of_a_series() -> None:
    """Under 1 % at 100 records without change (0.05 % of 20 000 series), when it is looked at once."""
    series = np.random.default_rng(6).normal(size=(3000, 100))
    assert np.mean(strengths(series).max(axis=1) >= THRESHOLD) < 0.005


@pytest.mark.full
def test_false_alarms_of_a_series_that_is_looked_at_after_every_record() -> None:
    """Under 1 % (0.92 % of 20 000 series)."""
    series = np.random.default_rng(6).normal(size=(3000, 100))
    alarmed = np.zeros(3000, dtype=bool)
    for n in range(2 * LEAST_SEGMENT, 101):
        alarmed |= strengths(series[:, :n]).max(axis=1) >= THRESHOLD
    assert stats.binomtest(int(alarmed.sum()), 3000, 0.01, alternative="greater").pvalue > 1e-3


def test_a_step_of_5_percent_is_found_within_8_records() -> None:
    """At 2 % noise after 50 records, in at least 95 % of the series (96.6 % of 20 000)."""
    series = np.random.default_rng(7).normal(size=(4000, 58)) * NOISE
    series[:, 50:] += math.log(1.05)
    found = np.zeros(4000, dtype=bool)
    for n in range(53, 59):
        found |= strengths(series[:, :n]).max(axis=1) >= THRESHOLD
    assert stats.binomtest(int(found.sum()), 4000, 0.95, alternative="less").pvalue > 1e-3


@pytest.mark.parametrize("bad", [[[1.0, 2.0]], [math.nan], [1.0, math.inf]])
def test_bad_series_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="shape"):
        change_points(bad)


@pytest.mark.parametrize("length", range(2 * LEAST_SEGMENT))
def test_short_series_have_no_change(length: int) -> None:
    assert change_points([float(i * i) for i in range(length)]) == []
