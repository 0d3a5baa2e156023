"""`bench.loadgen.schedule`: the columns that scoring takes, against a slow loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loadgen.schedule import all_due_schedule, closed_schedule, columns_of
from bench.loadgen.timeline import Timeline

from ..fixtures import measurement

TIMES = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**6)), min_size=12, max_size=12)


def timeline_of(rows: list[tuple[int, int]]) -> Timeline:
    started = np.array([start for start, _ in rows], np.int64)
    ended = started + np.array([length for _, length in rows], np.int64)
    return Timeline(
        started=started,
        ended=ended,
        worker=np.arange(len(rows), dtype=np.int16) % 2,
        status=np.zeros(len(rows), np.uint8),
    )


def slow_closed(timeline: Timeline, rows_per_query: int) -> list[int]:
    due: list[int] = []
    for row in range(timeline.rows):
        first = row - row % rows_per_query
        if first == 0:
            due.append(min(int(timeline.started[i]) for i in range(rows_per_query)))
        else:
            due.append(max(int(timeline.ended[i]) for i in range(first - rows_per_query, first)))
    return due


@given(TIMES, st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_closed_schedule_is_that_of_a_slow_loop(rows: list[tuple[int, int]], rows_per_query: int) -> None:
    timeline = timeline_of(rows)
    assert closed_schedule(timeline, rows_per_query).tolist() == slow_closed(timeline, rows_per_query)


def test_closed_schedule_refuses_a_part_of_a_query() -> None:
    with pytest.raises(ValueError, match="12 rows do not make whole queries of 5 rows"):
        closed_schedule(timeline_of([(0, 1)] * 12), 5)


def test_all_due_is_due_at_t0() -> None:
    assert all_due_schedule(timeline_of([(0, 1)] * 3), 17).tolist() == [17, 17, 17]


def test_columns_of_single_stream_count_each_row_as_a_query_from_t0() -> None:
    columns = columns_of(timeline_of([(110, 5), (120, 5), (126, 4)]), measurement(), t0_ns=100)
    assert columns.scheduled_ns.tolist() == [10, 15, 25]
    assert columns.started_ns.tolist() == [10, 20, 26]
    assert columns.ended_ns.tolist() == [15, 25, 30]
    assert columns.first_query.tolist() == [0, 1, 2]
    assert (columns.queries == 1).all()


def test_columns_of_multi_stream_put_the_rows_of_a_query_together() -> None:
    timeline = timeline_of([(110, 9), (111, 5), (120, 5), (120, 9)])
    columns = columns_of(timeline, measurement("multi_stream", batch=4, samples_per_query=8, workers=2), t0_ns=100)
    assert columns.scheduled_ns.tolist() == [10, 10, 19, 19]
    assert columns.first_query.tolist() == [0, 0, 1, 1]
    assert columns.queries.tolist() == [1, 1, 1, 1]
    assert columns.samples_per_query == 8
    assert columns.worker.tolist() == [0, 1, 0, 1]


def test_columns_of_offline_hold_a_query_per_sample_due_at_t0() -> None:
    columns = columns_of(timeline_of([(110, 9), (119, 5)]), measurement("offline", batch=32), t0_ns=100)
    assert columns.scheduled_ns.tolist() == [0, 0]
    assert columns.first_query.tolist() == [0, 32]
    assert columns.queries.tolist() == [32, 32]
    assert columns.elapsed_ns == 24
