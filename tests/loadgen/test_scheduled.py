"""Open loop: no query is lost, doubled or early, and `started` is what an independent queueing recursion gives."""

from __future__ import annotations

import heapq
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.loadgen import driver, scheduled
from bench.loadgen.arrivals import poisson_ns
from bench.loadgen.driver import drive, drive_together
from bench.loadgen.lane import Broken, Lane, LateCount, Scheduled, Shift
from bench.loadgen.outputs import SecretSample
from bench.loadgen.timeline import Timeline, in_memory, used
from bench.scoring.columns import DROPPED

from ..fixtures import Answer, Arrays, ScriptedSession, fill_zeros
from .lanes import make_lane

pytestmark = pytest.mark.timeout(60)  # a deadlock is a failure


def run(
    times: NDArray[np.int64],
    answer: Answer | None = None,
    workers: int = 1,
    batch: int = 1,
    secret: SecretSample | None = None,
    late: LateCount | None = None,
    **issue: int,
) -> tuple[Timeline, int, list[ScriptedSession], Lane]:
    sessions = [ScriptedSession(answer) for _ in range(workers)]
    lane = make_lane(sessions, Scheduled(times_ns=times, **issue), count=7, batch=batch)  # type: ignore[arg-type]
    timeline = in_memory(len(times), open_loop=True)
    driven = drive(lane, timeline, secret, late)
    assert driven.lost == ()
    return used(timeline), driven.t0_ns, sessions, lane


class Clock:
    """A clock that passes one microsecond with each reading, and as long as a sleep asks for."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def perf_counter_ns(self) -> int:
        self.now_ns += 1_000
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The driver of one worker on a clock of its own, so that no busy machine disturbs it."""
    ours = Clock()
    monkeypatch.setattr(scheduled, "time", ours)
    for module in (scheduled, driver):
        monkeypatch.setattr(module, "perf_counter_ns", ours.perf_counter_ns)
    return ours


def queries(timeline: Timeline) -> NDArray[np.int64]:
    assert timeline.queries is not None
    return timeline.queries.astype(np.int64)


def service(mean_s: float) -> Answer:
    def answer(call: int, batch: Arrays, out: Arrays) -> None:
        time.sleep(mean_s * (1 + call % 3) / 2)
        fill_zeros(call, batch, out)

    return answer


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 5), st.sampled_from([500.0, 5e3, 1e6]), st.integers(0, 99))
def test_every_query_is_run_once_in_order_with_its_own_sample(
    count: int, workers: int, batch: int, rate: float, seed: int
) -> None:
    times = poisson_ns(count, rate, seed)
    timeline, t0_ns, sessions, lane = run(times, service(0.0002), workers, batch)
    held = queries(timeline)
    first = np.cumsum(held) - held
    assert held.sum() == count
    assert held.max() <= batch
    assert not timeline.status.any()
    for number, session in enumerate(sessions):
        own = np.flatnonzero(timeline.worker == number)
        for fed, row in zip(session.seen, own, strict=True):
            positions = (first[row] + np.arange(held[row])) % lane.samples.count
            assert fed["x"].tolist() == lane.samples.order[positions].tolist()
        assert (timeline.started[own][1:] >= timeline.ended[own][:-1]).all()
    # Nothing is taken before it is due: the last query of a row is the latest one.
    assert (timeline.started - t0_ns >= times[first + held - 1]).all()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_starts_are_those_of_a_queue_with_the_recorded_service_times(workers: int) -> None:
    """Kiefer-Wolfowitz: a query starts when it is due or when a server falls free, whichever is later."""
    times = poisson_ns(150, 400.0 * workers, seed=workers)
    timeline, t0_ns, _, _ = run(times, service(0.0015), workers)
    started, ended = timeline.started - t0_ns, timeline.ended - t0_ns
    free = [0] * workers
    expected = []
    for due, begun, done in zip(times.tolist(), started.tolist(), ended.tolist(), strict=True):
        expected.append(max(due, heapq.heappop(free)))
        heapq.heappush(free, max(done, begun))
    lateness_ns = started - np.array(expected)
    # Never early; a busy test machine may be late, but half of the queries start at once.
    assert lateness_ns.min() >= 0
    assert np.median(lateness_ns) < 2e6


