"""Workers of a lane that is not scheduled: closed loop, or everything due at the start.

A row costs two clock readings and a few list operations; everything else is done per span of rows.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from time import perf_counter_ns

from bench.loadgen.lane import Closed, Lane, Shift, fault_of
from bench.loadgen.samples import Named
from bench.records.job import Fault

Span = tuple[int, int]


class ClosedWorker:
    """One worker's loop over the spans it is given, and when its first row went out and its last came back."""

    def __init__(self, shift: Shift, number: int, take: Callable[[int], Span | None]) -> None:
        lane = shift.lane
        self._shift, self._number, self._take = shift, number, take
        self._session, self._ring, self._samples = lane.sessions[number], lane.rings[number], lane.samples
        # Start and end of the rows of the ring that is being filled: what a witness sees.
        self._times: tuple[list[int], list[int]] = ([], [])
        self.begun_ns = self.returned_ns = 0

    def busy(self) -> bool:
        """Whether the session has a row right now."""
        started, ended = self._times
        return len(started) > len(ended)

    def empty(self) -> bool:
        """Whether the row that came back last brought nothing, though its session had said that it was done."""
        times = self._times
        rows = len(times[1])
        # Where the ring was given back meanwhile it is being poisoned, and nothing can be said.
        return rows > 0 and self._ring.is_untouched(rows - 1, self._samples.batch - 1) and self._times is times

    def work(self) -> None:
        while (span := self._take(len(self._ring.slots))) is not None:
            lo, hi = span
            while lo < hi and not self._shift.broken:
                lo = self._span(lo, hi)

    def _span(self, lo: int, hi: int) -> int:
        """Run rows [lo, hi) until the end or the first failure; returns the next row to run."""
        started: list[int] = []
        ended: list[int] = []
        self._times = started, ended
        self._ring.poison()
        self.begun_ns = self.begun_ns or perf_counter_ns()
        failed = self._run_rows(self._ring.slots[: hi - lo], lo, started, ended)
        # Read here and not when `drive` returns: what comes between is the harness's time, not the engine's.
        self.returned_ns = perf_counter_ns()
        stop = lo + len(ended)
        timeline, secret = self._shift.timeline, self._shift.secret
        timeline.started[lo:stop] = started
        timeline.ended[lo:stop] = ended
        timeline.worker[lo:stop] = self._number
        answered = stop - lo
        if failed is not None:
            timeline.status[stop - 1] = 1
            self._shift.failures.append(failed)
            answered -= 1
        self._ring.settle(answered)
        if secret is not None and answered:
            batch = self._samples.batch
            secret.draw(answered, lambda slot: ((lo + slot) * batch, batch), self._ring, stop == timeline.rows)
        return stop

    def _run_rows(self, slots: Sequence[Named], first: int, started: list[int], ended: list[int]) -> Fault | None:
        run, now, begin, end = self._session.run, perf_counter_ns, started.append, ended.append
        batches = self._samples.batches
        offset = first % len(batches)
        upcoming = itertools.chain(itertools.islice(batches, offset, None), itertools.cycle(batches))
        try:
            for out, batch in zip(slots, upcoming, strict=False):
                begin(now())
                run(batch, out)
                end(now())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any failure of an engine is one failed query with its times
            failed_ns = now()
            self._ring.blank(len(ended))  # its row says that it failed; a witness must not find it empty as well
            end(failed_ns)
            return fault_of(error)
        return None


def taker(lane: Lane, rows: int, stop: Callable[[], bool]) -> Callable[[int], Span | None]:
    """How a worker gets its next rows: called with the most it can hold, answers [lo, hi) or None at the end."""
    if len(lane.sessions) > 1 and isinstance(lane.issue, Closed):
        return _Queries(rows, lane.issue.rows_per_query, stop).take
    # Alone, a worker runs rows in order anyway: whole rings at once.
    return _Spans(rows, len(lane.sessions) > 1, stop).take


class _Spans:
    def __init__(self, rows: int, one_by_one: bool, stop: Callable[[], bool]) -> None:
        self._rows, self._one_by_one, self._stop = rows, one_by_one, stop
        self._next, self._lock = 0, threading.Lock()

    def take(self, most: int) -> Span | None:
        with self._lock:
            lo = self._next
            if lo >= self._rows or self._stop():
                return None
            self._next = hi = min(lo + (1 if self._one_by_one else most), self._rows)
            return lo, hi


class _Queries:
    """Rows of one query are handed out together; the next query's only when all of them have come back."""

    def __init__(self, rows: int, rows_per_query: int, stop: Callable[[], bool]) -> None:
        self._rows, self._per_query, self._stop = rows, rows_per_query, stop
        self._next = self._done = 0
        self._holders: set[int] = set()
        self._changed = threading.Condition()

    def take(self, most: int) -> Span | None:
        me = threading.get_ident()
        with self._changed:
            if me in self._holders:  # asking for more means that the last row came back
                self._holders.discard(me)
                self._done += 1
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._stop() or self._next >= self._rows or self._open())
            if self._stop() or self._next >= self._rows:
                self._changed.notify_all()
                return None
            lo = self._next
            self._next += 1
            self._holders.add(me)
            return lo, lo + 1

    def _open(self) -> bool:
        return self._done >= self._next // self._per_query * self._per_query
