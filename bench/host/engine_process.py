"""A process of its own for an engine: started and ended in one way, whoever needs one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.host.engine_environment import engine_environment
from bench.host.oom import OomWatch, Where
from bench.records.job import Fault
from bench.store.places import cache_directory

_PR_SET_PDEATHSIG = 1
_EXIT_ORPHANED = 3
_PLACES: dict[Where, str] = {"group": "in its control group", "machine": "on this machine"}


def start_engine_process(
    module: str,
    arguments: Sequence[str],
    *,
    threads: int = 1,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
    own_group: bool = True,
) -> subprocess.Popen[bytes]:
    """Start `python -m module` as the leader of a process group of its own, with our caches for engines.

    `stdout` and `stderr` are file descriptors, or what `subprocess` has for them. Without `own_group` it ends with
    the group of who starts it.
    """
    return subprocess.Popen(
        # -P: what lies in the current folder, perhaps a `bench` or a `numpy.py`, is not imported.
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        start_new_session=own_group,
        env=engine_environment(cache_directory(), threads),
    )


def kill_engine_process(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group: an engine may have started helpers of its own."""
    with contextlib.suppress(ProcessLookupError):  # the group is already gone, which is what is wanted
        os.killpg(child.pid, signal.SIGKILL)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent is gone (Linux), and notice if it went before that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_EXIT_ORPHANED)


def how_it_ended(code: int) -> str:
    """An exit code of `subprocess` in words: "ended by SIGSEGV", "ended with code 3"."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def obituary(who: str, code: int, kills: OomWatch, log: Path | str) -> Fault:
    """How `who` ended, where its output is, and whether the kernel killed for want of memory since `kills` was made.

    A kill counted in the process's own control group is taken for the cause; one elsewhere on the machine is told only.
    """
    where = kills.seen() if code == -signal.SIGKILL else None
    words = f"{who} {'was ' if code < 0 else ''}{how_it_ended(code)}"
    if where is not None:
        words += f", while the kernel killed for want of memory {_PLACES[where]}"
    return Fault(words=f"{words}; its output is in {log}", cause="out-of-memory" if where == "group" else None)
