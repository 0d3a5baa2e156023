"""Joules in a window from readings around and in it, and how far off they may be for want of readings in between.

A counter's energy at a moment lies between its readings around that moment. Power between two readings is taken to lie
between them: the trapezoid rule is then off by half the difference times the time at most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
_NS = 1e-9


def unwrapped(joules: Float64s, wraps_at: float | None) -> Float64s:
    """Readings of a counter as if it had not wrapped, (n,); NaN from where it fell otherwise: it was reset."""
    steps = np.diff(joules)
    fell = steps < 0
    if wraps_at is not None:
        steps = np.where(fell, steps + wraps_at, steps)
        fell = steps < 0
    risen = np.where(fell, np.nan, steps)
    return np.concatenate([joules[:1], joules[0] + np.cumsum(risen)]) if joules.size else joules


def counted_energy(times_ns: Int64s, joules: Float64s, begin_ns: int, end_ns: int) -> tuple[float, float] | None:
    """Joules between two moments by a rising counter, and the greatest error; None where readings do not cover them."""
    ends = [_between(times_ns, joules, moment) for moment in (begin_ns, end_ns)]
    if any(found is None for found in ends):
        return None
    (first, before), (last, after) = (found for found in ends if found is not None)
    energy = last - first
    return (energy, before + after) if np.isfinite(energy) else None


def sampled_energy(times_ns: Int64s, watts: Float64s, begin_ns: int, end_ns: int) -> tuple[float, float] | None:
    """Joules between two moments by readings of power, and the greatest error; None where they do not cover them."""
    if not _covers(times_ns, begin_ns, end_ns):
        return None
    inside = (times_ns > begin_ns) & (times_ns < end_ns)
    at_ends = np.interp([begin_ns, end_ns], times_ns, watts)
    power = np.concatenate([at_ends[:1], watts[inside], at_ends[1:]])
    moments = np.concatenate([[begin_ns], times_ns[inside], [end_ns]])
    seconds = np.diff(moments).astype(np.float64) * _NS
    means, halves = (power[1:] + power[:-1]) / 2.0, np.abs(np.diff(power)) / 2.0
    return float(means @ seconds), float(halves @ seconds)


def longest_gap_s(times_ns: Int64s, begin_ns: int, end_ns: int) -> float | None:
    """The longest time without a reading in a window that readings cover; None where they do not."""
    if not _covers(times_ns, begin_ns, end_ns):
        return None
    first = int(np.searchsorted(times_ns, begin_ns, side="right")) - 1
    last = int(np.searchsorted(times_ns, end_ns, side="left"))
    return float(np.diff(times_ns[first : last + 1]).max(initial=0)) * _NS


def _covers(times_ns: Int64s, begin_ns: int, end_ns: int) -> bool:
    return times_ns.size >= 2 and int(times_ns[0]) <= begin_ns <= end_ns <= int(times_ns[-1])


def _between(times_ns: Int64s, joules: Float64s, moment_ns: int) -> tuple[float, float] | None:
    """A counter's value at a moment, and how far off it may be: it may show what it was one reading earlier."""
    if not _covers(times_ns, moment_ns, moment_ns):
        return None
    after = min(max(int(np.searchsorted(times_ns, moment_ns, side="left")), 1), times_ns.size - 1)
    value = float(np.interp(moment_ns, times_ns, joules))
    latest = min(after + 1, times_ns.size - 1)
    return value, max(value - float(joules[after - 1]), float(joules[latest]) - value)
