"""Energy from readings: closed forms, recorded in any rhythm; counters that wrap or are reset; errors that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.energy import counted_energy, longest_gap_s, sampled_energy, unwrapped

S = 1_000_000_000


def moments(*seconds: float) -> np.ndarray:
    return np.array([round(second * S) for second in seconds], np.int64)


def test_constant_power_is_exact() -> None:
    times = moments(0, 0.3, 1.1, 2.7, 4.0)
    assert sampled_energy(times, np.full(5, 50.0), S // 2, 3 * S) == pytest.approx((125.0, 0.0))
    assert counted_energy(times, times / S * 50.0, S // 2, 3 * S)[0] == pytest.approx(125.0)  # type: ignore[index]


def test_a_ramp_is_exact_and_its_error_is_what_lies_between() -> None:
    """P = 10 t: from 1 to 3 s it is 5 (9 - 1) = 40 J; between readings 1 s apart it may be 5 J more or less, twice."""
    times = moments(0, 1, 2, 3, 4)
    assert sampled_energy(times, times / S * 10.0, S, 3 * S) == pytest.approx((40.0, 10.0))


@given(st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.0, 500.0)), min_size=3, max_size=40), st.randoms())
def test_power_between_two_readings_stays_within_the_error(steps: list[tuple[float, float]], rng: object) -> None:
    """A step of power anywhere between two readings: the truth is never further off than the error says."""
    times = moments(*np.cumsum([gap for gap, _ in steps]))
    watts = np.array([power for _, power in steps])
    begin, end = int(times[0]), int(times[-1])
    found = sampled_energy(times, watts, begin, end)
    assert found is not None
    where = np.array([rng.random() for _ in range(len(steps) - 1)])  # type: ignore[attr-defined]
    gaps = np.diff(times) / S
    truth = float((watts[:-1] * where * gaps + watts[1:] * (1 - where) * gaps).sum())
    assert abs(found[0] - truth) <= found[1] * (1 + 1e-9) + 1e-6


@given(st.floats(0.001, 0.3), st.floats(5.0, 400.0), st.floats(0.0, 0.09))
def test_a_counter_that_shows_what_was_a_moment_ago_stays_within_the_error(
    pause: float, watts: float, late: float
) -> None:
    """Readings every `pause` of a counter that is brought up to date up to a tenth of a second late."""
    times = np.arange(0, 6 * S, round(pause * S), dtype=np.int64)
    stale = min(late, pause)
    shown = np.maximum(times / S - stale, 0.0) * watts
    found = counted_energy(times, shown, 2 * S, 4 * S)
    assert found is not None
    assert abs(found[0] - 2.0 * watts) <= found[1] + 1e-6


def test_a_counter_that_wraps_goes_on() -> None:
    joules = np.array([95.0, 99.0, 3.0, 7.0, 98.0, 1.0])
    assert unwrapped(joules, 100.0).tolist() == [95.0, 99.0, 103.0, 107.0, 198.0, 201.0]


def test_a_counter_that_was_reset_gives_no_energy() -> None:
    joules = np.array([95.0, 99.0, 3.0, 7.0])
    assert np.isnan(unwrapped(joules, None)[2:]).all()
    assert np.isnan(unwrapped(np.array([5.0, 1.0]), 3.0)[1]), "it fell by more than it wraps at"
    times = moments(0, 1, 2, 3)
    assert counted_energy(times, unwrapped(joules, None), S // 2, 5 * S // 2) is None
    assert unwrapped(np.array([]), None).size == 0


@pytest.mark.parametrize("times", [(), (1,), (1.5, 2, 3), (0, 1, 1.9), (5, 6)])
def test_a_window_that_readings_do_not_cover_has_no_energy(times: tuple[float, ...]) -> None:
    at, watts = moments(*times), np.full(len(times), 5.0)
    assert sampled_energy(at, watts, S, 2 * S) is None
    assert counted_energy(at, watts, S, 2 * S) is None
    assert longest_gap_s(at, S, 2 * S) is None


def test_the_longest_gap_is_that_of_the_window() -> None:
    times = moments(0, 5, 5.5, 6.5, 7, 20)
    assert longest_gap_s(times, int(5.2 * S), int(6.9 * S)) == pytest.approx(1.0)
    assert longest_gap_s(times, int(5.2 * S), int(8 * S)) == pytest.approx(13.0)
