"""Workers of an open-loop lane: whoever is free waits at the head of the schedule and takes what has fallen due.

Only the holder of the head waits and spins; the others queue behind it without taking processor time. A row costs
two clock readings and a few list operations; checking outputs and writing columns is done when the head is far off.
A session that never comes back keeps its worker, and nobody else: the others go on, and its row has failed.
"""

from __future__ import annotations

import threading
import time
from time import perf_counter_ns

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.host.floor import SPIN_NS
from bench.loadgen.lane import Scheduled, Shift, fault_of
from bench.loadgen.timeline import Timeline
from bench.scoring.columns import DROPPED, FAILED

# Outputs are checked early when nothing falls due for this long: it takes tens of microseconds.
_PAUSE_NS = 500_000
# Workers are up before the first query falls due.
LEAD_NS = 5_000_000

_NEVER_NS = 2**62

Row = tuple[int, int, int]  # row number, first query, and the one after the last


class Head:
    """The front of the schedule. `take` hands out what has fallen due, to one worker at a time."""

    def __init__(self, shift: Shift) -> None:
        issue = shift.lane.issue
        assert isinstance(issue, Scheduled)
        self._times, self._wait_ns, self._give_up_ns = issue.times_ns, issue.max_wait_ns, issue.give_up_ns
        self._drop_ns, self._most, self._shift = issue.drop_after_ns, shift.lane.samples.batch, shift
        self._lock = threading.Lock()
        self._row = self.next = 0
        self.closed = False
        self.t0_ns = 0

    def take(self) -> Row | None:
        """Wait until a query is due and take it with all others that are; None when nothing is left."""
        with self._lock:
            while not (self.closed or self.next >= len(self._times) or self._shift.stopped()):
                lo = self.next
                _wait_until(self.t0_ns + self._ready_ns(lo))
                now_ns = perf_counter_ns() - self.t0_ns
                if self._give_up_ns is not None and now_ns > self._give_up_ns:
                    return None
                if self._drop_ns is not None and self._drop(lo, now_ns):
                    continue
                due = (
                    1 if self._most == 1 else int(self._times[lo : lo + self._most].searchsorted(now_ns, side="right"))
                )
                self.next = lo + due
                return self.new_row(), lo, lo + due
            return None

    def new_row(self) -> int:
        """The number of the next row; called by whoever holds the head, or when nobody works any more."""
        self._row += 1
        return self._row - 1

    def _drop(self, lo: int, now_ns: int) -> bool:
        """Drop what is too old at the head, as a row of its own; whether there was any."""
        assert self._drop_ns is not None
        count = int(self._times[lo:].searchsorted(now_ns - self._drop_ns, side="left"))
        if count == 0:
            return False
        self.next = lo + count
        self._shift.timeline.put(self.new_row(), self.t0_ns + now_ns, self.t0_ns + now_ns, DROPPED, count)
        if self._shift.late is not None:
            self._shift.late.add(lo, self.due(lo, lo + count), now_ns)
        return True

    @property
    def untaken(self) -> int:
        """How many queries nobody has taken yet."""
        return len(self._times) - self.next

    def due(self, lo: int, hi: int) -> NDArray[np.int64]:
        """When queries [lo, hi) are due, in ns after t0."""
        return self._times[lo:hi]

    def is_far(self) -> bool:
        """Whether there is time for something else before the next query falls due."""
        left = self.next
        if left >= len(self._times):
            return True
        return int(self._times[left]) - (perf_counter_ns() - self.t0_ns) > _PAUSE_NS

    def _ready_ns(self, lo: int) -> int:
        due = int(self._times[lo])
        if not self._wait_ns:
            return due
        last = lo + self._most - 1
        # At the end of the schedule, too: nobody who serves knows that no more will come.
        return min(due + self._wait_ns, int(self._times[last])) if last < len(self._times) else due + self._wait_ns


