"""How quiet the machine was during a window of time, read from the kernel's counters before and after it.

Linux only; elsewhere, and where a counter cannot be read, the figure is None.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import msgspec

from bench.host.process_time import tree_s
from bench.records.host import Noise

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Start values: above these another process or the hypervisor takes a visible part of the machine.
FOREIGN_SHARE, STEAL_SHARE = 0.05, 0.02


class _Reading(msgspec.Struct, frozen=True, kw_only=True):
    at_s: float
    busy_s: float | None
    steal_s: float | None
    own_s: float
    switches: int
    swapped: int | None
    frequency_mhz: float | None


class Watch:
    """Begin with `Watch()`, end with `stop()`; own work is that of this process and of all that it started."""

    def __init__(self) -> None:
        self._before = _read()

    def stop(self) -> Noise:
        """What happened since."""
        before, after = self._before, _read()
        seconds = max(after.at_s - before.at_s, 1e-9)
        capacity_s = seconds * (os.cpu_count() or 1)
        own_s = after.own_s - before.own_s
        busy_s, steal_s = _difference(before.busy_s, after.busy_s), _difference(before.steal_s, after.steal_s)
        swapped = _difference(before.swapped, after.swapped)
        return Noise(
            seconds=seconds,
            foreign_cpu_share=None if busy_s is None else max(0.0, (busy_s - own_s) / capacity_s),
            steal_share=None if steal_s is None else max(0.0, steal_s / capacity_s),
            involuntary_switches_per_s=(after.switches - before.switches) / seconds,
            swapped_pages=None if swapped is None else int(swapped),
            frequency_change=_relative_change(before.frequency_mhz, after.frequency_mhz),
        )


def current_frequency_mhz() -> float | None:
    """Mean current clock of all CPUs from cpufreq; None on machines (most virtual ones) that do not show it."""
    readings = []
    for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq"):
        try:
            readings.append(int(path.read_text()) / 1000)
        except (OSError, ValueError):
            return None
    return sum(readings) / len(readings) if readings else None


def _read() -> _Reading:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    busy_s, steal_s = _cpu_seconds()
    return _Reading(
        at_s=time.monotonic(),
        busy_s=busy_s,
        steal_s=steal_s,
        own_s=tree_s(),
        switches=sum(usage.ru_nivcsw for usage in usages),
        swapped=_swapped_pages(),
        frequency_mhz=current_frequency_mhz(),
    )


def _cpu_seconds() -> tuple[float | None, float | None]:
    try:
        fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    except (OSError, ValueError, IndexError):
        return None, None
    return (user + nice + system + irq + softirq) / _TICKS_PER_S, steal / _TICKS_PER_S


def _swapped_pages() -> int | None:
    try:
        counters = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
        return int(counters["pswpin"]) + int(counters["pswpout"])
    except (OSError, ValueError, KeyError):
        return None


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _relative_change(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else abs(after / before - 1)
