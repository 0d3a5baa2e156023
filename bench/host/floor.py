"""The floor of this host under every latency: how late a wait ends, how long a switch of threads takes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence

import msgspec

# As the driver of open loops waits: asleep until this long before the due moment, then spinning.
SPIN_NS = 80_000
_AHEAD_NS = 1_000_000


class Lateness(msgspec.Struct, frozen=True, kw_only=True):
    """Median, 99th percentile (sorted[floor(n p)]) and maximum of `n` delays, in ns."""

    n: int
    p50_ns: int
    p99_ns: int
    max_ns: int


def lateness(delays_ns: Sequence[int]) -> Lateness:
    """Raises ValueError when there is no delay."""
    if not delays_ns:
        raise ValueError("no delay was taken")
    ordered, n = sorted(delays_ns), len(delays_ns)
    return Lateness(n=n, p50_ns=ordered[n // 2], p99_ns=ordered[n * 99 // 100], max_ns=ordered[-1])


def wake_ups(count: int, spin_ns: int) -> Lateness:
    """How late a wait for a moment 1 ms ahead ends; `spin_ns` before it sleep gives way to spinning, 0 for never."""
    delays = []
    for _ in range(count):
        due_ns = time.perf_counter_ns() + _AHEAD_NS
        while (left_ns := due_ns - time.perf_counter_ns()) > 0:
            if left_ns > spin_ns:
                time.sleep((left_ns - spin_ns) * 1e-9)
        delays.append(time.perf_counter_ns() - due_ns)
    return lateness(delays)


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
    return lateness(delays)


def interpreter() -> str:
    """What of Python decides how threads take turns: its lock, and how long a thread may keep it."""
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    lock = "with the GIL" if locked else "without the GIL"
    return f"{lock}, switch interval {sys.getswitchinterval() * 1e3:g} ms"