class ScheduledWorker:
    """One worker: takes rows from the head, runs them, and keeps when its first went out and its last came back."""

    def __init__(self, shift: Shift, number: int, head: Head) -> None:
        lane = shift.lane
        self._shift, self._number, self._head = shift, number, head
        self._session, self._ring, self._samples = lane.sessions[number], lane.rings[number], lane.samples
        assert isinstance(lane.issue, Scheduled)
        self._timeout_ns = lane.issue.timeout_ns or _NEVER_NS
        self._done = _Done()
        # What the session is at: one entry, which either the session's return or `give_up` takes away; `pop` is atomic.
        self._running: list[tuple[Row, int]] = []
        self.begun_ns = self.returned_ns = 0

    def work(self) -> None:
        self._ring.poison()
        while (row := self._head.take()) is not None:
            if not self._run(*row):
                return
            if len(self._done.rows) == len(self._ring.slots) or self._head.is_far():
                self._settle()
        self._settle()

    def _run(self, row: int, lo: int, hi: int) -> bool:
        """Run one row; False when it came back after it was given up, and nothing may be touched any more."""
        slot, done, status = len(self._done.rows), self._done, 0
        out, batch = self._ring.part(slot, hi - lo), self._samples.span(lo, hi - lo)
        started_ns = perf_counter_ns()
        self._running.append(((row, lo, hi), started_ns))
        try:
            self._session.run(batch, out)
            ended_ns = perf_counter_ns()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any failure of an engine is a failed row with its times
            ended_ns, status = perf_counter_ns(), FAILED
            self._shift.failures.append(fault_of(error))
        if not self._came_back():
            return False
        if ended_ns - started_ns > self._timeout_ns:
            status = FAILED
        if status:
            self._ring.blank(slot)  # its row says that it failed; its outputs are not judged as well
        self.begun_ns, self.returned_ns = self.begun_ns or started_ns, ended_ns
        done.rows.append(row)
        done.first.append(lo)
        done.queries.append(hi - lo)
        done.started.append(started_ns)
        done.ended.append(ended_ns)
        done.status.append(status)
        if self._shift.late is not None:
            self._shift.late.add(lo, self._head.due(lo, hi), ended_ns - self._head.t0_ns, status != 0)
        return True

    def _settle(self) -> None:
        """Write the rows since the last time, check their outputs, draw among them, and poison the ring anew."""
        done, timeline, secret = self._done, self._shift.timeline, self._shift.secret
        if not done.rows:
            return
        assert timeline.queries is not None
        timeline.started[done.rows] = done.started
        timeline.ended[done.rows] = done.ended
        timeline.worker[done.rows] = self._number
        timeline.status[done.rows] = done.status
        timeline.queries[done.rows] = done.queries
        self._ring.settle(len(done.rows))
        if secret is not None:
            secret.draw(len(done.rows), done.span, self._ring, last=self._head.untaken == 0)
        self._done = _Done()
        self._ring.poison()

    def busy(self) -> bool:
        """Whether the session has a row right now; what a witness sees."""
        return bool(self._running)

    def empty(self) -> bool:
        """Whether the row that came back last brought nothing, though its session had said that it was done."""
        done = self._done
        rows = len(done.status)
        # Where the ring was given back meanwhile it is being poisoned, and nothing can be said.
        return rows > 0 and self._ring.is_untouched(rows - 1, done.queries[rows - 1] - 1) and self._done is done

    def overdue(self, now_ns: int) -> bool:
        """Whether its session has kept it for longer than a row may take."""
        return any(now_ns - started_ns > self._timeout_ns for _, started_ns in self._running[:1])

    def give_up(self, now_ns: int) -> bool:
        """Whether the session never came back; its row has failed then, and what it answered before is kept.

        Called when nothing is handed out any more. Nobody may use this session or its ring afterwards.
        """
        try:
            (row, lo, hi), started_ns = self._running.pop()
        except IndexError:
            return False
        self._settle()
        self._shift.timeline.put(row, started_ns, now_ns, FAILED, hi - lo, self._number)
        self.begun_ns, self.returned_ns = self.begun_ns or started_ns, now_ns
        return True

    def _came_back(self) -> bool:
        try:
            self._running.pop()
        except IndexError:
            return False
        return True


class _Done(msgspec.Struct, kw_only=True):
    """Rows that a worker ran and has not settled yet, in the order of the ring's slots."""

    rows: list[int] = []
    first: list[int] = []
    queries: list[int] = []
    started: list[int] = []
    ended: list[int] = []
    status: list[int] = []

    def span(self, slot: int) -> tuple[int, int] | None:
        """First sample and number of samples in a slot; None where the row failed."""
        return None if self.status[slot] else (self.first[slot], self.queries[slot])


def keep_untaken(head: Head, timeline: Timeline) -> None:
    """One failed row for the queries that nobody took: they were due, and were never answered."""
    if head.untaken == 0:
        return
    now_ns = max(perf_counter_ns(), head.t0_ns + int(head.due(head.next, head.next + 1)[0]))
    timeline.put(head.new_row(), now_ns, now_ns, FAILED, head.untaken)


def _wait_until(due_ns: int) -> None:
    while (left_ns := due_ns - perf_counter_ns()) > 0:
        if left_ns > SPIN_NS:
            time.sleep((left_ns - SPIN_NS) * 1e-9)
