"""The measured part of a repetition with LoadGen as the driver: the same session, rings, checks and timeline.

LoadGen issues; rows are formed, run and stamped here as in our own driver. What it wrote is read back afterwards, and
held against the stamps.
"""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.host.collector import uncollected
from bench.loadgen.driver import Driven
from bench.loadgen.lane import Lane, Shift
from bench.loadgen.mlperf.clock import wall_offset_ns
from bench.loadgen.mlperf.desk import Desk
from bench.loadgen.mlperf.intake import Intake, Taken
from bench.loadgen.mlperf.issued import keep_issued
from bench.loadgen.mlperf.logs import Trace, read_detail, read_trace
from bench.loadgen.mlperf.request import Request, request_of
from bench.loadgen.mlperf.session import LOGS, Complete, Issue, run_test
from bench.loadgen.outputs import Kept, SecretSample
from bench.loadgen.timeline import Timeline, used
from bench.loadgen.witness import Witness, watched
from bench.records.job import Job
from bench.records.loadgen import LoadGenReport

# The trace gives its origin in a double of microseconds since 1970, whose last digit is a quarter of one.
_ORIGIN_SLACK_NS = 500


def drive_by_loadgen(
    job: Job, lane: Lane, rows: int, timeline: Timeline, secret: SecretSample, witness: Witness | None = None
) -> tuple[Driven, Kept, LoadGenReport]:
    """Measure `rows` rows (`server`: about as many queries) of `job` on `lane`, once in the life of a process.

    `timeline` has `request.capacity` rows. Gives when it was, the outputs that `secret` kept as `verify` takes them,
    and what LoadGen said; leaves its logs, and what it chose, in the job's folder. Raises Broken after too many failed
    rows, Unsupported for a test that LoadGen cannot hold, BadLogs when it left no whole result.
    """
    request = request_of(job, lane, rows)
    folder = Path(job.folder)
    open_loop = request.scenario == "server"
    shift = Shift(lane=lane, timeline=timeline, secret=secret, witness=witness)
    intake = Intake(lane.samples.count, lane.samples.batch, job.measurement.max_wait_ns)
    before_ns = wall_offset_ns()
    floor = Floor(shift, intake, alone=len(lane.sessions) == 1 and not (open_loop and lane.samples.batch > 1))
    driven = _run(request, folder / LOGS, floor)
    after_ns = wall_offset_ns()
    places = intake.issued_places()
    shift.check(intake.rows)
    due_ns: NDArray[np.int64] | None = None
    report = read_detail(folder / LOGS, request.scenario)
    if request.trace:
        trace = read_trace(folder / LOGS, len(places))
        slack_ns = _ORIGIN_SLACK_NS + abs(after_ns - before_ns)
        report = msgspec.structs.replace(
            report,
            compared=len(places),
            outside=_outside(trace, used(timeline), lane.samples.batch, before_ns, slack_ns)
            + int(np.count_nonzero(trace.label != intake.labels()[places])),
            slack_ns=slack_ns,
        )
        driven = msgspec.structs.replace(driven, t0_ns=int(trace.scheduled_ns[0]) - before_ns)
        due_ns = trace.scheduled_ns - trace.scheduled_ns[0]
    keep_issued(folder / "columns", lane.samples.order[places], due_ns if open_loop else None)
    return driven, _by_place(secret, places, lane), report


class Floor:
    """The workers: one that works in LoadGen's issuing thread where that gives no row less, or threads at an intake."""

    def __init__(self, shift: Shift, intake: Intake, alone: bool) -> None:
        self.shift, self.intake, self._alone = shift, intake, alone
        self.desks = [Desk(shift, number) for number in range(len(shift.lane.sessions))]
        self._threads: list[threading.Thread] = []

    def issuer(self, complete: Complete) -> Issue:
        """LoadGen's callback. What goes wrong in it is kept in `shift.raised`: nothing may be raised through it."""
        if not self._alone:
            self._threads = [
                threading.Thread(target=self._work, args=(desk, complete), name=f"worker-{number}")
                for number, desk in enumerate(self.desks)
            ]
            for thread in self._threads:
                thread.start()
            return self.intake.put
        (desk,), put, take = self.desks, self.intake.put, self.intake.take_now

        def issue(ids: list[int], labels: list[int]) -> None:
            put(ids, labels)
            while (taken := take()) is not None:
                self._serve(desk, taken, complete)

        return issue

    def end(self) -> None:
        """After the test: let the threads go, and settle what they hold."""
        self.intake.close()
        for thread in self._threads:
            thread.join()
        for desk in self.desks:
            desk.settle()

    def _work(self, desk: Desk, complete: Complete) -> None:
        while (taken := self.intake.take()) is not None:
            self._serve(desk, taken, complete)

    def _serve(self, desk: Desk, taken: Taken, complete: Complete) -> None:
        """Run a row and complete its samples whatever happens: one that is missing keeps LoadGen waiting for ever."""
        try:
            desk.run(taken)
        except BaseException as error:  # noqa: BLE001 - see `issuer`
            self.shift.raised.append(error)
        complete(taken.ids)
        try:
            if desk.full:
                desk.settle()
        except BaseException as error:  # noqa: BLE001 - see `issuer`
            self.shift.raised.append(error)


def _run(request: Request, logs: Path, floor: Floor) -> Driven:
    def load(labels: list[int]) -> None:
        try:
            floor.intake.load(labels)
        except ValueError as error:
            floor.shift.raised.append(error)

    with uncollected() as count, watched(floor.shift.witness, floor.desks):
        try:
            run_test(request, logs, load, floor.issuer)
        finally:
            floor.end()
        collections = count()
    if floor.shift.raised:
        raise floor.shift.raised[0]
    busy = [desk for desk in floor.desks if desk.returned_ns]
    if not busy:
        return Driven(t0_ns=0, elapsed_ns=0, collections=collections, fault=floor.shift.fault)
    begun_ns = min(desk.begun_ns for desk in busy)
    elapsed_ns = max(desk.returned_ns for desk in busy) - begun_ns
    return Driven(t0_ns=begun_ns, elapsed_ns=elapsed_ns, collections=collections, fault=floor.shift.fault)


def _outside(trace: Trace, timeline: Timeline, batch: int, offset_ns: int, slack_ns: int) -> int:
    """Samples whose row did not start after LoadGen issued them, or did not end before LoadGen heard of it."""
    held = np.full(timeline.rows, batch, np.int64) if timeline.queries is None else timeline.queries
    started, ended = (np.repeat(column, held) for column in (timeline.started, timeline.ended))
    early = started + slack_ns < trace.issued_ns - offset_ns
    late = ended - slack_ns > trace.completed_ns - offset_ns
    return int(np.count_nonzero(early | late))


def _by_place(secret: SecretSample, places: NDArray[np.int64], lane: Lane) -> Kept:
    """Outputs kept of the timed run, by a number whose remainder by the size of the loaded set is the first place.

    Rows whose samples do not lie in order are taken apart. Multiples of the size keep equal places apart.
    """
    count, found = lane.samples.count, Kept()
    for first, arrays in secret.kept.items():
        size = len(next(iter(arrays.values())))
        own = places[first : first + size]
        whole = np.array_equal(own, lane.samples.positions(int(own[0]), size))
        for lo, hi in [(0, size)] if whole else [(at, at + 1) for at in range(size)]:
            part = {name: array[lo:hi] for name, array in arrays.items()}
            number = int(own[lo]) + count * (first + lo)
            found.kept[number], found.worker[number] = part, secret.worker[first]
    return found
