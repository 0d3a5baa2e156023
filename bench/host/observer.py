"""Energy and state, read from before an engine's process starts until after it has ended: idle, at work, idle.

It happens in the parent's process, which waits meanwhile, so that no thread of it stands beside a worker's.
"""

from __future__ import annotations

import time
from types import TracebackType

import msgspec

from bench.host.state import StateWatch, knobs_here
from bench.power.choice import Sources
from bench.power.meter import clocks_now
from bench.power.recorder import Recorder, Trace
from bench.power.sensor import Unreadable
from bench.records.state import State

# How long the machine is left alone before and after; `quick` is a look.
IDLE_S, QUICK_IDLE_S = 3.0, 1.0
# Of one source, in a block of hours: ten a second for ten hours, 40 MB.
MOST_READINGS = 360_000


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """Readings of every source, the state, and when the machine was idle, before and after, in ns of our clock."""

    state: State
    traces: tuple[Trace, ...]
    unread: dict[str, str]
    idle_before_ns: tuple[int, int]
    idle_after_ns: tuple[int, int]

    @property
    def reading_share(self) -> float | None:
        """What reading took of one processor's time."""
        seconds = (self.idle_after_ns[1] - self.idle_before_ns[0]) * 1e-9
        return sum(trace.reading_s for trace in self.traces) / seconds if self.traces and seconds > 0 else None


class Observer:
    """A block in which sources are read: idle, then what the block does, then idle again."""

    def __init__(self, sources: Sources, idle_s: float, expected_s: float = 0.0) -> None:
        """`expected_s` is how long the block will take: sources are read less often in one of hours."""
        self._sources, self._pause_s = sources, expected_s / MOST_READINGS
        self._idle_s = idle_s if sources.sensors or sources.meters else 0.0

    def __enter__(self) -> Observer:
        self._clocks = clocks_now()
        self._recorder = Recorder(self._sources.sensors, self._pause_s)
        time.sleep(self._idle_s)
        self._state = StateWatch(knobs_here())
        self._begun_ns = time.perf_counter_ns()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended_ns = time.perf_counter_ns()
        self._seen = self._state.stop()
        if kind is None:
            time.sleep(self._idle_s)
        self._traces = self._recorder.stop()

    def watched(self) -> Watched:
        """What was read; to be asked after the block. Waits for the last lines of a meter's file."""
        over_ns = self._ended_ns + round(self._idle_s * 1e9)
        traces, unread = list(self._traces), dict(self._sources.unread)
        for meter in self._sources.meters:
            try:
                traces.append(meter.trace(self._clocks, over_ns))
            except Unreadable as error:
                unread[meter.name] = str(error)
        return Watched(
            state=self._seen,
            traces=tuple(traces),
            unread=unread,
            idle_before_ns=(self._clocks.harness_ns, self._begun_ns),
            idle_after_ns=(self._ended_ns, over_ns),
        )
