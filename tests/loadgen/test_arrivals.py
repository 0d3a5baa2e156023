"""`bench.loadgen.arrivals`: a Poisson process at exactly the rate that was asked for, the same everywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loadgen.arrivals import poisson_ns

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
