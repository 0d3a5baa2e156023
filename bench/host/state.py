"""The state of this machine while something is measured: all knobs before and after, those that move once a second."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Sequence

import numpy as np

from bench.hardware.files import Files
from bench.hardware.knobs import Knob, Value, knobs
from bench.hardware.nvml import NoNvml, open_nvml
from bench.records.state import Course, State
from bench.scoring.trend import parts

# By which `bench host tune --apply` tells the command that it runs what it changed.
TUNED = "BENCH_HOST_TUNED"
_PERIOD_S = 1.0
# Knobs of which one counts how often clocks were held down, and the other says that they are.
_COUNT, _SLOWED = "throttled", "card_slowed"
_MOST_STRETCHES = 300


@functools.lru_cache(maxsize=1)
def knobs_here() -> tuple[Knob, ...]:
    """Those of this machine, found once."""
    try:
        nvml = open_nvml()
    except NoNvml:
        nvml = None
    return tuple(knobs(Files(), nvml))


class StateWatch:
    """Begins with `StateWatch(knobs)`, ends with `stop()`."""

    def __init__(self, watched: Sequence[Knob], period_s: float = _PERIOD_S) -> None:
        self._knobs, self._period_s = watched, period_s
        self._before = {knob.name: knob.read() for knob in watched}
        self._moving = [knob for knob in watched if isinstance(self._before[knob.name], float) and not knob.counts]
        self._noted: dict[str, list[float]] = {knob.name: [] for knob in self._moving}
        self._counting = [knob for knob in watched if knob.name == _COUNT and self._before[_COUNT] is not None]
        self._slowed: list[tuple[int, int]] = []
        self._over, self._busy_s, self._begun = threading.Event(), 0.0, time.monotonic()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> State:
        """What was seen."""
        self._over.set()
        self._thread.join(timeout=2.0)
        after = {knob.name: knob.read() for knob in self._knobs}
        seconds = max(time.monotonic() - self._begun, 1e-9)
        return State(
            before=_known(self._before),
            after=_known(after),
            during={name: _course(values) for name, values in self._noted.items() if values},
            unread={knob.name: knob.why() for knob in self._knobs if self._before[knob.name] is None},
            reading_share=self._busy_s / seconds,
            tuned=tuple(filter(None, os.environ.get(TUNED, "").split("; "))),
            slowed_ns=stretches(self._slowed),
        )

    def _follow(self) -> None:
        looked_ns, counted = time.perf_counter_ns(), self._before.get(_COUNT)
        while not self._over.wait(self._period_s):
            busy, now_ns = time.thread_time(), time.perf_counter_ns()
            seen = {knob.name: value for knob in self._moving if isinstance(value := knob.read(), float)}
            for name, value in seen.items():
                self._noted[name].append(value)
            count = next((knob.read() for knob in self._counting), None)
            if seen.get(_SLOWED, 0.0) > 0.0 or _rose(counted, count):
                self._slowed.append((looked_ns, now_ns))
            looked_ns, counted = now_ns, count
            self._busy_s += time.thread_time() - busy


def stretches(spans: Sequence[tuple[int, int]], most: int = _MOST_STRETCHES) -> tuple[tuple[int, int], ...]:
    """Spans (from, to) in their order, joined where they meet; of more than `most`, also across the shortest gaps."""
    if not spans:
        return ()
    table = np.array(spans, np.int64)
    gaps = table[1:, 0] - table[:-1, 1]
    allowed = 0 if np.count_nonzero(gaps > 0) < most else np.sort(gaps)[-most]
    apart = np.flatnonzero(gaps > allowed)
    begins, ends = table[np.r_[0, apart + 1], 0], table[np.r_[apart, len(table) - 1], 1]
    return tuple(zip(begins.tolist(), ends.tolist(), strict=True))


def _rose(before: Value | None, now: Value | None) -> bool:
    return isinstance(before, float) and isinstance(now, float) and now > before


def _known(values: dict[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


def _course(values: Sequence[float]) -> Course:
    return Course(
        least=min(values),
        mean=sum(values) / len(values),
        most=max(values),
        readings=len(values),
        values=tuple(parts(np.array(values)).tolist()),
    )
