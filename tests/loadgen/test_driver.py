"""`bench.loadgen.driver`: each row once, in order, in a closed loop or not, whatever the engine does."""

from __future__ import annotations

import gc
import itertools
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.backends.base import DeviceLost, EngineError, OutOfMemory, Tensor
from bench.loadgen import closed, driver
from bench.loadgen.driver import Driven, drive
from bench.loadgen.lane import AllDue, Broken, Closed, Lane, one_line
from bench.loadgen.schedule import closed_schedule
from bench.loadgen.timeline import Timeline, in_memory

from ..fixtures import Answer, Arrays, ScriptedSession, fill_zeros
from .lanes import make_lane, slow_rows

pytestmark = pytest.mark.timeout(60)  # a deadlock is a failure

ISSUES = [AllDue(), Closed(), Closed(rows_per_query=2), Closed(rows_per_query=4)]
WORKERS = [1, 2, 3]


def run(
    workers: int, issue: Closed | AllDue, rows: int, answer: Answer | None = None
) -> tuple[Lane, Timeline, list[ScriptedSession], Driven]:
    sessions = [ScriptedSession(answer) for _ in range(workers)]
    lane, timeline = make_lane(sessions, issue), in_memory(rows)
    return lane, timeline, sessions, drive(lane, timeline)


def brief(call: int, batch: Arrays, out: Arrays) -> None:
    """Lets the other workers in."""
    time.sleep(0.0001 * (call % 3))
    fill_zeros(call, batch, out)


def by_query(column: NDArray[np.int64], rows_per_query: int) -> NDArray[np.int64]:
    return column.reshape(-1, rows_per_query)


@pytest.mark.parametrize("issue", ISSUES)
@pytest.mark.parametrize("workers", WORKERS)
def test_every_row_is_run_once_in_order_with_its_own_samples(workers: int, issue: Closed | AllDue) -> None:
    rows = 60
    lane, timeline, sessions, driven = run(workers, issue, rows, brief)
    expected = slow_rows(lane.samples.order, rows, lane.samples.batch)
    assert sum(len(session.seen) for session in sessions) == rows
    for number, session in enumerate(sessions):
        own = np.flatnonzero(timeline.worker == number)
        assert [fed["x"].tolist() for fed in session.seen] == [expected[row] for row in own]
        assert (timeline.started[own][1:] >= timeline.ended[own][:-1]).all()
    assert (timeline.ended >= timeline.started).all()
    assert timeline.started.min() >= driven.t0_ns
    assert not timeline.status.any()
    assert driven.elapsed_ns >= timeline.ended.max() - timeline.started.min()


def test_a_run_goes_on_over_many_rings_of_outputs() -> None:
    rows = 5000
    lane, timeline, (session,), _ = run(1, Closed(), rows)
    assert len(lane.rings[0].slots) < rows / 2
    assert [fed["x"].tolist() for fed in session.seen] == slow_rows(lane.samples.order, rows, 2)
    assert (np.diff(timeline.started) >= 0).all()
    assert lane.rings[0].bad_samples == 0


@pytest.mark.parametrize("rows_per_query", [1, 2, 4])
@pytest.mark.parametrize("workers", WORKERS)
def test_closed_loop_starts_no_query_before_the_previous_one_has_ended(workers: int, rows_per_query: int) -> None:
    _, timeline, _, _ = run(workers, Closed(rows_per_query=rows_per_query), 48, brief)
    first = by_query(timeline.started, rows_per_query).min(axis=1)
    last = by_query(timeline.ended, rows_per_query).max(axis=1)
    assert (first[1:] >= last[:-1]).all()


@pytest.mark.parametrize("rows_per_query", [1, 2, 4])
def test_closed_loop_has_one_query_in_flight_as_the_sessions_see_it(rows_per_query: int) -> None:
    lock, in_flight, mixed = threading.Lock(), list[int](), list[set[int]]()
    batch, rows = 2, 24

    def watch(call: int, fed: Arrays, out: Arrays) -> None:
        query = places[int(fed["x"][0])] // (batch * rows_per_query)
        with lock:
            in_flight.append(query)
            mixed.append(set(in_flight))
        brief(call, fed, out)
        with lock:
            in_flight.remove(query)

    sessions = [ScriptedSession(watch) for _ in range(3)]
    lane = make_lane(sessions, Closed(rows_per_query=rows_per_query), count=batch * rows)
    places = {int(sample): place for place, sample in enumerate(lane.samples.order)}
    drive(lane, in_memory(rows))
    assert len(mixed) == rows
    assert all(len(queries) == 1 for queries in mixed)


