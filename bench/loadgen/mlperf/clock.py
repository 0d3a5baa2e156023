"""Between LoadGen's clock and ours. Its `PerfClock` is libstdc++'s high-resolution clock, which is the wall clock.

A wall clock can be set while a test runs; how much the two went apart is part of every comparison.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns

_READINGS = 50


def wall_offset_ns() -> int:
    """Wall clock minus monotonic clock in ns, from the narrowest of some readings, one between two of the other."""
    best, offset = 1 << 62, 0
    for _ in range(_READINGS):
        before = perf_counter_ns()
        wall = time_ns()
        after = perf_counter_ns()
        if after - before < best:
            best, offset = after - before, wall - (before + after) // 2
    return offset