def test_on_a_quiet_machine_starts_are_exactly_those_of_a_queue(clock: Clock) -> None:
    times = poisson_ns(3000, 900.0, 5)
    durations = iter(np.random.default_rng(1).exponential(0.001, 3000).tolist())
    timeline, t0_ns, _, _ = run(times, lambda *call: clock.sleep(next(durations)))
    started, ended = timeline.started - t0_ns, timeline.ended - t0_ns
    free = np.r_[0, ended[:-1]]
    lateness_ns = started - np.maximum(times, free)  # Lindley, query by query
    assert lateness_ns.min() >= 0
    assert lateness_ns.max() <= 10_000  # ten readings of this clock


@pytest.mark.parametrize("wait_ns", [0, 2_000_000])
@pytest.mark.parametrize("batch", [2, 8])
@pytest.mark.parametrize("rate", [600.0, 1500.0])
def test_rows_on_a_quiet_machine_are_exactly_those_of_a_batch_queue(
    clock: Clock, rate: float, batch: int, wait_ns: int
) -> None:
    """It begins when the server is free and its first query has waited enough, and takes what is due, up to a batch."""
    times = poisson_ns(2000, rate, 9)
    durations = iter(np.random.default_rng(2).exponential(0.001, 2000).tolist())
    timeline, t0_ns, _, _ = run(times, lambda *call: clock.sleep(next(durations)), batch=batch, max_wait_ns=wait_ns)
    held, free, lo = queries(timeline).tolist(), 0, 0
    for count, begun, done in zip(
        held, (timeline.started - t0_ns).tolist(), (timeline.ended - t0_ns).tolist(), strict=True
    ):
        ready = times[lo] + wait_ns
        if wait_ns and lo + batch - 1 < len(times):
            ready = min(ready, times[lo + batch - 1])
        earliest = max(free, ready)
        assert 0 <= begun - earliest <= 10_000  # ten readings of this clock
        # What falls due within these readings may go with the row or not.
        least, most = (min(batch, int(np.searchsorted(times, at, "right")) - lo) for at in (earliest, begun))
        assert least <= count <= most
        free, lo = done, lo + count
    assert lo == len(times)


def test_what_is_due_together_goes_together_up_to_the_batch(clock: Clock) -> None:
    times = np.array([0] * 10 + [20_000_000], np.int64)
    timeline, _, _, _ = run(times, batch=4)
    assert queries(timeline).tolist() == [4, 4, 2, 1]


def test_a_row_that_is_not_full_waits_as_long_as_it_is_told(clock: Clock) -> None:
    # 0 and 3 ms go together when 5 ms may be waited; the row that is full at 40 ms does not wait for its 5 ms.
    times = np.array([0, 3, 40, 40, 40, 80], np.int64) * 1_000_000
    timeline, t0_ns, _, _ = run(times, batch=3, max_wait_ns=5_000_000)
    assert queries(timeline).tolist() == [2, 3, 1]
    started = timeline.started - t0_ns
    assert started[0] >= 5_000_000
    assert started[2] >= 85_000_000
    assert started[1] >= 40_000_000


def test_queries_that_nobody_takes_in_time_have_failed(clock: Clock) -> None:
    times = np.arange(1, 101, dtype=np.int64) * 1_000_000
    timeline, t0_ns, sessions, _ = run(times, lambda *call: clock.sleep(0.02), give_up_ns=60_000_000)
    held = queries(timeline)
    assert held.sum() == 100
    assert timeline.status.tolist() == [0] * (len(held) - 1) + [1]
    assert len(sessions[0].seen) == 3  # at 1, 21 and 41 ms; the next would be at 61
    assert held.tolist() == [1, 1, 1, 97]
    assert timeline.ended[-1] - t0_ns >= times[100 - held[-1]]


def test_a_trial_stops_when_too_many_are_late(clock: Clock) -> None:
    times = np.arange(1, 1001, dtype=np.int64) * 1_000
    late = LateCount(bound_ns=2_000_000, most=10)
    timeline, _, sessions, _ = run(times, lambda *call: clock.sleep(0.001), late=late)
    assert late.full
    # One is due every microsecond and takes 1 ms; the second one waits 1 ms, ends at 2 ms and is the last in time.
    assert len(sessions[0].seen) == 1 + 1 + 10
    assert queries(timeline).sum() == 1000


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(0, 150), st.integers(1, 50), st.booleans())
def test_late_is_later_than_the_bound_after_due(due: list[int], ended: int, bound: int, failed: bool) -> None:
    late = LateCount(bound_ns=bound, most=0)
    late.add(0, np.sort(np.array(due, np.int64)), ended, failed)
    assert late.late == sum(failed or ended - one > bound for one in due)


