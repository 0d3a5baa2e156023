"""`bench.scoring.early_stopping`: MLPerf's own figures, the walked definition, exact arithmetic, and coverage."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.records.numbers import Interval, Refusal
from bench.scoring.columns import FAILED_NS
from bench.scoring.early_stopping import early_stopping_bound, least_passing, least_samples, tolerated

from .reference import covers_as_claimed, slow_least_passing, slow_tolerated


@pytest.mark.parametrize(
    ("n", "p", "t"),
    [
        (2401, 0.9, 206),
        (14881, 0.9, 1403),
        (63, 0.9, 0),
        (64, 0.9, 1),
        (1024, 0.9, 80),
        (15000, 0.9, 1414),
        (661, 0.99, 0),
        (662, 0.99, 1),
        (24576, 0.99, 209),
        (6636, 0.999, 1),
    ],
)
def test_known_figures(n: int, p: float, t: int) -> None:
    assert tolerated(n, p) == t
    if t:
        ordered = np.arange(1, n + 1, dtype=np.int64)
        assert early_stopping_bound(ordered, p) == Interval(
            low=0.0, high=float(ordered[n - t]), confidence=0.99, kind="early-stopping"
        )


@pytest.mark.parametrize(("p", "h"), [(0.9, 44), (0.99, 459), (0.999, 4603)])
def test_least_passing_without_any_over(p: float, h: int) -> None:
    assert least_passing(0, p) == h


@given(st.integers(0, 40), st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.97]))
@settings(max_examples=40, deadline=None)
def test_least_passing_against_the_walk(t: int, p: float) -> None:
    assert least_passing(t, p) == slow_least_passing(t, p)


@given(st.integers(1, 600), st.sampled_from([0.5, 0.9, 0.95]))
@settings(max_examples=25, deadline=None)
def test_tolerated_against_the_walk(n: int, p: float) -> None:
    assert tolerated(n, p) == slow_tolerated(n, p)


@pytest.mark.parametrize("p", ["0.9", "0.99"])
def test_least_passing_in_exact_arithmetic(p: str) -> None:
    share, limit = 1 - Fraction(p), Fraction(1, 100)

    def exact(h: int, t: int) -> Fraction:
        n = h + t
        return sum((math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(t + 1)), Fraction(0))

    for t in (0, 1, 3):
        h = least_passing(t, float(p))
        assert exact(h, t) <= limit < exact(h - 1, t)


@pytest.mark.parametrize("n", [10**5, 10**7, 10**9])
@pytest.mark.parametrize("p", [0.9, 0.99, 0.999])
def test_large_runs_against_the_binomial_quantile(n: int, p: float) -> None:
    t = tolerated(n, p)
    assert stats.binom.cdf(t, n, 1 - p) <= 0.01 < stats.binom.cdf(t + 1, n, 1 - p)
    assert least_passing(t, p) + t <= n < least_passing(t + 1, p) + t + 1


@given(st.integers(1, 5000))
@settings(deadline=None)
def test_tolerated_grows_with_n_and_stays_under_the_expectation(n: int) -> None:
    assert 0 <= tolerated(n, 0.9) <= tolerated(n + 1, 0.9) <= 0.1 * (n + 1)


def test_bound_covers_for_independent_latencies() -> None:
    trials, n, random = 2000, 500, np.random.default_rng(1)
    values = np.sort((random.exponential(1e6, (trials, n))).astype(np.int64), axis=1)
    truth = 1e6 * math.log(10)
    hits = sum(early_stopping_bound(row, 0.9).high >= truth for row in values)  # type: ignore[union-attr]
    assert covers_as_claimed(hits, trials, 0.99)


def test_refusals() -> None:
    assert early_stopping_bound(np.arange(63), 0.9) == Refusal(code="too-few-queries", seen=63, limit=64)
    failed = np.r_[np.arange(99), FAILED_NS]
    assert tolerated(100, 0.9) == 3
    assert isinstance(early_stopping_bound(failed, 0.9), Interval)
    assert early_stopping_bound(np.full(100, FAILED_NS), 0.9) == Refusal(code="queries-failed", seen=1.0, limit=0.02)


@pytest.mark.parametrize("p", [0.0, 1.0, math.nan])
def test_bad_probabilities(p: float) -> None:
    with pytest.raises(ValueError, match="`p` is"):
        least_passing(1, p)
    with pytest.raises(ValueError, match="`p` is"):
        least_samples(p)
    with pytest.raises(ValueError, match="`p` is"):
        tolerated(10, p)
    with pytest.raises(ValueError, match="`confidence` is"):
        tolerated(10, 0.9, p)


def test_bad_counts() -> None:
    with pytest.raises(ValueError, match="`over` is -1"):
        least_passing(-1, 0.9)
    with pytest.raises(ValueError, match="`n` is 0"):
        tolerated(0, 0.9)
    with pytest.raises(ValueError, match="empty"):
        early_stopping_bound(np.empty(0, np.int64), 0.9)
