"""The parent's side of one repetition: start the child, follow its phases, and put an end to it when it hangs.

A child that crashes, hangs or is killed costs its own repetition and nothing else.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from bench.host.engine_process import kill_engine_process, obituary, start_engine_process
from bench.host.oom import OomWatch
from bench.records.findings import Cause
from bench.records.job import Compiled, Event, Failure, Job, Phase, Report, SearchReport, Seed
from bench.store.files import write_record
from bench.store.runs import REPORT, SEARCH

# A phase may take this long plus five times what the child expects of it, before it is taken for hung.
PATIENCE_S = 120.0
# How often to look whether the child is still there while it says nothing.
_GLANCE_S = 1.0
_LOG_NAME = "child.log"
Left = TypeVar("Left", Report, SearchReport)


class RepetitionFailed(RuntimeError):
    """The child did not deliver; `usage` when the request was wrong and no other repetition could do better.

    `late`: it was stopped at the end of the time that it was given. `cause`: why, where that is known.
    """

    def __init__(self, message: str, usage: bool = False, late: bool = False, cause: Cause | None = None) -> None:
        super().__init__(message)
        self.usage, self.late, self.cause = usage, late, cause


def run_repetition(
    job: Job, observe: Callable[[Phase], None], patience_s: float | None = None, limit_s: float | None = None
) -> Report:
    """Run `job`, and those beside it, in a child process for `limit_s` at most, and return its report.

    The child is gone on return.
    Raises RepetitionFailed, or OSError where there is no room for what is measured.
    """
    _run_child(job, observe, patience_s, limit_s)
    return left_report(job)


def run_accuracy(job: Job, observe: Callable[[Phase], None]) -> None:
    """LoadGen's accuracy test in a child process, which leaves its logs in the job's folder; as `run_repetition`."""
    _run_child(job, observe, None, None)


def left_report(job: Job) -> Report:
    """The report that the child left of one of its jobs. Raises RepetitionFailed."""
    return _left(Path(job.folder), REPORT, Report)


def run_search(
    job: Job, observe: Callable[[Phase], None], patience_s: float | None = None, limit_s: float | None = None
) -> SearchReport:
    """Run a search for a rate in a child process; as `run_repetition`."""
    _run_child(job, observe, patience_s, limit_s)
    return _left(Path(job.folder), SEARCH, SearchReport)


def _run_child(job: Job, observe: Callable[[Phase], None], patience_s: float | None, limit_s: float | None) -> None:
    folder = Path(job.folder)
    write_record(folder / "job.json", _without_seeds(job))
    patience_s = patience_s or float(os.environ.get("BENCH_PATIENCE_S", PATIENCE_S))
    ends = time.monotonic() + (limit_s or math.inf)
    kills = OomWatch()
    (reading, writing), (seeds, answering) = os.pipe(), os.pipe()
    with (
        os.fdopen(reading, "rb", buffering=0) as events,
        os.fdopen(answering, "wb", buffering=0) as answers,
        open(folder / _LOG_NAME, "wb") as log,
    ):
        child = _start(folder, job, (writing, seeds), log.fileno())

        def heard(event: Phase | Compiled) -> None:
            if isinstance(event, Phase):
                observe(event)
            else:
                _answer(answers, event, job)

        try:
            failure = _follow(child, events.fileno(), heard, patience_s, ends)
            code = child.wait(timeout=min(patience_s, limit_s or patience_s)) if failure is None else None
        except subprocess.TimeoutExpired:
            failure, code = Failure(message="the engine's process does not end after its work is done"), None
        finally:
            _end(child)
    if failure is not None and failure.no_room is not None:
        raise OSError(failure.no_room, os.strerror(failure.no_room), job.folder)
    if failure is not None:
        if time.monotonic() >= ends:
            raise RepetitionFailed(f"it took longer than the {limit_s:.0f} s that it was given", late=True)
        raise RepetitionFailed(failure.message, failure.usage, cause=failure.cause)
    if code != 0:
        fault = obituary("the engine's process", child.returncode, kills, folder / _LOG_NAME)
        raise RepetitionFailed(fault.words, cause=fault.cause)


def _left(folder: Path, name: str, kind: type[Left]) -> Left:
    try:
        return msgspec.json.decode((folder / name).read_bytes(), type=kind)
    except FileNotFoundError:
        message = "the engine's process ended with code 0 before its work was done"
    except msgspec.DecodeError as error:
        message = f"the engine's process left a report that cannot be used: {error}"
    raise RepetitionFailed(f"{message}; its output is in {folder / _LOG_NAME}")


def _without_seeds(job: Job) -> Job:
    """The job as its child finds it written: of a sealed one nothing that its seed could be told by."""
    beside = tuple(_without_seeds(one) for one in job.beside)
    return msgspec.structs.replace(job, seed=0 if job.sealed else job.seed, beside=beside)


def _answer(answers: IO[bytes], event: Compiled, job: Job) -> None:
    """Give the child the seed of what it has compiled; a child that is gone shows elsewhere."""
    named = {one.measurement.name: one for one in (job, *job.beside) if one.sealed}
    if event.measurement in named:
        with contextlib.suppress(BrokenPipeError):
            answers.write(msgspec.json.encode(Seed(seed=named[event.measurement].seed)) + b"\n")


def _start(folder: Path, job: Job, ends: tuple[int, int], log: int) -> subprocess.Popen[bytes]:
    try:
        return start_engine_process(
            "bench.loadgen.child",
            [str(folder / "job.json"), *map(str, ends), str(os.getpid())],
            threads=job.measurement.threads,
            stdout=log,
            stderr=log,
            pass_fds=ends,
        )
    finally:
        for end in ends:
            os.close(end)


def _follow(
    child: subprocess.Popen[bytes],
    events: int,
    heard: Callable[[Phase | Compiled], None],
    patience_s: float,
    ends: float,
) -> Failure | None:
    """Read events until the child closes its end, or it is `ends`; None when it closed it without a failure."""
    pending = b""
    phase, deadline = "start", min(ends, time.monotonic() + patience_s)
    with selectors.DefaultSelector() as selector:
        selector.register(events, selectors.EVENT_READ)
        while True:
            if not selector.select(min(_GLANCE_S, max(0.0, deadline - time.monotonic()))):
                if child.poll() is not None:
                    return None  # gone, though a helper of the engine still holds its end
                if time.monotonic() < deadline:
                    continue
                return Failure(message=f"the engine hangs: no sign of life in phase `{phase}`; it was stopped")
            received = os.read(events, 1 << 16)
            if not received:
                return None
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                event = _event(line)
                if isinstance(event, Failure):
                    return event
                if isinstance(event, Phase):
                    phase, deadline = event.name, min(ends, time.monotonic() + patience_s + 5 * event.expected_s)
                heard(event)


def _event(line: bytes) -> Event:
    try:
        event: Event = msgspec.json.decode(line, type=Event)
        return event
    except msgspec.DecodeError:
        return Failure(message=f"the engine's process sent what is no event: {line[:60]!r}")


def _end(child: subprocess.Popen[bytes]) -> None:
    kill_engine_process(child)
    child.wait()