def test_a_failed_row_keeps_its_times_and_its_outputs_are_not_judged() -> None:
    def some_fail(call: int, batch: Arrays, out: Arrays) -> None:
        if call % 3 == 1:
            raise ValueError("third")
        fill_zeros(call, batch, out)

    times = poisson_ns(60, 2000.0, 1)
    secret = SecretSample(60, 2, seed=1, share=1.0)
    timeline, _, _, lane = run(times, some_fail, batch=2, secret=secret)
    failed = timeline.status == 1
    first = np.cumsum(queries(timeline)) - queries(timeline)
    assert failed.any()
    assert not failed.all()
    assert set(secret.kept) == set(first[~failed].tolist())
    assert {number: len(kept["y"]) for number, kept in secret.kept.items()} == {
        int(number): int(held) for number, held in zip(first[~failed], queries(timeline)[~failed], strict=True)
    }
    assert lane.rings[0].bad_samples == 0


def test_part_filled_rows_are_judged_by_what_they_hold() -> None:
    def nothing(call: int, batch: Arrays, out: Arrays) -> None:
        return

    times = np.array([0, 0, 0, 0, 0], np.int64)
    timeline, _, _, lane = run(times, nothing, batch=3)
    assert queries(timeline).tolist() == [3, 2]
    assert lane.rings[0].bad_samples == 5


def test_a_trial_of_an_engine_that_fails_is_broken_and_not_late(clock: Clock) -> None:
    def fail(call: int, batch: Arrays, out: Arrays) -> None:
        if call > 20:
            raise ValueError("from then on")

    with pytest.raises(Broken, match="from then on"):
        run(poisson_ns(1000, 100.0, 1), fail, late=LateCount(bound_ns=1_000_000, most=10))


def test_an_engine_that_only_fails_is_broken() -> None:
    def fail(call: int, batch: Arrays, out: Arrays) -> None:
        raise ValueError("always")

    with pytest.raises(Broken, match="always"):
        run(poisson_ns(500, 1e5, 1), fail)


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_of_the_harness_reaches_the_caller(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, first: int, count: int) -> None:
        raise AssertionError("not an engine's")

    times = poisson_ns(5, 100.0, 1)
    lane = make_lane([ScriptedSession() for _ in range(workers)], Scheduled(times_ns=times), batch=1)
    monkeypatch.setattr("bench.loadgen.samples.LoadedSet.span", broken)
    with pytest.raises(AssertionError, match="not an engine's"):
        drive(lane, in_memory(5, open_loop=True))


def test_frames_that_are_too_old_are_dropped_before_anybody_runs_them(clock: Clock) -> None:
    # One every millisecond, each takes 10: of ten that wait, those older than 5 ms are gone.
    times = np.arange(1, 101, dtype=np.int64) * 1_000_000
    late = LateCount(bound_ns=5_000_000, most=10**6)
    timeline, t0_ns, sessions, _ = run(times, lambda *call: clock.sleep(0.01), late=late, drop_after_ns=5_000_000)
    held, dropped = queries(timeline), timeline.status == DROPPED
    first = np.cumsum(held) - held
    assert held.sum() == 100
    assert len(sessions[0].seen) == (~dropped).sum()
    now = timeline.started - t0_ns
    for row in np.flatnonzero(dropped):
        assert (now[row] - times[first[row] : first[row] + held[row]] > 5_000_000).all()
    for row in np.flatnonzero(~dropped):
        assert timeline.status[row] == 0
        # 10 µs: readings of this clock between the look at the head and the start
        assert now[row] - times[first[row]] <= 5_000_000 + 10_000
    assert held[dropped].sum() > 50
    # Whatever waited at all was late in the end: it was dropped, or took 10 ms more.
    assert late.late == 100


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, 3), st.integers(1, 4), st.integers(0, 20), st.integers(0, 99))
def test_no_query_is_lost_or_doubled_when_some_are_dropped(
    count: int, workers: int, batch: int, after_ms: int, seed: int
) -> None:
    times = poisson_ns(count, 1e4, seed)
    drop_ns = after_ms * 100_000
    timeline, t0_ns, sessions, lane = run(times, service(0.0003), workers, batch, drop_after_ns=drop_ns)
    held = queries(timeline)
    assert held.sum() == count
    answered = timeline.status == 0
    fed = sorted(int(x) for session in sessions for seen in session.seen for x in seen["x"])
    first = np.cumsum(held) - held
    expected = [
        int(lane.samples.order[(first[row] + i) % lane.samples.count])
        for row in np.flatnonzero(answered)
        for i in range(held[row])
    ]
    assert fed == sorted(expected)
    assert (timeline.started - t0_ns >= times[first + held - 1]).all()


