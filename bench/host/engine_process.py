"""A process of its own for an engine: started and ended in one way, whoever needs one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from bench.host.engine_environment import engine_environment
from bench.store.places import cache_directory


def start_engine_process(
    module: str,
    arguments: Sequence[str],
    *,
    threads: int = 1,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `python -m module` as the leader of a process group of its own, with our caches for engines.

    `stdout` and `stderr` are file descriptors, or what `subprocess` has for them.
    """
    return subprocess.Popen(
        # -P: what lies in the current folder, perhaps a `bench` or a `numpy.py`, is not imported.
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        start_new_session=True,
        env=engine_environment(cache_directory(), threads),
    )


def kill_engine_process(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group: an engine may have started helpers of its own."""
    with contextlib.suppress(ProcessLookupError):  # the group is already gone, which is what is wanted
        os.killpg(child.pid, signal.SIGKILL)