@pytest.mark.parametrize("issue", [AllDue(), Closed(rows_per_query=2)])
def test_two_workers_work_at_the_same_time(issue: Closed | AllDue) -> None:
    both = threading.Barrier(2, timeout=30)  # broken, which raises, unless both rows are in flight together

    def meet(call: int, batch: Arrays, out: Arrays) -> None:
        both.wait()
        fill_zeros(call, batch, out)

    _, timeline, _, _ = run(2, issue, 20, meet)
    assert not timeline.status.any()
    assert np.bincount(timeline.worker).tolist() == [10, 10]


# ------------------------------------------------------------------------------------------------------ queueing


@pytest.mark.parametrize(("workers", "rows_per_query"), [(1, 1), (1, 4), (2, 2), (3, 4)])
def test_closed_loop_replays_through_an_independent_recursion(workers: int, rows_per_query: int) -> None:
    """From service times and idle gaps alone, the recursion must arrive at every recorded start."""
    _, timeline, _, _ = run(workers, Closed(rows_per_query=rows_per_query), 48, brief)
    service = timeline.ended - timeline.started
    due = int(timeline.started[:rows_per_query].min())
    free = dict.fromkeys(range(workers), due)
    for first in range(0, timeline.rows, rows_per_query):
        ends = []
        for row in range(first, first + rows_per_query):
            worker = int(timeline.worker[row])
            ready = max(due, free[worker])
            gap = int(timeline.started[row]) - ready
            assert gap >= 0, f"row {row} starts before it is due and its worker is free"
            free[worker] = ready + gap + int(service[row])
            ends.append(free[worker])
        assert closed_schedule(timeline, rows_per_query)[first] == due
        due = max(ends)
    assert due == timeline.ended.max()


@pytest.mark.parametrize("workers", WORKERS)
def test_all_due_is_never_ahead_of_kiefer_and_wolfowitz(workers: int) -> None:
    """First come, first served by W servers with the recorded service times and no overhead is a lower bound."""
    _, timeline, _, driven = run(workers, AllDue(), 60, brief)
    free = [driven.t0_ns] * workers
    for row in range(timeline.rows):
        start = min(free)
        assert timeline.started[row] >= start
        free[free.index(start)] = start + int(timeline.ended[row] - timeline.started[row])


# ------------------------------------------------------------------------------------------------------ failures


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


ODD = [
    EngineError("device lost"),
    EngineError(),
    EngineError(5),
    EngineError("device lost\nat 0x1234"),
    Unprintable(),
    StopIteration(),
    KeyError("y"),
    MemoryError(),
    RecursionError("too deep"),
    SystemExit(0),
    ExceptionGroup("several", [ValueError("a"), ValueError("b")]),
]


def raising(error: BaseException, calls: set[int] | None = None) -> Answer:
    def answer(call: int, batch: Arrays, out: Arrays) -> None:
        if calls is None or call in calls:
            raise error
        fill_zeros(call, batch, out)

    return answer


@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("workers", "issue"), [(1, Closed()), (2, Closed(rows_per_query=2)), (2, AllDue())])
def test_one_failure_is_one_failed_row_and_the_run_goes_on(
    workers: int, issue: Closed | AllDue, error: BaseException
) -> None:
    sessions = [ScriptedSession(raising(error, {3})), *[ScriptedSession(brief) for _ in range(workers - 1)]]
    lane, timeline = make_lane(sessions, issue), in_memory(40)
    drive(lane, timeline)
    own = np.flatnonzero(timeline.worker == 0)
    assert timeline.status.sum() == (len(own) > 3)
    if len(own) > 3:
        assert timeline.status[own[3]] == 1
    assert (timeline.ended >= timeline.started).all()
    assert (timeline.started > 0).all()
    assert sum(len(session.seen) for session in sessions) == 40
    assert sum(ring.bad_samples for ring in lane.rings) == 0, "outputs of failed rows are nobody's answers"


@pytest.mark.parametrize("issue", ISSUES)
@pytest.mark.parametrize("workers", WORKERS)
def test_failing_always_is_broken_and_ends_soon(workers: int, issue: Closed | AllDue) -> None:
    sessions = [ScriptedSession(raising(EngineError("device lost"))) for _ in range(workers)]
    with pytest.raises(Broken, match=r"^device lost$"):
        drive(make_lane(sessions, issue), in_memory(100_000))
    assert sum(len(session.seen) for session in sessions) <= 100 + workers


