"""The one driver: workers pull rows (batches) of a lane and write when each started and ended.

How rows are handed out is in `closed` and `scheduled`. Nothing here knows what a model is or whose engine answers.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from time import perf_counter_ns

import msgspec

from bench.loadgen.closed import ClosedWorker, taker
from bench.loadgen.lane import MOST_FAILURES, Broken, Lane, LateCount, Scheduled, Shift
from bench.loadgen.outputs import SecretSample
from bench.loadgen.scheduled import LEAD_NS, Head, ScheduledWorker, keep_untaken
from bench.loadgen.timeline import Timeline


class Driven(msgspec.Struct, frozen=True, kw_only=True):
    """When a drive was, by clock readings of its own beside those that go into the timeline.

    `t0_ns`: what schedules count from, and when all rows of `AllDue` are due. `elapsed_ns`: from just
    before the first row was given to a session until just after the last one came back.
    """

    t0_ns: int
    elapsed_ns: int


def drive(lane: Lane, timeline: Timeline, secret: SecretSample | None = None, late: LateCount | None = None) -> Driven:
    """Run all rows of `timeline` through the lane's workers; on return every row has its times.

    An open loop stops when `late` is full. Raises Broken after too many failed rows.
    """
    shift = Shift(lane=lane, timeline=timeline, secret=secret, late=late)
    collected = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        t0_ns, workers = _scheduled(shift) if isinstance(lane.issue, Scheduled) else _closed(shift)
    finally:
        if collected:
            gc.enable()
    if len(shift.failures) >= min(MOST_FAILURES, timeline.rows) or (late is not None and late.failing):
        raise Broken(shift.failures[0])
    busy = [worker for worker in workers if worker.returned_ns]
    if not busy:
        return Driven(t0_ns=t0_ns, elapsed_ns=0)
    begun_ns, returned_ns = min(worker.begun_ns for worker in busy), max(worker.returned_ns for worker in busy)
    return Driven(t0_ns=t0_ns, elapsed_ns=returned_ns - begun_ns)


def _closed(shift: Shift) -> tuple[int, Sequence[ClosedWorker]]:
    take = taker(shift.lane, shift.timeline.rows, shift.stopped)
    workers = [ClosedWorker(shift, number, take) for number in range(len(shift.lane.sessions))]
    t0_ns = perf_counter_ns()
    # After an error those who wait for the rows of its worker look up, and see the stop.
    _run([worker.work for worker in workers], lambda: take(0), shift.raised)
    return t0_ns, workers


def _scheduled(shift: Shift) -> tuple[int, Sequence[ScheduledWorker]]:
    head = Head(shift)
    workers = [ScheduledWorker(shift, number, head) for number in range(len(shift.lane.sessions))]
    head.t0_ns = perf_counter_ns() + LEAD_NS
    _run([worker.work for worker in workers], lambda: None, shift.raised)
    keep_untaken(head, shift.timeline)
    return head.t0_ns, workers


def _run(works: Sequence[Callable[[], None]], wake: Callable[[], object], raised: list[BaseException]) -> None:
    """Run one work in this thread, several in threads of their own; raises what the first to fail raised."""
    if len(works) == 1:
        works[0]()
        return

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - carried to the calling thread, which raises it
            raised.append(error)
            wake()  # those who wait for this worker's rows see the stop

    threads = [threading.Thread(target=guarded, args=(work,), name=f"worker-{i}") for i, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
