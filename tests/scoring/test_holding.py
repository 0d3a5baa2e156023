"""`bench.scoring.holding`: when a rate holds, when it cannot any more, and when a queue grows."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.scoring.columns import FAILED_NS
from bench.scoring.holding import cannot_hold, grows, upper_share

# One-sided 95 % quantiles of Student's t from printed tables.
T95 = {1: 6.314, 2: 2.920, 4: 2.132, 9: 1.833}
SHARES = st.lists(st.floats(0.0, 0.2), min_size=1, max_size=4)


@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_upper_limit_against_the_textbook(k: int) -> None:
    seen = np.random.default_rng(k).uniform(0.0, 0.02, k).tolist()
    expected = statistics.mean(seen) + T95[k - 1] * statistics.stdev(seen) / math.sqrt(k)
    assert upper_share(seen) == pytest.approx(expected, rel=1e-3)


def test_one_repetition_speaks_for_itself_and_none_for_nothing() -> None:
    assert upper_share([0.003]) == 0.003
    with pytest.raises(ValueError, match="no repetition"):
        upper_share([])


@settings(max_examples=60, deadline=None)
@given(SHARES, st.lists(st.floats(0.0, 0.2), min_size=4, max_size=4), st.floats(0.001, 0.1))
def test_what_cannot_hold_is_held_by_no_completion(seen: list[float], rest: list[float], allowed: float) -> None:
    if cannot_hold(seen, 5, allowed):
        # A thousandth: the search for the best completion goes in steps.
        assert upper_share([*seen, *rest[: 5 - len(seen)]]) > allowed * 0.999


def test_one_bad_repetition_of_five_is_enough() -> None:
    # Closed form: with a and four zeros the limit is a (1 + t) / 5.
    limit = 0.01 * 5 / (1 + T95[4])
    assert cannot_hold([limit * 1.01], 5, 0.01)
    assert not cannot_hold([limit * 0.99], 5, 0.01)
    assert not cannot_hold([], 5, 0.01)


def queue(rho: float, n: int, seed: int) -> NDArray[np.int64]:
    """Waiting plus service of M/D/1 with a service time of 1 ms, by Lindley's recursion, in ns."""
    gaps = np.random.default_rng(seed).exponential(1e6 / rho, n).tolist()
    wait, result = 0.0, []
    for gap in gaps:
        result.append(wait + 1e6)
        wait = max(0.0, wait + 1e6 - gap)
    return np.array(result).astype(np.int64)


def test_a_steady_queue_does_not_grow() -> None:
    assert not any(grows(queue(0.8, 3000, seed)) for seed in range(200))


@pytest.mark.parametrize("rho", [1.1, 1.3, 3.0])
def test_an_overloaded_queue_grows(rho: float) -> None:
    assert all(grows(queue(rho, 3000, seed)) for seed in range(20))


def test_few_queries_show_nothing_and_failures_count_as_the_worst() -> None:
    assert not grows(np.arange(1, 200) * 1_000_000)
    late = np.linspace(1e6, 4e6, 400).astype(np.int64)
    assert grows(late)
    assert not grows(late[::-1].copy())
    late[:] = 1_000_000
    late[1::40] = 9_000_000  # the worst that is seen; failures at the end count as much
    assert not grows(late)
    late[200:] = FAILED_NS
    assert grows(late)
    assert not grows(np.full(400, FAILED_NS))
