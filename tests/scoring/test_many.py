"""Many timelines at once: each as if it were alone, and alone as the slow definitions say; ranks against a sort."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.records.numbers import Interval, Refusal
from bench.scoring import ragged as ragged_module
from bench.scoring.columns import FAILED_NS
from bench.scoring.early_stopping import tolerated, tolerated_each
from bench.scoring.many import Many, score_many
from bench.scoring.ordered import Ordered
from bench.scoring.percentiles import rank, ranks
from bench.scoring.ragged import Ragged
from bench.scoring.sketch import PROBABILITIES, sketches

from .reference import slow_batches, slow_percentile, slow_tolerated, t_half_width

VALUES = st.integers(0, 50) | st.integers(0, 2**60) | st.just(FAILED_NS)
TIMELINES = st.lists(st.lists(VALUES, min_size=1, max_size=70), min_size=1, max_size=9)


def scored(timelines: list[list[int]], gaps: list[list[int]] | None = None) -> Many:
    ended = [np.cumsum(row) for row in gaps] if gaps else [np.arange(len(row)) for row in timelines]
    values = Ragged.of([np.array(row, np.int64) for row in timelines])
    return score_many(values, np.concatenate(ended), np.zeros(len(timelines), np.int64))


@given(TIMELINES, st.data())
def test_ranks_against_a_sort(timelines: list[list[int]], data: st.DataObject) -> None:
    order = Ordered(Ragged.of([np.array(row, np.int64) for row in timelines]))
    asked = data.draw(st.lists(st.integers(0, 80), min_size=1, max_size=12))
    found = order.at(np.tile(np.array(asked), (len(timelines), 1)))
    for row, values in zip(found, timelines, strict=True):
        assert row.tolist() == [sorted(values)[min(rank_, len(values) - 1)] for rank_ in asked]
    assert order.failed.tolist() == [row.count(FAILED_NS) for row in timelines]


SHAPES = {
    "like latencies": lambda rng, n: rng.lognormal(13, 0.4, n).astype(np.int64),
    "all the same": lambda rng, n: np.full(n, 7),
    "two values far apart": lambda rng, n: np.where(rng.random(n) < 0.5, 3, 2**62),
    "a crowd and outliers": lambda rng, n: np.where(rng.random(n) < 0.99, 10**6 + rng.integers(0, 3, n), 10**15),
    "beyond what a double tells apart": lambda rng, n: 2**61 + rng.integers(0, 500, n),
    "a third failed": lambda rng, n: np.where(rng.random(n) < 0.33, FAILED_NS, rng.integers(0, 10**9, n)),
    "all failed": lambda rng, n: np.full(n, FAILED_NS),
    "negative": lambda rng, n: rng.integers(-(2**62), 2**62, n),
    "next to failed": lambda rng, n: rng.choice(np.array([FAILED_NS - 1, FAILED_NS, 0]), n),
    "up to 32 bits": lambda rng, n: rng.choice(np.array([0, 2**31, 2**32 - 2, FAILED_NS]), n),
    "just beyond 32 bits": lambda rng, n: rng.choice(np.array([0, 2**31, 2**32 - 1, FAILED_NS]), n),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 2, 999, 5000])
@pytest.mark.parametrize("chunk", [None, 700])
def test_ranks_of_one_timeline_against_a_sort(shape: str, n: int, chunk: int | None) -> None:
    """In memory it is sorted, in chunks it is counted."""
    rng = np.random.default_rng(n)
    values = SHAPES[shape](rng, n)
    before, expected = values.copy(), np.sort(values)
    if chunk is None:
        order = Ordered(Ragged.alone(values))
    elif expected[0] >= 0:
        order = Ordered.of_chunks(lambda: (values[first : first + chunk] for first in range(0, n, chunk)))
    else:
        with pytest.raises(ValueError, match="none below zero"):
            Ordered.of_chunks(lambda: iter([values]))
        return
    for _ in range(3):
        asked = rng.integers(0, n + 2, 40)
        assert order.at(asked[None, :])[0].tolist() == expected[np.minimum(asked, n - 1)].tolist()
    assert (values == before).all()
    assert order.failed[0] == np.count_nonzero(values == FAILED_NS)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=6), st.sampled_from([0.5, 0.29, 0.999, 1 / 3, 1e-9]))
def test_ranks_of_sizes_against_exact_fractions(sizes: list[int], p: float) -> None:
    found = ranks(np.array(sizes), (p, 0.5))
    assert found[:, 0].tolist() == [math.floor(n * Fraction(repr(p))) for n in sizes] == [rank(n, p) for n in sizes]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=20))
@settings(max_examples=20)
def test_tolerated_of_many_sizes(sizes: list[int]) -> None:
    for p in (0.5, 0.9):
        assert tolerated_each(np.array(sizes), p).tolist() == [tolerated(n, p) for n in sizes]
    assert tolerated_each(np.array(sizes[:1]), 0.9).tolist() == [slow_tolerated(sizes[0], 0.9)]


def test_tolerated_as_loadgen_prints_it() -> None:
    assert tolerated_each(np.array([2401, 14881, 2401]), 0.9).tolist() == [206, 1403, 206]


@given(TIMELINES)
@settings(max_examples=60)
def test_each_of_many_is_scored_as_if_it_were_alone(timelines: list[list[int]]) -> None:
    """In every order and company, in blocks of a few values: what differs is only the order of a few roundings."""
    together = scored(timelines)
    for i, row in enumerate(timelines):
        alone = scored([row])
        assert together.sketches.one(i) == alone.sketches.one(0)
        assert [together.bound(i, level) for level in (0, 1)] == [alone.bound(0, level) for level in (0, 1)]
        for name, figure in together.latencies.metrics(i).items():
            other = alone.latencies.metrics(0)[name]
            assert (figure.refusal, figure.interval_refusal is None) == (other.refusal, other.interval_refusal is None)
            assert (figure.value or 0.0) == pytest.approx(other.value or 0.0, rel=1e-12)
            if figure.interval is not None and other.interval is not None:
                assert figure.interval.low == pytest.approx(other.interval.low, rel=1e-9, abs=1e-3)
                assert figure.interval.high == pytest.approx(other.interval.high, rel=1e-9, abs=1e-3)


@given(st.lists(st.lists(st.integers(1, 1000), min_size=1, max_size=300), min_size=1, max_size=5))
@settings(max_examples=40)
def test_many_against_slow_references(timelines: list[list[int]]) -> None:
    found = scored(timelines, timelines)
    for i, row in enumerate(timelines):
        n, metrics = len(row), found.latencies.metrics(i)
        for name, p, least in (("p50", "0.5", 11), ("p90", "0.9", 64)):
            figure = metrics[f"latency_{name}_ns"]
            assert figure.value == (slow_percentile(row, p) if n >= least else None)
            if figure.interval is not None:
                q = sorted(row)[math.floor(n * Fraction(p))]
                half = t_half_width([sum(x > q for x in part) / len(part) for part in slow_batches(row)])  # type: ignore[arg-type]
                assert figure.interval.low == sorted(row)[max(0, math.floor(n * (float(p) - half)))]
                assert figure.interval.high == sorted(row)[min(n - 1, math.ceil(n * (float(p) + half)))]
        mean = metrics["latency_mean_ns"]
        assert mean.value == pytest.approx(sum(row) / n)
        if mean.interval is not None:
            half = t_half_width([sum(part) / len(part) for part in slow_batches(row)])  # type: ignore[arg-type]
            assert mean.interval.high == pytest.approx(sum(row) / n + half)
        if n >= 64:
            bound = found.bound(i, 0)
            assert isinstance(bound, Interval)
            assert bound.high == sorted(row)[n - slow_tolerated(n, 0.9)]
        else:
            assert found.bound(i, 0) == Refusal(code="too-few-queries", seen=n, limit=64)
        drawn = found.sketches.one(i)
        assert drawn.values == tuple(max(row) if p == 1.0 else slow_percentile(row, repr(p)) for p in PROBABILITIES)
        assert sum(drawn.window_completed) == n


def test_answers_come_back_in_the_order_of_the_timelines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragged_module, "BLOCK", 64)
    sizes = np.random.default_rng(3).permutation(np.repeat([1, 5, 20, 21, 64, 90, 700], 6)).tolist()
    timelines = [[1000 * i + j for j in range(n)] for i, n in enumerate(sizes)]
    found = scored(timelines)
    assert found.sketches.count.tolist() == sizes
    assert [found.sketches.one(i).values[0] for i in range(len(sizes))] == [1000 * i for i in range(len(sizes))]
    blocks = list(Ragged.of([np.arange(n) for n in sizes]).blocks())
    assert sorted(np.concatenate(blocks).tolist()) == list(range(len(sizes)))
    assert len(blocks) > 7


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.data())
def test_take_gives_the_chosen_timelines(sizes: list[int], data: st.DataObject) -> None:
    rows = [np.arange(n) + 100 * i for i, n in enumerate(sizes)]
    chosen = data.draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=10))
    taken = Ragged.of(rows).take(np.array(chosen))
    assert taken.values.tolist() == [value for i in chosen for value in rows[i].tolist()]
    assert taken.sizes.tolist() == [sizes[i] for i in chosen]


def test_malformed() -> None:
    for offsets in ([0], [0, 2], [1, 3], [0, 3, 3], [0, 2, 1, 3]):
        with pytest.raises(ValueError, match="offsets"):
            Ragged(np.arange(3), np.array(offsets, np.int64))
    with pytest.raises(ValueError, match="offsets"):
        Ragged(np.arange(3), np.array([0.0, 3.0]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one value"):
        Ragged.alone(np.empty(0, np.int64))
    values = Ragged.of([np.arange(3), np.arange(4)])
    with pytest.raises(ValueError, match="shape"):
        score_many(values, np.arange(6), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="precedes the start"):
        score_many(values, np.arange(7), np.array([0, 5]))
    late = np.array([0, 0, 2**62, 0, 0, 0, 2**62])
    with pytest.raises(ValueError, match="take fewer"):
        sketches(values, Ordered(values), late, np.zeros(2, np.int64))
