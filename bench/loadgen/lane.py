"""What a driver is given: how work is issued, what is fed, and who works on it; and how its failures are told."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import EngineError, Session, cause_of
from bench.loadgen.outputs import OutputRing, SecretSample
from bench.loadgen.samples import LoadedSet
from bench.loadgen.timeline import Timeline
from bench.loadgen.witness import Witness
from bench.records.findings import Cause
from bench.records.job import Fault

MOST_FAILURES = 100
_TELLING: tuple[Cause | None, ...] = ("device-lost", "out-of-memory", None)


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """Closed loop, one query at a time: a query is `rows_per_query` rows and starts when the one before has ended."""

    rows_per_query: int = 1


class AllDue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything is due at the start: rows are taken as fast as workers finish them."""


class Scheduled(msgspec.Struct, frozen=True, kw_only=True):
    """Open loop: query i, of one sample, is due `times_ns[i]` after t0, whatever the engine does; times ascend.

    Queries that are due together make one row, at most the lane's batch; a row that is not full waits for
    `max_wait_ns` after its first query fell due. What nobody takes within `drop_after_ns` of its due time is dropped:
    a frame that is too old. A row that takes longer than `timeout_ns` has failed. What is not taken `give_up_ns` after
    t0 has failed, too.
    """

    times_ns: NDArray[np.int64]
    max_wait_ns: int = 0
    drop_after_ns: int | None = None
    timeout_ns: int | None = None
    give_up_ns: int | None = None


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of work: how it is issued, what is fed, and who works on it."""

    issue: Closed | AllDue | Scheduled
    samples: LoadedSet
    sessions: tuple[Session, ...]
    rings: tuple[OutputRing, ...]

    @property
    def rows_per_query(self) -> int:
        return self.issue.rows_per_query if isinstance(self.issue, Closed) else 1

    def whole_queries(self, rows: float) -> int:
        """`rows` rounded up to whole queries, at least one of them."""
        return max(1, math.ceil(rows / self.rows_per_query)) * self.rows_per_query


class LateCount:
    """Counts queries that end later than `bound_ns` after they were due; `full` once more than `most` did.

    Where queries belong to groups (`group`, one number per query) they are counted in each, and one is enough to be
    full. A trial of a search stops there: no later answer can mend it.
    """

    def __init__(self, bound_ns: int, most: int, group: NDArray[np.int32] | None = None) -> None:
        self._bound_ns, self._most, self._group = bound_ns, most, group
        self._counts = np.zeros(1 if group is None else int(group.max()) + 1, np.int64)
        self.late = self._failed = 0
        self.full = False

    @property
    def failing(self) -> bool:
        """Whether failed queries alone are too many: such an engine is not slow but broken."""
        return self._failed > self._most

    def add(self, first: int, due_ns: NDArray[np.int64], ended_ns: int, failed: bool = False) -> None:
        """Queries from number `first` on, due at `due_ns` (ascending, ns after t0), ended at `ended_ns`."""
        if failed:
            self._failed += len(due_ns)
        late = len(due_ns) if failed else int(due_ns.searchsorted(ended_ns - self._bound_ns, side="left"))
        if late == 0:
            return
        self.late += late
        if self._group is None:
            self._counts[0] = self.late
        else:
            self._counts += np.bincount(self._group[first : first + late], minlength=len(self._counts))
        self.full = bool(self._counts.max() > self._most)


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One drive of a lane, as its workers share it: where rows are written, who looks on, and what went wrong."""

    lane: Lane
    timeline: Timeline
    secret: SecretSample | None = None
    late: LateCount | None = None
    witness: Witness | None = None
    failures: list[Fault] = []
    raised: list[BaseException] = []

    @property
    def broken(self) -> bool:
        """Whether the engine is not to be asked again: too many calls failed, or its device is lost."""
        return len(self.failures) >= MOST_FAILURES or any(one.cause == "device-lost" for one in self.failures)

    @property
    def fault(self) -> Fault | None:
        """The failure that says most: a lost device before want of memory before others, and of these the first."""
        return min(self.failures, key=lambda one: _TELLING.index(one.cause), default=None)

    def stopped(self) -> bool:
        """Whether nothing more is to be handed out."""
        full = self.late is not None and self.late.full
        return full or bool(self.raised) or (bool(self.failures) and self.broken)

    def check(self, rows: int) -> None:
        """Raises Broken where so many of `rows` failed that the engine is not slow or shaky but broken."""
        failing = self.late is not None and self.late.failing
        if self.fault is not None and (self.broken or failing or len(self.failures) >= rows):
            raise Broken(self.fault)


class Broken(RuntimeError):
    """The engine fails query after query, or for good; the message is its first error, or that it lost its device."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.words)
        self.cause = fault.cause


def fault_of(error: BaseException) -> Fault:
    """An error of an engine as it is told and kept; without the error, whose traceback would hold arrays."""
    cause: Cause | None = error.cause if isinstance(error, Broken) else cause_of(error)
    return Fault(words=one_line(error), cause=cause)


def one_line(error: BaseException) -> str:
    """An error in one line: the message alone where it was written for people, else with its type."""
    try:
        text = next(iter(str(error).strip().splitlines()), "")
    except Exception:  # noqa: BLE001 - a vendor's exception may even fail to print itself
        text = ""
    if text and isinstance(error, EngineError | Broken):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
