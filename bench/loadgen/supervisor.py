"""The parent's side of one repetition: start the child, follow its phases, and put an end to it when it hangs.

A child that crashes, hangs or is killed costs its own repetition and nothing else.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.host.engine_environment import engine_environment
from bench.records.job import Event, Failure, Job, Phase, Report
from bench.store.files import write_record
from bench.store.places import cache_directory

# A phase may take this long plus five times what the child expects of it, before it is taken for hung.
PATIENCE_S = 120.0
_LOG_NAME = "child.log"


class RepetitionFailed(RuntimeError):
    """The child did not deliver; `usage` when the request was wrong and no other repetition could do better."""

    def __init__(self, message: str, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


def run_repetition(job: Job, observe: Callable[[Phase], None], patience_s: float | None = None) -> Report:
    """Run `job` in a child process and return its report. Raises RepetitionFailed; the child is gone on return."""
    folder = Path(job.folder)
    write_record(folder / "job.json", job)
    patience_s = patience_s or float(os.environ.get("BENCH_PATIENCE_S", PATIENCE_S))
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as events, open(folder / _LOG_NAME, "wb") as log:
        child = _start(folder, job, writing, log.fileno())
        try:
            failure = _follow(child, events.fileno(), observe, patience_s)
            code = child.wait(timeout=patience_s) if failure is None else None
        except subprocess.TimeoutExpired:
            failure, code = Failure(message="the engine's process does not end after its work is done"), None
        finally:
            _end(child)
    if failure is not None:
        raise RepetitionFailed(failure.message, failure.usage)
    if code != 0:
        raise RepetitionFailed(_obituary(child.returncode, folder / _LOG_NAME))
    return msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)


def _start(folder: Path, job: Job, writing: int, log: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.loadgen.child", str(folder / "job.json"), str(writing), str(os.getpid())]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
            env=engine_environment(cache_directory(), job.measurement.threads),
        )
    finally:
        os.close(writing)


def _follow(
    child: subprocess.Popen[bytes], events: int, observe: Callable[[Phase], None], patience_s: float
) -> Failure | None:
    """Read events until the child closes its end; None when it did so without a failure."""
    pending = b""
    phase, deadline = "start", time.monotonic() + patience_s
    with selectors.DefaultSelector() as selector:
        selector.register(events, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return Failure(message=f"the engine hangs: no sign of life in phase `{phase}`; it was stopped")
            received = os.read(events, 1 << 16)
            if not received:
                return None
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                event: Event = msgspec.json.decode(line, type=Event)  # type: ignore[arg-type]  # a union is a type to msgspec
                if isinstance(event, Failure):
                    return event
                phase, deadline = event.name, time.monotonic() + patience_s + 5 * event.expected_s
                observe(event)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's whole process group: an engine may have started helpers of its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # the group is already gone, which is what is wanted
    child.wait()


def _obituary(code: int, log: Path) -> str:
    if code < 0:
        try:
            cause = signal.Signals(-code).name
        except ValueError:
            cause = f"signal {-code}"
        return f"the engine's process was ended by {cause}; its output is in {log}"
    return f"the engine's process ended with code {code}; its output is in {log}"
