"""`bench.scoring.sketch`: quantiles and windows against loops, empty windows, failures, hostile input."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.numbers import Sketch
from bench.scoring.columns import FAILED_NS
from bench.scoring.ordered import Ordered
from bench.scoring.ragged import Ragged
from bench.scoring.sketch import PROBABILITIES, WINDOWS, sketch

from .reference import slow_percentile

ENTRIES = st.lists(
    st.tuples(st.integers(0, 10**6) | st.just(FAILED_NS), st.integers(0, 5000), st.integers(1, 9)),
    min_size=1,
    max_size=80,
)  # value, end, samples


def draw(values: np.ndarray, ended: np.ndarray, start: int = 0, samples: int | np.ndarray = 1) -> Sketch:
    return sketch(values, Ordered(Ragged.alone(values)), ended, start, samples=samples)


def test_the_grid_is_dense_in_the_tail() -> None:
    assert 280 <= len(PROBABILITIES) <= 320
    assert list(PROBABILITIES) == sorted(set(PROBABILITIES))
    assert {0.0, 0.5, 0.9, 0.95, 0.97, 0.99, 0.999, 0.9999, 1.0} <= set(PROBABILITIES)
    beyond = np.array(PROBABILITIES)
    assert ((beyond >= 0.9) & (beyond < 1)).sum() > 100


@given(ENTRIES)
def test_quantiles_against_the_definition(entries: list[tuple[int, int, int]]) -> None:
    values, ended, _ = np.array(entries, dtype=np.int64).T
    found = draw(values, ended)
    assert (found.count, found.failed) == (len(entries), int((values == FAILED_NS).sum()))
    ordered = sorted(values.tolist())
    for p, value in zip(found.probabilities, found.values, strict=True):
        expected = float(ordered[-1]) if p == 1.0 else slow_percentile(values.tolist(), repr(p))
        assert value == (None if expected in (float("inf"), float(FAILED_NS)) else expected)


@given(ENTRIES)
def test_windows_against_a_loop(entries: list[tuple[int, int, int]]) -> None:
    values, ended, samples = np.array(entries, dtype=np.int64).T
    found = draw(values, ended, 0, samples)
    assert 1 <= len(found.window_start_ns) <= WINDOWS
    assert found.window_start_ns[-1] + found.window_ns >= max(ended)
    last = len(found.window_start_ns) - 1
    for i, start in enumerate(found.window_start_ns):
        assert start == i * found.window_ns
        inside = [
            (value, weight)
            for value, end, weight in entries
            if value != FAILED_NS and (start <= end < start + found.window_ns or (i == last and end >= start))
        ]
        assert found.window_completed[i] == sum(weight for _, weight in inside)
        times = [value for value, _ in inside]
        assert found.window_min_ns[i] == (min(times) if times else None)
        assert found.window_max_ns[i] == (max(times) if times else None)
        mean = found.window_mean_ns[i]
        assert (mean is None) if not times else (mean == pytest.approx(sum(times) / len(times)))


def test_order_and_origin_do_not_matter() -> None:
    random = np.random.default_rng(1)
    values, ended = random.integers(1, 10**6, 5000), np.sort(random.integers(0, 10**9, 5000))
    samples, order = random.integers(1, 9, 5000), random.permutation(5000)
    base = draw(values, ended, 0, samples)
    assert draw(values[order], ended[order], 0, samples[order]) == base
    moved = draw(values, ended + 10**15, 10**15, samples)
    assert moved.window_mean_ns == base.window_mean_ns
    assert moved.window_start_ns == tuple(start + 10**15 for start in base.window_start_ns)
    assert draw(values, ended, 0, 4).window_completed == draw(values, ended, 0, np.full(5000, 4)).window_completed
    assert sum(base.window_completed) == samples.sum()


def test_a_stall_leaves_empty_windows() -> None:
    found = draw(np.full(600, 5), np.r_[np.arange(300) * 10, 10**5 + np.arange(300)])
    assert None in found.window_mean_ns
    assert 0 in found.window_completed


def test_nothing_but_failures() -> None:
    found = draw(np.full(10, FAILED_NS), np.arange(10))
    assert found.failed == 10
    assert set(found.values) == set(found.window_mean_ns) == {None}
    assert sum(found.window_completed) == 0


def test_one_value_and_no_time() -> None:
    found = draw(np.array([7]), np.array([0]))
    assert (set(found.values), found.window_start_ns, found.window_completed) == ({7}, (0,), (1,))


def test_large_sums_do_not_overflow() -> None:
    found = draw(np.full(40, 10**18), np.zeros(40, np.int64))
    assert found.window_mean_ns == (1e18,)


def test_round_trip_and_size() -> None:
    random = np.random.default_rng(2)
    found = draw(random.integers(1, 10**7, 20_000), np.cumsum(random.integers(1, 10**7, 20_000)))
    packed = msgspec.json.encode(found)
    assert msgspec.json.decode(packed, type=Sketch) == found
    assert len(packed) < 40_000


def test_malformed() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        draw(np.empty(0, np.int64), np.empty(0, np.int64))
    with pytest.raises(ValueError, match="of the same timelines"):
        draw(np.arange(3), np.arange(4))
    with pytest.raises(ValueError, match="precedes the start"):
        draw(np.arange(3), np.arange(3), 1)
