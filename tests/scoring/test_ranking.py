"""Composite scores and ranks, beside slow versions in plain Python and what theory promises."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.scoring.ranking import Composite, Terms, composite, holm_limit, pareto, ranks


def terms(values: np.ndarray, resolution: float = 0.0) -> Terms:
    """Of repetitions with shape (systems, terms, k)."""
    logs = np.log(values)
    k = logs.shape[2]
    return Terms(
        mean=logs.mean(axis=2),
        variance=logs.var(axis=2, ddof=1) / k,
        degrees=np.full(logs.shape[:2], k - 1.0),
        resolution=np.full(logs.shape[:2], resolution),
    )


def drawn(
    seed: int, systems: int, count: int = 3, k: int = 5, scatter: float = 0.02, spread: float = 0.05
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.exp(spread * rng.normal(size=(systems, 1, 1)) + 0.02 * rng.normal(size=(systems, count, k)))


def slow_ranks(scores: Composite, alpha: float, gap: float) -> list[tuple[int, int]]:
    """Holm's procedure as it is written down: sort, compare, stop at the first that is too likely."""
    n = len(scores.value)
    found = []
    for i, j in combinations(range(n), 2):
        variance = scores.variance[i] + scores.variance[j]
        difference = abs(scores.value[i] - scores.value[j])
        if variance == 0:
            p = 0.0 if difference > 0 else 1.0
        else:
            spread = scores.spread[i] + scores.spread[j]
            degrees = variance**2 / spread if spread > 0 else 1e9
            p = 2 * stats.t.sf(difference / math.sqrt(variance), degrees)
        found.append((p, i, j))
    better, worse = [0] * n, [0] * n
    for position, (p, i, j) in enumerate(sorted(found)):
        if p > alpha / (len(found) - position):
            break
        if abs(scores.value[i] - scores.value[j]) < math.log1p(gap):
            continue
        front, behind = (i, j) if scores.value[i] > scores.value[j] else (j, i)
        better[behind] += 1
        worse[front] += 1
    return [(1 + better[i], n - worse[i]) for i in range(n)]


@pytest.mark.parametrize("seed", range(8))
def test_ranks_are_those_of_the_procedure_step_by_step(seed: int) -> None:
    scores = composite(terms(drawn(seed, systems=12, spread=0.03 * (seed % 3))), np.array([0.5, 0.3, 0.2]))
    found = ranks(scores, 0.05, 0.02)
    assert list(zip(found.place.tolist(), found.last.tolist(), strict=True)) == slow_ranks(scores, 0.05, 0.02)


@given(st.integers(0, 10_000), st.integers(1, 9), st.sampled_from([0.0, 0.01, 0.2]), st.sampled_from([0.01, 0.05, 0.3]))
def test_ranks_hold_for_whatever_systems(seed: int, systems: int, gap: float, alpha: float) -> None:
    scores = composite(terms(drawn(seed, systems), resolution=1e-4 * (seed % 2)), np.array([0.2, 0.2, 0.6]))
    found = ranks(scores, alpha, gap)
    assert list(zip(found.place.tolist(), found.last.tolist(), strict=True)) == slow_ranks(scores, alpha, gap)
    assert (found.place <= found.last).all()


def test_identical_systems_share_the_whole_range() -> None:
    scores = composite(terms(np.repeat(drawn(3, 1), 20, axis=0)), np.array([1.0, 0.0, 0.0]))
    found = ranks(scores, 0.05, 0.0)
    assert found.place.tolist() == [1] * 20
    assert found.last.tolist() == [20] * 20


def test_systems_without_any_scatter_differ_by_their_values() -> None:
    values = np.broadcast_to(np.array([1.0, 1.5, 1.505])[:, None, None], (3, 1, 4))
    scores = composite(terms(values), np.array([1.0]))
    assert ranks(scores, 0.05, 0.0).place.tolist() == [3, 2, 1]
    assert ranks(scores, 0.05, 0.02).place.tolist() == [3, 1, 1]  # a gap that nobody notices


def test_one_system_is_first_and_none_gives_nothing() -> None:
    one = ranks(composite(terms(drawn(1, 1)), np.array([1.0, 0.0, 0.0])), 0.05, 0.02)
    assert (one.place.tolist(), one.last.tolist()) == ([1], [1])
    nobody = Terms(*[np.empty((0, 1))] * 4)
    assert ranks(composite(nobody, np.array([1.0])), 0.05, 0.02).place.tolist() == []


