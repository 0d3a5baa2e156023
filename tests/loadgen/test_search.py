"""`bench.loadgen.search`: from no guess to a narrow bracket of the highest rate that holds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loadgen.search import RateSearch


def run(offline: float, limit: float, width: float = 0.02, step: float | None = None) -> tuple[RateSearch, list[float]]:
    """A search on a system that holds every rate up to `limit` and none above."""
    search = RateSearch(offline, width, step)
    tried: list[float] = []
    while (rate := search.next_rate()) is not None:
        tried.append(rate)
        search.tell(rate, rate <= limit)
    return search, tried


@given(st.floats(1.0, 1e6), st.floats(0.05, 2.0), st.sampled_from([0.01, 0.02, 0.05]))
def test_the_bracket_holds_the_limit_and_is_narrow(offline: float, share: float, width: float) -> None:
    limit = offline * share
    search, tried = run(offline, limit, width)
    assert search.passing is not None
    assert search.failing is not None
    assert search.passing <= limit < search.failing
    assert search.failing / search.passing - 1.0 <= width
    assert len(set(tried)) == len(tried)


@given(st.floats(0.3, 1.3))
def test_ten_trials_are_enough_near_what_the_engine_does_without_gaps(share: float) -> None:
    search, tried = run(1000.0, 1000.0 * share)
    assert search.failing is not None
    assert search.passing is not None
    assert search.failing / search.passing - 1.0 <= 0.02
    assert len(tried) <= 10


def test_no_rate_holds() -> None:
    search, tried = run(1000.0, 1.0)
    assert search.passing is None
    assert len(tried) == 6
    assert min(tried) == pytest.approx(1000.0 * 0.7 / 32)


@given(st.floats(10.0, 1e5), st.integers(1, 3000), st.sampled_from([1.0, 12.5, 25.0]))
def test_cameras_are_whole_and_the_ends_are_neighbours(offline: float, most: int, frames_per_s: float) -> None:
    search, tried = run(offline, most * frames_per_s, step=frames_per_s)
    assert search.passing == most * frames_per_s
    assert search.failing == (most + 1) * frames_per_s
    assert len(set(tried)) == len(tried)
    assert all(rate / frames_per_s == round(rate / frames_per_s) for rate in tried)


def test_not_even_one_camera() -> None:
    search, tried = run(1000.0, 24.0, step=25.0)
    assert search.passing is None
    assert min(tried) == 25.0


def test_contradicting_trials_are_read_carefully() -> None:
    search = RateSearch(1000.0, 0.02)
    search.tell(700.0, True)
    search.tell(700.0, False)
    assert (search.passing, search.failing) == (None, 700.0)
    assert search.next_rate() == pytest.approx(350.0)


@pytest.mark.parametrize("bad", [(0.0, 0.02, None), (math.inf, 0.02, 5.0), (10.0, 0.0, 5.0), (10.0, 0.02, 0.0)])
def test_malformed(bad: tuple[float, float, float | None]) -> None:
    with pytest.raises(ValueError, match="search from"):
        RateSearch(*bad)