def test_each_camera_is_counted_for_itself() -> None:
    camera = np.array([0, 1, 0, 1, 1, 0], np.int32)
    late = LateCount(bound_ns=10, most=1, group=camera)
    due = np.array([0, 1, 2, 3, 4, 5], np.int64)
    late.add(0, due[:2], 12)  # both late, one of each camera
    assert (late.late, late.full) == (2, False)
    late.add(2, due[2:4], 13)  # only query 2 ends more than 10 after it was due
    assert (late.late, late.full) == (3, True)


def test_a_row_that_takes_too_long_has_failed_and_the_run_goes_on(clock: Clock) -> None:
    def one_is_slow(call: int, batch: Arrays, out: Arrays) -> None:
        clock.sleep(0.5 if call == 3 else 0.001)
        fill_zeros(call, batch, out)

    times = np.arange(1, 21, dtype=np.int64) * 10_000_000
    timeline, _, sessions, lane = run(times, one_is_slow, timeout_ns=100_000_000)
    assert np.flatnonzero(timeline.status).tolist() == [3]
    assert timeline.ended[3] - timeline.started[3] >= 500_000_000
    assert len(sessions[0].seen) == 20
    assert lane.rings[0].bad_samples == 0


def stuck_lane(workers: int, stuck: set[int], release: threading.Event, batch: int = 1) -> Lane:
    """Workers of whom some never come back from their third call, until the test is over."""

    def answer(number: int) -> Answer:
        def run_(call: int, batch: Arrays, out: Arrays) -> None:
            if number in stuck and call == 2:
                release.wait(30)
            fill_zeros(call, batch, out)

        return run_

    sessions = [ScriptedSession(answer(number)) for number in range(workers)]
    times = np.arange(1, 201, dtype=np.int64) * 1_000_000
    issue = Scheduled(times_ns=times, timeout_ns=100_000_000, give_up_ns=int(times[-1]) + 300_000_000)
    return make_lane(sessions, issue, count=7, batch=batch)


def test_a_session_that_never_comes_back_costs_its_row_and_nothing_else() -> None:
    release = threading.Event()
    try:
        lane, timeline = stuck_lane(3, {1}, release), in_memory(200, open_loop=True)
        driven = drive(lane, timeline)
        whole = used(timeline)
        assert queries(whole).sum() == 200
        if driven.lost:  # on a busy machine its third call may not come before the schedule ends
            assert driven.lost == (1,)
            failed = np.flatnonzero(whole.status)
            assert len(failed) == 1
            assert whole.worker[failed[0]] == 1
            before = whole.started.copy()
            release.set()
            time.sleep(0.05)
            assert (used(timeline).started == before).all()  # who comes back too late touches nothing
    finally:
        release.set()


def test_an_engine_of_which_no_session_comes_back_hangs() -> None:
    release = threading.Event()
    try:
        with pytest.raises(Broken, match=r"the engine hangs: no session came back within 0\.1 s"):
            drive(stuck_lane(2, {0, 1}, release), in_memory(200, open_loop=True))
    finally:
        release.set()


def test_lanes_that_run_together_share_their_beginning() -> None:
    shifts = []
    for rate in (500.0, 2000.0):
        times = poisson_ns(100, rate, 3)
        lane = make_lane([ScriptedSession(service(0.0002))], Scheduled(times_ns=times), count=7, batch=2)
        shifts.append(Shift(lane=lane, timeline=in_memory(100, open_loop=True)))
    driven = drive_together(shifts)
    assert driven[0].t0_ns == driven[1].t0_ns
    for shift in shifts:
        assert queries(used(shift.timeline)).sum() == 100
        assert not used(shift.timeline).status.any()