def test_families_of_equal_systems_are_told_apart_in_one_of_twenty_at_most() -> None:
    wrong = 0
    for seed in range(400):
        scores = composite(terms(drawn(seed, systems=6, spread=0.0)), np.array([0.4, 0.3, 0.3]))
        wrong += int((ranks(scores, 0.05, 0.0).place > 1).any())
    # 20 of 400 are expected at most; 34 and more would be seen once in a thousand such tests.
    assert wrong < 34


def test_the_composite_is_a_weighted_geometric_mean_whatever_the_reference() -> None:
    values = drawn(5, systems=4)
    weights = np.array([0.5, 0.25, 0.25])
    scores = composite(terms(values), weights)
    by_hand = [math.prod(stats.gmean(values[i, t]) ** weights[t] for t in range(3)) for i in range(4)]
    assert np.exp(scores.value) == pytest.approx(by_hand, rel=1e-12)
    other = composite(terms(values * np.array([3.0, 0.1, 7.0])[:, None]), weights)
    assert other.value - scores.value == pytest.approx(np.full(4, (other.value - scores.value)[0]))
    assert ranks(other, 0.05, 0.02).place.tolist() == ranks(scores, 0.05, 0.02).place.tolist()


def test_intervals_of_a_composite_cover_what_they_promise() -> None:
    covered = 0
    for seed in range(600):
        rng = np.random.default_rng(seed)
        values = np.exp(0.02 * rng.normal(size=(1, 2, 5)) * np.array([1.0, 3.0])[:, None])
        low, high = composite(terms(values), np.array([0.5, 0.5])).ends()
        covered += int(low[0] <= 0.0 <= high[0])
    assert covered / 600 > 0.92  # 95 %, less three standard errors


def test_one_term_is_students_interval() -> None:
    values = drawn(9, 1, count=1, k=6)
    low, high = composite(terms(values), np.array([1.0])).ends()
    expected = stats.t.interval(0.95, 5, loc=np.log(values).mean(), scale=stats.sem(np.log(values[0, 0])))
    assert (low[0], high[0]) == pytest.approx(expected)


def test_the_steps_of_a_search_widen_the_interval() -> None:
    values = drawn(2, 1)
    weights = np.array([0.4, 0.3, 0.3])
    fine, coarse = composite(terms(values), weights), composite(terms(values, 0.01**2 / 12), weights)
    assert coarse.variance[0] > fine.variance[0]
    assert coarse.degrees[0] > fine.degrees[0]  # a step is known exactly


@pytest.mark.parametrize("weights", [[1.0], [0.5, 0.6, -0.1], [0.3, 0.3, 0.3], [math.nan, 0.5, 0.5]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        composite(terms(drawn(1, 2)), np.array(weights))


@pytest.mark.parametrize(
    ("name", "value"), [("mean", math.nan), ("variance", -1.0), ("degrees", 0.0), ("resolution", math.inf)]
)
def test_terms_that_say_nothing_are_refused(name: str, value: float) -> None:
    good = {"mean": 0.0, "variance": 1.0, "degrees": 4.0, "resolution": 0.0, name: value}
    with pytest.raises(ValueError, match=r"finite|repetitions"):
        Terms(**{key: np.array([[number]]) for key, number in good.items()})


def test_holm_never_takes_what_is_over_alpha() -> None:
    scores = composite(terms(drawn(4, 10, spread=0.0)), np.array([0.4, 0.3, 0.3]))
    assert 0 < holm_limit(scores, 0.05) <= 0.05


@given(st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, math.nan])] * 2), min_size=1, max_size=12))
def test_pareto_fronts_are_what_nobody_dominates(points: list[tuple[float, float]]) -> None:
    def dominated(point: tuple[float, float]) -> bool:
        return any(
            all(a >= b for a, b in zip(other, point, strict=True)) and other != point
            for other in points
            if not any(map(math.isnan, other))
        )

    expected = [not any(map(math.isnan, point)) and not dominated(point) for point in points]
    assert pareto(np.array(points)).tolist() == expected