@pytest.mark.parametrize("issue", ISSUES)
@pytest.mark.parametrize("workers", WORKERS)
def test_a_lost_device_is_not_asked_again(workers: int, issue: Closed | AllDue) -> None:
    """What failed before, for another reason, does not hide it."""
    errors = [EngineError("first"), OutOfMemory("second")]

    def answer(call: int, batch: Arrays, out: Arrays) -> None:
        if call >= 2:
            raise DeviceLost("gone")
        raise errors[call]

    sessions = [ScriptedSession(answer) for _ in range(workers)]
    with pytest.raises(Broken, match=r"^gone$") as caught:
        drive(make_lane(sessions, issue), in_memory(100_000))
    assert caught.value.cause == "device-lost"
    assert sum(len(session.seen) for session in sessions) <= 3 * workers


@pytest.mark.parametrize("error", [OutOfMemory("no room"), MemoryError("no room")])
def test_want_of_memory_is_told_with_the_run_and_when_it_is_broken(error: Exception) -> None:
    sessions = [ScriptedSession(raising(error, {3}))]
    fault = drive(make_lane(sessions, Closed()), in_memory(40)).fault
    assert fault is not None
    assert (fault.cause, fault.words) == ("out-of-memory", one_line(error))
    with pytest.raises(Broken, match="no room") as caught:
        run(1, Closed(), 3, raising(error))
    assert caught.value.cause == "out-of-memory"


def test_failing_every_row_of_a_short_run_is_broken() -> None:
    with pytest.raises(Broken, match="KeyError: 'y'"):
        run(1, Closed(), 3, raising(KeyError("y")))


@pytest.mark.parametrize("issue", ISSUES)
@pytest.mark.parametrize("workers", WORKERS)
def test_an_interrupt_in_one_worker_ends_all_and_reaches_the_caller(workers: int, issue: Closed | AllDue) -> None:
    sessions = [ScriptedSession(raising(KeyboardInterrupt(), {2})) for _ in range(workers)]
    with pytest.raises(KeyboardInterrupt):
        drive(make_lane(sessions, issue), in_memory(100_000))
    assert sum(len(session.seen) for session in sessions) < 100_000


@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
def test_any_error_is_told_in_one_line(error: BaseException) -> None:
    line = one_line(error)
    assert line
    assert "\n" not in line
    assert line.startswith("device lost") or type(error).__name__ in line or line == "5"


def test_integer_outputs_survive_a_failure_of_the_first_row() -> None:
    """Nothing was answered in that span of rows, so there is nothing to look at."""
    labels = (Tensor(name="y", dtype="int64", shape=()),)
    session = ScriptedSession(raising(EngineError("once"), {0}))
    lane, timeline = make_lane([session], Closed(), outputs=labels), in_memory(10)
    drive(lane, timeline)
    assert timeline.status.tolist() == [1] + [0] * 9


# ------------------------------------------------------------------------------------------- garbage collection


@pytest.fixture
def collecting() -> Iterator[None]:
    before = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.usefixtures("collecting")
def test_garbage_is_collected_again_after_a_run_and_after_a_broken_one() -> None:
    states: list[bool] = []
    run(1, Closed(), 5, lambda call, batch, out: (states.append(gc.isenabled()), fill_zeros(call, batch, out))[1])
    assert states == [False] * 5
    assert gc.isenabled()
    with pytest.raises(Broken):
        run(1, Closed(), 5, raising(EngineError("lost")))
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_garbage_collection_stays_off_where_the_caller_had_it_off() -> None:
    gc.disable()
    run(1, Closed(), 5)
    assert not gc.isenabled()


def test_only_the_rows_are_the_engines_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(1)
    for module in (driver, closed):
        monkeypatch.setattr(module, "perf_counter_ns", lambda: next(ticks))
    lane, timeline = make_lane([ScriptedSession()], AllDue()), in_memory(5)
    monkeypatch.setattr(lane.rings[0].__class__, "settle", lambda ring, used: [next(ticks) for _ in range(1000)])
    driven = driver.drive(lane, timeline)
    # One reading before the first row, one after the last; checking the outputs comes later.
    assert driven.elapsed_ns == timeline.ended[-1] - timeline.started[0] + 2
    assert driven.t0_ns < timeline.started[0]
