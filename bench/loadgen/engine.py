"""The engine of a repetition, in this process or in one of its own; which of the two, the measurement says."""

from __future__ import annotations

import sys

from bench.apart.remote import RemoteModel, RemoteSession
from bench.backends.base import Compiled, EngineError, Model, Options, find_device
from bench.backends.registry import load_backend
from bench.loadgen.lane import Lane
from bench.records.host import Device, Facts
from bench.records.job import HandOver, Job
from bench.tasks.base import ERROR_CLASS

_NULL_CALLS = 2000
# Recomputing on the same engine may take another kernel or order of sums, so it is allowed ten times the error
# class; int8 has none, and gets the step of its grid.
RECOMPUTED: dict[str, float] = {name: 10 * limit for name, limit in ERROR_CLASS.items()} | {"int8": 0.1}


def compiled_for(job: Job, model: Model, options: Options) -> tuple[Device, Compiled]:
    """The model made ready, and the device it was made ready for. Raises PluginError, Unsupported or EngineError."""
    if job.measurement.session_process == "own":
        # Its standard output and error are this process's: the trial's log.
        where = f"{job.folder}/child.log"
        remote = RemoteModel(job.backend, job.device, model, options, output=sys.stdout.fileno(), where=where)
        _check_precision(remote.facts)
        return remote.device, remote
    backend = load_backend(job.backend)
    device = find_device(backend, job.device)
    compiled = backend.compile(model, device, options)
    _check_precision(compiled.facts)
    return device, compiled


def hand_over(lane: Lane) -> HandOver | None:
    """What it costs to hand a batch to the engine's own process, on a null session; None where it has none."""
    session = lane.sessions[0]
    if not isinstance(session, RemoteSession):
        return None
    return session.hand_over(lane.samples.row(0), lane.rings[0].slots[0], _NULL_CALLS)


def _check_precision(facts: Facts) -> None:
    if facts.precision_executed not in RECOMPUTED:
        known = ", ".join(RECOMPUTED)
        raise EngineError(f"{facts.engine} says it executes in {facts.precision_executed!r}; expected one of {known}.")
