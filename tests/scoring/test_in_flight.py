"""`bench.scoring.busy`, check (iii): against closed forms, a slow count, and forged timelines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.records.numbers import Check, InFlight
from bench.scoring.busy import in_flight, in_flight_checks
from bench.scoring.columns import Columns

from .reference import make_columns

Int64s = NDArray[np.int64]
US = 1_000


def queue(rho: float, n: int, seed: int, service_ns: int = 1_000 * US) -> Columns:
    """M/D/1 at load `rho`: rows one after the other, each as soon as it is due and the one before has ended."""
    due = np.cumsum(np.random.default_rng(seed).exponential(service_ns / rho, n)).astype(np.int64)
    begun = np.empty(n, np.int64)
    free = 0
    for i in range(n):
        begun[i] = max(free, due[i])
        free = int(begun[i]) + service_ns
    rows = enumerate(zip(due.tolist(), begun.tolist(), strict=True))
    return make_columns([(d, b, b + service_ns, i, 0) for i, (d, b) in rows])


def looks_of(columns: Columns, moments: Int64s) -> Int64s:
    """What an honest witness sees: row by row."""
    seen = [int(((columns.started_ns <= t) & (t < columns.ended_ns)).sum()) for t in moments]
    return np.column_stack([moments, seen, np.zeros_like(moments)]).astype(np.int64)


def moments(columns: Columns, n: int, seed: int = 5) -> Int64s:
    return np.sort(np.random.default_rng(seed).integers(0, int(columns.ended_ns.max()), n))


def checks(columns: Columns, looks: Int64s) -> dict[str, Check]:
    return {check.name: check for check in in_flight_checks(columns, in_flight(columns, looks))}


@pytest.mark.parametrize("rho", [0.2, 0.5, 0.8])
def test_the_mean_in_service_is_the_load(rho: float) -> None:
    """λ E[S] of M/D/1, whatever the order of service."""
    columns = queue(rho, 4000, seed=2)
    found = in_flight(columns, looks_of(columns, moments(columns, 2000)))
    assert found is not None
    assert found.timeline == found.seen == pytest.approx(rho, abs=0.04)
    assert found.error == 0.0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 15)), min_size=1, max_size=20),
    st.lists(st.integers(0, 80), min_size=1, max_size=20),
)
def test_against_a_slow_count(intervals: list[tuple[int, int]], times: list[int]) -> None:
    """Several workers: rows overlap and end in any order; rows without length are never seen."""
    columns = make_columns([(0, start, start + length, i, 0) for i, (start, length) in enumerate(intervals)])
    looks = looks_of(columns, np.array(times, np.int64))
    found = in_flight(columns, looks)
    assert found is not None
    slow = [sum(start <= t < start + length for start, length in intervals) for t in times]
    assert found.timeline == found.seen == pytest.approx(sum(slow) / len(times))


@pytest.mark.parametrize("factor", [0.5, 0.9, 0.97, 1.2])
def test_service_times_that_are_not_those_that_were_seen_are_found(factor: float) -> None:
    columns = queue(0.6, 6000, seed=3)
    looks = looks_of(columns, moments(columns, 4000))
    length = ((columns.ended_ns - columns.started_ns) * factor).astype(np.int64)
    forged = replace(columns, ended_ns=columns.started_ns + length)
    check = checks(forged, looks)["in-flight"]
    assert not check.ok
    assert check.seen == pytest.approx(abs(1 - factor) / max(1.0, factor), rel=0.4)
    assert checks(columns, looks)["in-flight"].ok


def test_a_timeline_without_any_time_in_it_is_no_way_out() -> None:
    columns = queue(0.6, 2000, seed=3)
    looks = looks_of(columns, moments(columns, 400))
    assert not checks(replace(columns, ended_ns=columns.started_ns.copy()), looks)["in-flight"].ok


def test_nobody_is_accused_for_looks_between_a_reading_and_its_entry() -> None:
    """One look in ten falls where the list does not yet show what the clock said, at starts as often as at ends."""
    columns = queue(0.6, 4000, seed=4)
    accused, random = 0, np.random.default_rng(7)
    honest = looks_of(columns, moments(columns, 400))
    for _ in range(400):
        looks = honest.copy()
        wrong = random.random(len(looks)) < 0.1
        looks[wrong, 1] = random.random(wrong.sum()) < honest[:, 1].mean()
        accused += not checks(columns, looks)["in-flight"].ok
    assert accused == 0


@pytest.mark.parametrize(("looks", "service_ns", "judged"), [(19, 1000, False), (20, 1000, True), (400, 15, False)])
def test_too_little_to_judge_by(looks: int, service_ns: int, judged: bool) -> None:
    columns = queue(0.6, 1000, seed=3, service_ns=service_ns * US)
    found = checks(columns, looks_of(columns, moments(columns, looks)))
    assert ("in-flight" in found) == judged
    assert found["empty-answer"].ok


def test_one_empty_answer_is_enough() -> None:
    columns = queue(0.6, 100, seed=3)
    looks = looks_of(columns, moments(columns, 5))
    looks[3, 2] = 1
    assert checks(columns, looks)["empty-answer"] == Check(name="empty-answer", seen=1.0, limit=0.0, ok=False)


def test_no_looks_no_check() -> None:
    columns = queue(0.6, 100, seed=3)
    assert in_flight(columns, np.empty((0, 3), np.int64)) is None
    assert in_flight_checks(columns, None) == ()
    one = in_flight(columns, looks_of(columns, np.array([5], np.int64)))
    assert one == InFlight(looks=1, seen=0.0, timeline=0.0, error=0.0, empty=0)
