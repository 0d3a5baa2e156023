"""The one driver: workers pull rows (batches) of a lane and write when each started and ended.

How rows are handed out is in `closed` and `scheduled`. Nothing here knows what a model is or whose engine answers.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from time import perf_counter_ns

import msgspec

from bench.host.collector import uncollected
from bench.loadgen.closed import ClosedWorker, taker
from bench.loadgen.lane import Broken, Lane, LateCount, Scheduled, Shift
from bench.loadgen.outputs import SecretSample
from bench.loadgen.scheduled import LEAD_NS, Head, ScheduledWorker, keep_untaken
from bench.loadgen.timeline import Timeline
from bench.loadgen.witness import Witness, watched
from bench.records.job import Fault

# How often somebody looks whether sessions of an open loop still come back.
_GLANCE_S = 0.25


class Driven(msgspec.Struct, frozen=True, kw_only=True):
    """When a drive was, by clock readings of its own beside those that go into the timeline.

    `t0_ns`: what schedules count from, and when all rows of `AllDue` are due. `elapsed_ns`: from just
    before the first row was given to a session until just after the last one came back. `lost`: workers of an open loop
    whose sessions never came back; those sessions must not be used again. `collections`: how often garbage was
    collected all the same. `fault`: the failed call that says most, where one failed.
    """

    t0_ns: int
    elapsed_ns: int
    lost: tuple[int, ...] = ()
    collections: int = 0
    fault: Fault | None = None


def drive(
    lane: Lane,
    timeline: Timeline,
    secret: SecretSample | None = None,
    late: LateCount | None = None,
    witness: Witness | None = None,
) -> Driven:
    """Run all rows of `timeline` through the lane's workers; on return every row has its times.

    An open loop stops when `late` is full. Raises Broken after too many failed rows, or when no session comes back.
    """
    shift = Shift(lane=lane, timeline=timeline, secret=secret, late=late, witness=witness)
    with uncollected() as collections:
        if isinstance(lane.issue, Scheduled):
            (driven,) = _scheduled([shift])
        else:
            driven = _closed(shift)
        collected = collections()
    shift.check(timeline.rows)
    return msgspec.structs.replace(driven, collections=collected, fault=shift.fault)


def drive_together(shifts: Sequence[Shift]) -> list[Driven]:
    """Run several open loops at once, all counted from one t0; as `drive`."""
    with uncollected() as collections:
        driven = _scheduled(shifts)
        collected = collections()
    for shift in shifts:
        shift.check(shift.timeline.rows)
    return [
        msgspec.structs.replace(one, collections=collected, fault=shift.fault)
        for one, shift in zip(driven, shifts, strict=True)
    ]


def _closed(shift: Shift) -> Driven:
    take = taker(shift.lane, shift.timeline.rows, shift.stopped)
    workers = [ClosedWorker(shift, number, take) for number in range(len(shift.lane.sessions))]
    t0_ns = perf_counter_ns()
    # After an error those who wait for the rows of its worker look up, and see the stop.
    with watched(shift.witness, workers):
        _run([worker.work for worker in workers], lambda: take(0), shift.raised)
    return Driven(t0_ns=t0_ns, elapsed_ns=_elapsed_ns(workers))


def _scheduled(shifts: Sequence[Shift]) -> list[Driven]:
    heads = [Head(shift) for shift in shifts]
    crews = [
        [ScheduledWorker(shift, number, head) for number in range(len(shift.lane.sessions))]
        for shift, head in zip(shifts, heads, strict=True)
    ]
    threads = [
        [_guarded(worker.work, shift.raised, lambda: None) for worker in crew]
        for shift, crew in zip(shifts, crews, strict=True)
    ]
    t0_ns = perf_counter_ns() + LEAD_NS
    for head in heads:
        head.t0_ns = t0_ns
    with contextlib.ExitStack() as witnesses:
        for shift, crew in zip(shifts, crews, strict=True):
            witnesses.enter_context(watched(shift.witness, crew))
        for thread in _flat(threads):
            thread.start()
        for head, crew, own in zip(heads, crews, threads, strict=True):
            _attend(head, crew, own)
    driven = [_end(*one) for one in zip(shifts, heads, crews, threads, strict=True)]
    for shift in shifts:
        if shift.raised:
            raise shift.raised[0]
    return driven


def _attend(head: Head, crew: Sequence[ScheduledWorker], threads: Sequence[threading.Thread]) -> None:
    """Wait until all workers are done, or those who are not are kept by sessions that do not come back."""
    while any(thread.is_alive() for thread in threads):
        next(thread for thread in threads if thread.is_alive()).join(_GLANCE_S)
        now_ns = perf_counter_ns()
        stuck = [worker.overdue(now_ns) for worker, thread in zip(crew, threads, strict=True) if thread.is_alive()]
        if stuck and all(stuck):
            break
    head.closed = True


def _end(shift: Shift, head: Head, crew: Sequence[ScheduledWorker], threads: Sequence[threading.Thread]) -> Driven:
    now_ns = perf_counter_ns()
    lost = tuple(number for number, worker in enumerate(crew) if worker.give_up(now_ns))
    for number, thread in enumerate(threads):
        if number not in lost:
            thread.join()  # one that came back in the last moment writes its row first
    if len(lost) == len(crew):
        seconds = (shift.lane.issue.timeout_ns or 0) / 1e9 if isinstance(shift.lane.issue, Scheduled) else 0.0
        shift.raised.append(Broken(Fault(words=f"the engine hangs: no session came back within {seconds:g} s")))
    keep_untaken(head, shift.timeline)
    return Driven(t0_ns=head.t0_ns, elapsed_ns=_elapsed_ns(crew), lost=lost)


def _elapsed_ns(workers: Sequence[ClosedWorker | ScheduledWorker]) -> int:
    busy = [worker for worker in workers if worker.returned_ns]
    if not busy:
        return 0
    return max(worker.returned_ns for worker in busy) - min(worker.begun_ns for worker in busy)


def _run(works: Sequence[Callable[[], None]], wake: Callable[[], object], raised: list[BaseException]) -> None:
    """Run one work in this thread, several in threads of their own; raises what the first to fail raised."""
    if len(works) == 1:
        works[0]()
        return
    threads = [_guarded(work, raised, wake) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def _guarded(work: Callable[[], None], raised: list[BaseException], wake: Callable[[], object]) -> threading.Thread:
    """A thread for `work`, which leaves what it raises in `raised`; it does not keep the process alive."""

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - carried to the calling thread, which raises it
            raised.append(error)
            wake()  # those who wait for this worker's rows see the stop

    return threading.Thread(target=guarded, name="worker", daemon=True)


def _flat(threads: Sequence[Sequence[threading.Thread]]) -> list[threading.Thread]:
    return [thread for crew in threads for thread in crew]
