"""`bench.scoring.percentiles`: the rule, its refusals, and the exactness of the rank."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.numbers import Refusal
from bench.scoring.columns import FAILED_NS
from bench.scoring.percentiles import least_samples, percentile, percentiles, rank

from .reference import slow_percentile

LATENCIES = st.lists(st.integers(0, 10**12) | st.just(FAILED_NS), min_size=64, max_size=200)


@pytest.mark.parametrize(("p", "least"), [(0.9, 64), (0.99, 662), (0.999, 6636)])
def test_known_least_samples(p: float, least: int) -> None:
    assert least_samples(p) == least
    ordered = np.arange(least, dtype=np.int64)
    assert percentile(ordered, p) == rank(least, p)
    assert percentile(ordered[:-1], p) == Refusal(code="too-few-queries", seen=least - 1, limit=least)


@given(LATENCIES)
def test_percentile_against_the_definition(values: list[int]) -> None:
    found = percentiles(np.array(values, dtype=np.int64), (0.5, 0.75, 0.9))
    assert found == {float(p): slow_percentile(values, p) for p in ("0.5", "0.75", "0.9")}


@given(LATENCIES, st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[int], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert percentiles(np.array(values), (0.5, 0.9)) == percentiles(np.array(shuffled), (0.5, 0.9))


@given(st.lists(st.integers(0, 10**12), min_size=64, max_size=100), st.integers(1, 1000), st.integers(0, 1000))
def test_scale_and_shift(values: list[int], scale: int, shift: int) -> None:
    base, moved = np.array(values), np.array(values) * scale + shift
    assert percentiles(moved, (0.9,))[0.9] == percentiles(base, (0.9,))[0.9] * scale + shift  # type: ignore[operator]


def test_input_is_left_alone() -> None:
    values = np.arange(100, 0, -1, dtype=np.int64)
    percentiles(values, (0.9,))
    assert values[0] == 100


@given(st.integers(1, 10**8), st.decimals("0.001", "0.999999", places=6))
def test_rank_is_exact(n: int, p: object) -> None:
    assert rank(n, float(p)) == math.floor(n * Fraction(str(p)))  # type: ignore[arg-type]


def test_rank_where_doubles_fall_short() -> None:
    assert int(100 * 0.29) == 28
    assert rank(100, 0.29) == 29
    assert rank(100, np.float64(0.29)) == 29


def test_rank_agrees_with_loadgen_for_its_own_percentiles() -> None:
    n = np.arange(1, 20_000)
    for p in (0.5, 0.9, 0.95, 0.97, 0.99, 0.999):
        assert [rank(int(size), p) for size in n] == (n * p).astype(int).tolist()


def test_failed_queries_are_infinite() -> None:
    values = np.full(100, 5, dtype=np.int64)
    values[:11] = FAILED_NS
    assert percentiles(values, (0.5, 0.9)) == {0.5: 5.0, 0.9: math.inf}
    assert percentiles(np.full(64, FAILED_NS), (0.5, 0.9)) == {0.5: math.inf, 0.9: math.inf}


def test_one_value_is_refused_not_given() -> None:
    assert percentiles(np.array([7]), (0.5,)) == {0.5: Refusal(code="too-few-queries", seen=1, limit=11)}


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 90.0, math.nan, math.inf])
def test_probabilities_outside_are_errors(p: float) -> None:
    with pytest.raises(ValueError, match="`p` is"):
        percentile(np.arange(100), p)


def test_empty_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        percentile(np.empty(0, np.int64), 0.9)
