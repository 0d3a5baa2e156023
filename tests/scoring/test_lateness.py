"""`bench.scoring.lateness`: the harness's own lateness, against a slow count of who was busy when something was due."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.scoring.columns import DROPPED, FAILED, Columns
from bench.scoring.lateness import harness_lateness, idle_delays_ns, lateness

MS = 1_000_000
Int64s = NDArray[np.int64]
Row = tuple[int, int, int, int, int]  # queries, started, ended, worker, status


def columns_of(rows: list[Row], arrivals: Int64s) -> Columns:
    held, started, ended, worker, status = zip(*rows, strict=True)
    first = np.cumsum(held) - held
    return Columns(
        scheduled_ns=arrivals[first],
        started_ns=np.array(started, np.int64),
        ended_ns=np.array(ended, np.int64),
        first_query=first.astype(np.int32),
        queries=np.array(held, np.int32),
        worker=np.array(worker, np.int16),
        status=np.array(status, np.uint8),
    )


class Made:
    """A simulated open loop, and what its harness was late by: known, since it is what was added."""

    def __init__(self, draw: st.DrawFn, workers: int) -> None:
        self.workers, self.most = workers, draw(st.integers(1, 4))
        self.wait = draw(st.sampled_from([0, 2 * MS]))
        self.arrivals = np.cumsum(np.array(draw(st.lists(st.integers(0, 4 * MS), min_size=1, max_size=40)), np.int64))
        drops = self.wait == 0 and draw(st.booleans())
        self.rows: list[Row] = []
        free, now, first = [(0, worker) for worker in range(workers)], 0, 0
        heapq.heapify(free)
        while first < self.arrivals.size:
            full = first + self.most - 1
            ready = int(self.arrivals[first]) + self.wait
            if self.wait and full < self.arrivals.size:
                ready = min(ready, int(self.arrivals[full]))
            at, worker = heapq.heappop(free)
            now = max(now, at, ready) + draw(st.integers(0, MS))  # one at a time stands at the head
            old = int((self.arrivals[first:] < now - 5 * MS).sum()) if drops else 0
            if old:
                self.rows.append((old, now, now, 0, DROPPED))
                heapq.heappush(free, (at, worker))
                first += old
                continue
            held = max(1, int((self.arrivals[first : first + self.most] <= now).sum()))
            ended = now + draw(st.integers(1, 6 * MS))
            self.rows.append((held, now, ended, worker, draw(st.sampled_from([0, 0, 0, FAILED]))))
            heapq.heappush(free, (ended, worker))
            first += held

    def slow_delays(self) -> list[int]:
        """Row by row: how many were in somebody's hands when this one was ready?"""
        delays, first = [], 0
        for number, (held, started, _, _, status) in enumerate(self.rows):
            moments = [int(self.arrivals[first]) + self.wait]
            if self.wait and first + self.most <= self.arrivals.size:
                moments.append(int(self.arrivals[first + self.most - 1]))
            ready = min(moments)
            busy = sum(ended > ready for _, _, ended, _, gone in self.rows[:number] if gone != DROPPED)
            if busy < self.workers and status != FAILED:
                delays.append(started - ready)
            first += held
        return delays


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_against_a_count_of_who_was_busy(data: st.DataObject, workers: int) -> None:
    made = Made(data.draw, workers)
    found = idle_delays_ns(columns_of(made.rows, made.arrivals), made.arrivals, workers, made.most, made.wait)
    assert found.tolist() == made.slow_delays()
    assert (found >= 0).all()


def test_waiting_for_a_busy_worker_is_queueing() -> None:
    arrivals = np.array([5, 6], np.int64)
    columns = columns_of([(1, 7, 20, 0, 0), (1, 20, 30, 0, 0)], arrivals)
    assert idle_delays_ns(columns, arrivals, 1, 1, 0).tolist() == [2]


def test_waiting_for_one_worker_while_another_is_free_is_lateness() -> None:
    arrivals = np.array([5, 6], np.int64)
    columns = columns_of([(1, 7, 20, 0, 0), (1, 20, 30, 0, 0)], arrivals)
    assert idle_delays_ns(columns, arrivals, 2, 1, 0).tolist() == [2, 14]


def test_waiting_for_a_batch_is_batching() -> None:
    arrivals = np.array([0, 3, 40, 40, 40, 80], np.int64) * MS
    rows = [(2, 5 * MS, 6 * MS, 0, 0), (3, 41 * MS, 42 * MS, 0, 0), (1, 85 * MS, 86 * MS, 0, 0)]
    assert idle_delays_ns(columns_of(rows, arrivals), arrivals, 1, 3, 5 * MS).tolist() == [0, MS, 0]


def test_what_was_dropped_while_a_worker_was_free_is_the_harness_s_doing() -> None:
    arrivals = np.array([0, 1, 200], np.int64) * MS
    slept = [(2, 150 * MS, 150 * MS, 0, DROPPED), (1, 200 * MS, 201 * MS, 0, 0)]
    assert idle_delays_ns(columns_of(slept, arrivals), arrivals, 1, 1, 0).tolist() == [150 * MS, 0]


def test_what_was_dropped_while_the_worker_was_busy_is_not() -> None:
    arrivals = np.array([0, 1, 200], np.int64) * MS
    busy = [(1, 0, 150 * MS, 0, 0), (1, 150 * MS, 150 * MS, 0, DROPPED), (1, 200 * MS, 201 * MS, 0, 0)]
    assert idle_delays_ns(columns_of(busy, arrivals), arrivals, 1, 1, 0).tolist() == [0, 0]


def test_a_worker_that_was_never_free_says_nothing_of_the_harness() -> None:
    arrivals = np.array([7], np.int64)
    assert harness_lateness(columns_of([(1, 9, 9, 0, FAILED)], arrivals), arrivals, 1, 2, 0) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=900))
def test_percentiles_are_those_of_the_sorted_delays_or_none(delays: list[int]) -> None:
    found, ordered, n = lateness(np.array(delays, np.int64)), sorted(delays), len(delays)
    assert (found.count, found.p50_ns, found.max_ns) == (n, ordered[n // 2], ordered[-1])
    assert found.p99_ns == (ordered[math.floor(n * 99 / 100)] if n >= 662 else None)
    assert found.judged_ns == (found.max_ns if n < 662 else found.p99_ns)
    assert found.p999_ns is None


def test_the_last_percentile_needs_6636() -> None:
    assert lateness(np.arange(6635)).p999_ns is None
    assert lateness(np.arange(6636)).p999_ns == 6636 * 999 // 1000


def test_no_delay_has_no_distribution() -> None:
    with pytest.raises(ValueError, match="no delay"):
        lateness(np.empty(0, np.int64))
