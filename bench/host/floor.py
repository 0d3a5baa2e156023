"""The floor of this host under every latency: its clock, how late a wait ends, how long a switch of threads takes."""

from __future__ import annotations

import sys
import threading
import time

import msgspec
import numpy as np

from bench.records.numbers import Lateness
from bench.scoring.lateness import lateness

# How the driver of open loops waits, and so does the measurement here: asleep until this long before the due moment,
# then spinning. A sleeping thread wakes up too late by about this much.
SPIN_NS = 80_000
_AHEAD_NS = 1_000_000
_READINGS, _PARTS = 20_000, 20


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a host: ns a clock reading and its smallest step; delays of sleeps, waits and switches.

    `asleep` is how late plain sleeps end, `waiting` how late waits end that spin through their last part as the
    driver's do, `switching` how long after one thread lets another go on that one runs.
    """

    reading_ns: float
    step_ns: int
    asleep: Lateness
    waiting: Lateness
    switching: Lateness

    @property
    def closed_loop_ns(self) -> float:
        """Latencies of a closed loop that differ by less cannot be told apart: a reading is inside, a step unsure."""
        return self.reading_ns + self.step_ns


def measure_floor(waits: int) -> Floor:
    """Measure this host's floor; takes two milliseconds per wait."""
    reading_ns, step_ns = clock_readings()
    return Floor(
        reading_ns=reading_ns,
        step_ns=step_ns,
        asleep=wake_ups(waits, spin_ns=0),
        waiting=wake_ups(waits, spin_ns=SPIN_NS),
        switching=thread_switches(waits),
    )


def clock_readings(count: int = _READINGS) -> tuple[float, int]:
    """What a reading of the harness's clock takes, and the smallest step that it was seen to make, in ns."""
    now = time.perf_counter_ns
    readings = [now() for _ in range(count + 1)]
    while readings[-1] == readings[0]:
        readings.append(now())  # a clock so coarse that it stood still all along
    steps = np.diff(np.array(readings, np.int64))
    # The median of parts: one that another process interrupted says nothing of the clock.
    cost_ns = float(np.median([part.mean() for part in np.array_split(steps, _PARTS)]))
    return cost_ns or float(steps.mean()), int(steps[steps > 0].min())


def wake_ups(count: int, spin_ns: int) -> Lateness:
    """How late a wait for a moment 1 ms ahead ends; `spin_ns` before it sleep gives way to spinning, 0 for never."""
    delays = []
    for _ in range(count):
        due_ns = time.perf_counter_ns() + _AHEAD_NS
        while (left_ns := due_ns - time.perf_counter_ns()) > 0:
            if left_ns > spin_ns:
                time.sleep((left_ns - spin_ns) * 1e-9)
        delays.append(time.perf_counter_ns() - due_ns)
    return lateness(np.array(delays, np.int64))


def thread_switches(count: int) -> Lateness:
    """How long after one thread lets another go on that one runs; the interpreter's lock changes hands with it."""
    go, back = threading.Semaphore(0), threading.Semaphore(0)
    let_go_ns, delays = 0, []

    def other() -> None:
        for _ in range(count):
            go.acquire()
            delays.append(time.perf_counter_ns() - let_go_ns)
            back.release()

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    for _ in range(count):
        let_go_ns = time.perf_counter_ns()
        go.release()
        back.acquire()
    thread.join()
    return lateness(np.array(delays, np.int64))


def has_gil() -> bool:
    """Whether this interpreter has its lock; builds without it exist since Python 3.13."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())
