"""`bench.loadgen.arrivals`: Poisson arrivals at exactly the rate that was asked for, cameras nobody synchronises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loadgen.arrivals import CLOCK_OFFSET, camera_frames, poisson_ns, rising_poisson

# Made on 2026-11-25; `slow` agrees; other versions of numpy and other machines must give the same within 1 ns.
GOLDEN = [5_339_164, 12_796_397]


def slow(count: int, rate: float, seed: int) -> list[float]:
    """The definition in plain Python, in ns."""
    source = np.random.PCG64(np.random.SeedSequence(seed))
    gaps = [-math.log1p(-(int(source.random_raw()) >> 11) / 2**53) for _ in range(count)]
    total = math.fsum(gaps)
    return [math.fsum(gaps[: i + 1]) / total * count / rate * 1e9 for i in range(count)]


@pytest.mark.parametrize(("count", "rate", "seed"), [(1, 3.0, 0), (500, 1000.0, 1), (2000, 0.7, 2**62)])
def test_against_the_definition(count: int, rate: float, seed: int) -> None:
    assert poisson_ns(count, rate, seed) == pytest.approx(slow(count, rate, seed), abs=1.0, rel=1e-12)


@given(st.integers(1, 300), st.floats(1e-3, 1e6), st.integers(0, 2**63 - 1))
def test_ascending_from_the_start_to_count_over_rate(count: int, rate: float, seed: int) -> None:
    arrivals = poisson_ns(count, rate, seed)
    assert (np.diff(arrivals) >= 0).all()
    assert arrivals[0] >= 0
    assert arrivals[-1] == pytest.approx(count / rate * 1e9, rel=1e-9, abs=1.0)


def test_equal_seeds_differ_in_scale_only() -> None:
    assert poisson_ns(1000, 50.0, 7) == pytest.approx(2.0 * poisson_ns(1000, 100.0, 7), abs=2.0)
    assert not np.array_equal(poisson_ns(1000, 50.0, 7), poisson_ns(1000, 50.0, 8))


def test_gaps_are_exponential_and_independent() -> None:
    gaps = np.diff(poisson_ns(200_000, 1e5, 3)) / 1e4
    # Mean and deviation 1; share beyond x is exp(-x); standard errors of 200 000 draws are below 0.003.
    assert gaps.mean() == pytest.approx(1.0, abs=0.01)
    assert gaps.std() == pytest.approx(1.0, abs=0.015)
    for x in (0.1, 1.0, 3.0):
        assert (gaps > x).mean() == pytest.approx(math.exp(-x), abs=0.006)
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 0.012


def test_golden() -> None:
    assert poisson_ns(1000, 1000.0, 42)[[4, 9]].tolist() == pytest.approx(GOLDEN, abs=1.0)


@pytest.mark.parametrize(("count", "rate"), [(0, 1.0), (5, 0.0), (5, -1.0), (5, math.inf), (5, math.nan)])
def test_malformed(count: int, rate: float) -> None:
    with pytest.raises(ValueError, match="expected at least one"):
        poisson_ns(count, rate, 0)


@given(st.integers(1, 12), st.integers(1, 60), st.sampled_from([5.0, 25.0, 30.0, 240.0]), st.integers(0, 2**63 - 1))
def test_every_camera_sends_its_frames_at_its_own_pace(cameras: int, frames: int, rate: float, seed: int) -> None:
    arrivals = camera_frames(cameras, frames, rate, seed)
    assert arrivals.group is not None
    assert (np.diff(arrivals.times_ns) >= 0).all()
    assert arrivals.times_ns[0] >= 0
    period = 1e9 / rate
    jitter = min(2e6, period / 4)
    for camera in range(cameras):
        own = arrivals.times_ns[arrivals.group == camera].astype(np.float64)
        assert own.size == frames
        assert own[0] <= period + 2 * jitter
        # Against a clock that is right, jitter and 100 ppm are all that a frame may be off.
        off = own - own[0] - np.arange(frames) * period
        assert np.abs(off).max() <= 2 * jitter + CLOCK_OFFSET * frames * period + 1.0
        assert (np.diff(own) > 0).all()


def test_phases_clocks_and_jitter_are_spread_over_their_ranges() -> None:
    cameras, frames, period = 2000, 400, 4e7
    arrivals = camera_frames(cameras, frames, 25.0, 5)
    order = np.argsort(arrivals.group, kind="stable")  # type: ignore[arg-type]
    times = arrivals.times_ns[order].reshape(cameras, frames).astype(np.float64)
    index = np.arange(frames)
    slope, start = np.polyfit(index, times.T, 1)
    clock = slope / period - 1.0
    assert np.abs(clock).max() < 1.3e-4
    # Uniform in ±100 ppm has a deviation of 57.7; the fit adds a little.
    assert clock.std() == pytest.approx(57.7e-6, rel=0.08)
    phase = (start - 2e6) / period
    assert [np.quantile(phase, q) for q in (0.1, 0.5, 0.9)] == pytest.approx([0.1, 0.5, 0.9], abs=0.04)
    left = times - (start + slope * index[:, None]).T
    assert left.std() == pytest.approx(4e6 / math.sqrt(12), rel=0.02)
    assert abs(np.corrcoef(left[:, 1:].ravel(), left[:, :-1].ravel())[0, 1]) < 0.02


def test_another_camera_changes_nothing_for_the_others() -> None:
    few, many = camera_frames(3, 50, 25.0, 9), camera_frames(5, 50, 25.0, 9)
    for camera in range(3):
        assert (few.times_ns[few.group == camera] == many.times_ns[many.group == camera]).all()


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.1, 1e4)), min_size=1, max_size=6), st.integers(0, 99))
def test_a_ramp_is_one_rate_after_another(steps: list[tuple[int, float]], seed: int) -> None:
    counts, rates = [count for count, _ in steps], [rate for _, rate in steps]
    ramp = rising_poisson(counts, rates, seed)
    assert ramp.group is not None
    assert np.bincount(ramp.group).tolist() == counts
    assert (np.diff(ramp.times_ns) >= 0).all()
    assert (np.diff(ramp.group) >= 0).all()
    ends = np.cumsum([count / rate * 1e9 for count, rate in steps])
    for step, end in enumerate(ends):
        assert ramp.times_ns[ramp.group == step][-1] == pytest.approx(end, rel=1e-9, abs=len(steps) + 1.0)


@pytest.mark.parametrize(("cameras", "frames", "rate"), [(0, 1, 25.0), (1, 0, 25.0), (1, 1, 0.0), (1, 1, math.inf)])
def test_malformed_cameras(cameras: int, frames: int, rate: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        camera_frames(cameras, frames, rate, 0)
