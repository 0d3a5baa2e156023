"""`bench.scoring.server`: figures of an open loop against slow loops over queries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.scoring.columns import DROPPED, FAILED, Columns
from bench.scoring.server import each_query, score_server, score_streams

MS = 1_000_000
Int64s = NDArray[np.int64]
Made = tuple[Columns, Int64s]


def rows(held: list[int], started: list[int], ended: list[int], status: list[int], arrivals: Int64s) -> Columns:
    queries = np.array(held, np.int32)
    first = np.cumsum(queries) - queries
    return Columns(
        scheduled_ns=arrivals[first],
        started_ns=np.array(started, np.int64),
        ended_ns=np.array(ended, np.int64),
        first_query=first.astype(np.int32),
        queries=queries,
        worker=np.zeros(len(held), np.int16),
        status=np.array(status, np.uint8),
    )


@st.composite
def timelines(draw: st.DrawFn) -> Made:
    """One worker that takes what is due, with any service times and some failures."""
    arrivals = np.cumsum(np.array(draw(st.lists(st.integers(0, 5 * MS), min_size=1, max_size=40)), np.int64))
    most = draw(st.integers(1, 4))
    held: list[int] = []
    started: list[int] = []
    ended: list[int] = []
    status: list[int] = []
    now = first = 0
    while first < arrivals.size:
        now = max(now, int(arrivals[first]))
        held.append(int((arrivals[first : first + most] <= now).sum()))
        started.append(now + draw(st.integers(0, MS)))
        now = started[-1] + draw(st.integers(1, 4 * MS))
        ended.append(now)
        status.append(draw(st.sampled_from([0, 0, 0, 1])))
        first += held[-1]
    return rows(held, started, ended, status, arrivals), arrivals


@settings(max_examples=100, deadline=None)
@given(timelines(), st.integers(1, 20 * MS))
def test_against_a_loop_over_queries(made: Made, bound: int) -> None:
    columns, arrivals = made
    late = failed = query = 0
    for held, ended, status in zip(columns.queries, columns.ended_ns, columns.status, strict=True):
        for _ in range(held):
            late += bool(status) or int(ended) - int(arrivals[query]) > bound
            failed += bool(status)
            query += 1
    metrics = score_server(each_query(columns, arrivals), bound).metrics
    n = len(arrivals)
    assert metrics["late_share"].value == pytest.approx(late / n)
    assert metrics["failed_share"].value == pytest.approx(failed / n)
    scheduled = n * 1e9 / max(int(arrivals[-1]), 1)
    completed = (n - failed) * 1e9 / int(columns.ended_ns.max())
    assert metrics["scheduled_per_s"].value == pytest.approx(scheduled)
    held_rate = metrics["rate_held_per_s"]
    assert held_rate.value == (pytest.approx(min(scheduled, completed)) if completed else None)


@settings(max_examples=60, deadline=None)
@given(timelines())
def test_latency_never_counts_from_later_than_scheduled(made: Made) -> None:
    columns, arrivals = made
    queries = each_query(columns, arrivals)
    assert (queries.scheduled_ns == arrivals).all()
    assert (queries.started_ns >= arrivals).all()
    slow = [i for i, held in enumerate(columns.queries) for _ in range(held)]
    assert queries.ended_ns.tolist() == columns.ended_ns[slow].tolist()
    assert queries.status.tolist() == columns.status[slow].tolist()


def test_rows_and_arrivals_must_agree() -> None:
    arrivals = np.array([1, 2, 3], np.int64)
    with pytest.raises(ValueError, match="2 queries in the rows, 3 arrivals"):
        each_query(rows([2], [5], [6], [0], arrivals), arrivals)


def test_failed_queries_are_late_whatever_their_times() -> None:
    arrivals = np.arange(1, 101, dtype=np.int64) * MS
    ended = (arrivals + 10).tolist()
    metrics = score_server(rows([1] * 100, arrivals.tolist(), ended, [0] * 98 + [1, 1], arrivals), MS).metrics
    assert metrics["late_share"].value == pytest.approx(0.02)
    assert metrics["latency_mean_ns"].value is None
    assert metrics["queries_per_s"].value == pytest.approx(98 * 1e9 / ended[-1])


@settings(max_examples=60, deadline=None)
@given(timelines(), st.integers(1, 20 * MS), st.integers(1, 5), st.integers(0, 99))
def test_every_camera_is_judged_for_itself(made: Made, deadline: int, cameras: int, seed: int) -> None:
    columns, arrivals = made
    columns.status[columns.status == 1] = np.random.default_rng(seed).choice([FAILED, DROPPED])
    queries = each_query(columns, arrivals)
    camera = np.r_[np.arange(cameras), np.random.default_rng(seed).integers(0, cameras, arrivals.size)]
    camera = camera[: arrivals.size].astype(np.int32)
    metrics = score_streams(queries, camera, deadline).metrics
    shares = []
    for number in range(int(camera.max()) + 1):
        own = [i for i in range(arrivals.size) if camera[i] == number]
        late = [bool(queries.status[i]) or queries.ended_ns[i] - arrivals[i] > deadline for i in own]
        shares.append(sum(late) / len(late))
    assert metrics["worst_late_share"].value == pytest.approx(max(shares))
    assert metrics["channels"].value == len(shares)
    assert metrics["dropped_share"].value == pytest.approx(float((queries.status == DROPPED).mean()))
    assert metrics["failed_share"].value == pytest.approx(float((queries.status == FAILED).mean()))
