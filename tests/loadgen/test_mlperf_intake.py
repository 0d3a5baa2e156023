"""`bench.loadgen.mlperf.intake`: rows are formed of what LoadGen issues as our own driver forms them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loadgen.lane import AllDue, Scheduled, Shift
from bench.loadgen.mlperf.intake import Intake, Taken
from bench.loadgen.scheduled import Head
from bench.loadgen.timeline import in_memory

from ..fixtures import ScriptedSession
from .lanes import make_lane

pytestmark = pytest.mark.timeout(60)  # a deadlock is a failure


def all_taken(intake: Intake) -> list[Taken]:
    rows = []
    while (row := intake.take()) is not None:
        rows.append(row)
    return rows


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 8))
def test_what_waits_is_taken_as_our_own_head_takes_it(queries: list[int], batch: int) -> None:
    """All are due: both give the same spans, first come first served, none lost and none doubled."""
    count = sum(queries)
    intake, number = Intake(5, batch), 0
    for size in queries:
        intake.put(list(range(number, number + size)), [n % 5 for n in range(number, number + size)])
        number += size
    intake.close()
    rows = all_taken(intake)
    lane = msgspec.structs.replace(
        make_lane([ScriptedSession()], AllDue(), count=5, batch=batch),
        issue=Scheduled(times_ns=np.zeros(count, np.int64)),
    )
    head = Head(Shift(lane=lane, timeline=in_memory(count, open_loop=True)))
    ours = iter(head.take, None)
    assert [(row.row, row.first, row.first + len(row.ids)) for row in rows] == list(ours)
    assert [number for row in rows for number in row.ids] == list(range(count))
    assert intake.rows == len(rows)


def test_alone_the_issuing_thread_takes_it_all_and_never_waits() -> None:
    intake = Intake(4, 3)
    assert intake.take_now() is None
    intake.put([7, 8, 9, 10], [0, 1, 2, 3])
    assert [intake.take_now(), intake.take_now(), intake.take_now()] == [
        Taken(row=0, first=0, ids=[7, 8, 9], places=[0, 1, 2]),
        Taken(row=1, first=3, ids=[10], places=[3]),
        None,
    ]


def test_labels_stand_for_places_in_the_order_in_which_they_are_loaded() -> None:
    """LoadGen's n-th label is our n-th sample, so that what it walks through in order is a view."""
    intake = Intake(4, 2)
    intake.load([2, 0, 3, 1, 2])  # the first again: LoadGen pads what it loads
    intake.put([1, 2, 3, 4, 5], [2, 0, 3, 1, 2])
    assert intake.issued_places().tolist() == [0, 1, 2, 3, 0]
    assert intake.labels().tolist() == [2, 0, 3, 1]


@pytest.mark.parametrize("labels", [[], [0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 4], [-1, 0, 1, 2]])
def test_labels_of_another_set_are_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="are not the 4 of the loaded set"):
        Intake(4, 2).load(labels)


def test_a_row_that_is_not_full_waits_for_more() -> None:
    """With an hour to wait the row comes when it is full, and not before."""
    intake = Intake(4, 2, max_wait_ns=3_600_000_000_000)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(intake.take)
        intake.put([1], [0])
        assert not taken.done()
        intake.put([2], [1])
        row = taken.result(timeout=30)
    assert row is not None
    assert row.ids == [1, 2]


def test_a_row_that_does_not_fill_up_comes_when_its_wait_is_over() -> None:
    intake = Intake(4, 2, max_wait_ns=1_000_000)
    intake.put([1], [0])
    row = intake.take()
    assert row is not None
    assert row.ids == [1]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_several_workers_share_the_samples_and_all_go_home(workers: int) -> None:
    intake, count = Intake(10, 3), 500
    with ThreadPoolExecutor(workers) as pool:
        shares = [pool.submit(all_taken, intake) for _ in range(workers)]
        for number in range(count):
            intake.put([number], [number % 10])
        intake.close()
        rows = [row for share in shares for row in share.result(timeout=30)]
    rows.sort(key=lambda row: row.row)
    assert [row.row for row in rows] == list(range(len(rows)))
    assert [number for row in rows for number in row.ids] == list(range(count))
    assert all(1 <= len(row.ids) <= 3 for row in rows)
