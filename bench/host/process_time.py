"""Processor time of this process and of all that it started: what an engine's helpers spend counts, too.

What is still running is read from `/proc` (in the kernel's ticks of 10 ms), what has ended is in this process's own
account. Only what a process started that left its parents behind would be missed; `keep_orphans` has it stay a child.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource

_PR_SET_CHILD_SUBREAPER = 36
_TRIES = 5


def keep_orphans() -> None:
    """Have descendants whose parents end become children of this process (Linux), where their time is still seen."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def tree_s() -> float:
    """Seconds so far, by a walk through `/proc`; again where a process ends meanwhile, which would count twice."""
    for _ in range(_TRIES):
        ended_s = _used_s(resource.RUSAGE_CHILDREN)
        total_s = _used_s(resource.RUSAGE_SELF) + ended_s + _living_s()
        if _used_s(resource.RUSAGE_CHILDREN) == ended_s:
            break
    return total_s


def _living_s() -> float:
    """Of all descendants that are there, with what they started and waited for."""
    import psutil

    total = 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended: its time is in its parent's account
            times = child.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _used_s(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime
