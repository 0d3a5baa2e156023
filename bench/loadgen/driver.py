"""The one driver: workers pull rows (batches) of a lane and write when each started and ended.

A row costs two clock readings and a few list operations; everything else is done per span of rows. Nothing here knows
what a model is or whose engine answers.
"""

from __future__ import annotations

import gc
import itertools
import math
import threading
from collections.abc import Callable, Sequence
from time import perf_counter_ns

import msgspec

from bench.backends.base import EngineError, Session
from bench.loadgen.outputs import OutputRing, SecretSample
from bench.loadgen.samples import LoadedSet, Named
from bench.loadgen.timeline import Timeline

_MOST_FAILURES = 100

Span = tuple[int, int]


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """Closed loop, one query at a time: a query is `rows_per_query` rows and starts when the one before has ended."""

    rows_per_query: int = 1


class AllDue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything is due at the start: rows are taken as fast as workers finish them."""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of work: how it is issued, what is fed, and who works on it."""

    issue: Closed | AllDue
    samples: LoadedSet
    sessions: tuple[Session, ...]
    rings: tuple[OutputRing, ...]

    @property
    def rows_per_query(self) -> int:
        return self.issue.rows_per_query if isinstance(self.issue, Closed) else 1

    def whole_queries(self, rows: float) -> int:
        """`rows` rounded up to whole queries, at least one of them."""
        return max(1, math.ceil(rows / self.rows_per_query)) * self.rows_per_query


class Driven(msgspec.Struct, frozen=True, kw_only=True):
    """When a drive was, by clock readings of its own beside those that go into the timeline.

    `t0_ns`: before the first row was handed out, which is when all rows of `AllDue` are due. `elapsed_ns`: from just
    before the first row was given to a session until just after the last one came back.
    """

    t0_ns: int
    elapsed_ns: int


class Broken(RuntimeError):
    """The engine fails query after query; the message is its first error."""


def one_line(error: BaseException) -> str:
    """An error in one line: the message alone where it was written for people, else with its type."""
    try:
        text = next(iter(str(error).strip().splitlines()), "")
    except Exception:  # noqa: BLE001 - a vendor's exception may even fail to print itself
        text = ""
    if text and isinstance(error, EngineError | Broken):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def drive(lane: Lane, timeline: Timeline, secret: SecretSample | None = None) -> Driven:
    """Run all rows of `timeline` through the lane's workers; on return every row has its times.

    Raises Broken after too many failed rows.
    """
    failures: list[str] = []
    raised: list[BaseException] = []
    take = _taker(lane, timeline.rows, lambda: bool(raised) or len(failures) >= _MOST_FAILURES)
    collected = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        workers = [_Worker(lane, number, timeline, secret, failures) for number in range(len(lane.sessions))]
        t0_ns = perf_counter_ns()
        if len(workers) == 1:
            workers[0].work(take)
        else:
            _in_threads(workers, take, raised)
    finally:
        if collected:
            gc.enable()
    if len(failures) >= min(_MOST_FAILURES, timeline.rows):
        raise Broken(failures[0])
    busy = [worker for worker in workers if worker.returned_ns]
    begun_ns, returned_ns = min(worker.begun_ns for worker in busy), max(worker.returned_ns for worker in busy)
    return Driven(t0_ns=t0_ns, elapsed_ns=returned_ns - begun_ns)


class _Worker:
    """One worker's loop over the spans it is given, and when its first row went out and its last came back."""

    def __init__(
        self, lane: Lane, number: int, timeline: Timeline, secret: SecretSample | None, failures: list[str]
    ) -> None:
        self._lane, self._number, self._timeline = lane, number, timeline
        self._session, self._ring = lane.sessions[number], lane.rings[number]
        self._secret, self._failures = secret, failures
        self.begun_ns = self.returned_ns = 0

    def work(self, take: Callable[[int], Span | None]) -> None:
        while (span := take(len(self._ring.slots))) is not None:
            lo, hi = span
            while lo < hi and len(self._failures) < _MOST_FAILURES:
                lo = self._span(lo, hi)

    def _span(self, lo: int, hi: int) -> int:
        """Run rows [lo, hi) until the end or the first failure; returns the next row to run."""
        self._ring.poison()
        started: list[int] = []
        ended: list[int] = []
        self.begun_ns = self.begun_ns or perf_counter_ns()
        failed = _run_rows(self._session, self._ring.slots[: hi - lo], self._lane.samples, lo, started, ended)
        # Read here and not when `drive` returns: what comes between is the harness's time, not the engine's.
        self.returned_ns = perf_counter_ns()
        stop = lo + len(ended)
        timeline = self._timeline
        timeline.started[lo:stop] = started
        timeline.ended[lo:stop] = ended
        timeline.worker[lo:stop] = self._number
        answered = stop - lo
        if failed is not None:
            timeline.status[stop - 1] = 1
            self._failures.append(failed)
            answered -= 1
        self._ring.settle(answered)
        if self._secret is not None and answered:
            self._secret.draw(lo, lo + answered, self._ring, last=stop == timeline.rows)
        return stop


def _run_rows(
    session: Session,
    slots: Sequence[Named],
    samples: LoadedSet,
    first: int,
    started: list[int],
    ended: list[int],
) -> str | None:
    run, now, begin, end = session.run, perf_counter_ns, started.append, ended.append
    batches = samples.batches
    offset = first % len(batches)
    upcoming = itertools.chain(itertools.islice(batches, offset, None), itertools.cycle(batches))
    try:
        for out, batch in zip(slots, upcoming, strict=False):
            begin(now())
            run(batch, out)
            end(now())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any failure of an engine is one failed query with its times
        end(now())
        return one_line(error)
    return None


def _taker(lane: Lane, rows: int, stop: Callable[[], bool]) -> Callable[[int], Span | None]:
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


def _in_threads(workers: Sequence[_Worker], take: Callable[[int], Span | None], raised: list[BaseException]) -> None:
    def guarded(worker: _Worker) -> None:
        try:
            worker.work(take)
        except BaseException as error:  # noqa: BLE001 - carried to the calling thread, which raises it
            raised.append(error)
            take(0)  # which sees the stop, and wakes those who wait for this worker's rows

    threads = [threading.Thread(target=guarded, args=(worker,), name=f"worker-{i}") for i, worker in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
