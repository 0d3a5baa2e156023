"""The engine of a repetition, in this process or in one of its own; which of the two, the measurement says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import perf_counter_ns

from bench.apart.remote import RemoteModel, RemoteSession
from bench.backends.base import Backend, Compiled, Distant, EngineError, Model, Options, Unsupported, find_device
from bench.backends.registry import load_backend
from bench.backends.trimming import compile_trimmed
from bench.loadgen.lane import Lane
from bench.records.host import Device, Facts
from bench.records.job import HandOver, Job, RoundTrip
from bench.tasks.base import ERROR_CLASS

_NULL_CALLS = 2000
_ECHOES = 200
# Recomputing on the same engine may take another kernel or order of sums, so it is allowed ten times the error
# class; int8 has none, and gets the step of its grid.
RECOMPUTED: dict[str, float] = {name: 10 * limit for name, limit in ERROR_CLASS.items()} | {"int8": 0.1}


def find_devices(backend: Backend, addresses: Sequence[str]) -> list[Device]:
    """The devices at `addresses`, in their order. Raises Unsupported for one that is not there or comes twice."""
    found: dict[str, str] = {}
    devices = []
    for address in addresses:
        device = find_device(backend, address)
        if device.address in found:
            raise Unsupported(
                f"`--device {address}` and `--device {found[device.address]}` are the same device ({device.address}); "
                "name each once, and use `--workers` for several sessions on it."
            )
        found[device.address] = address
        devices.append(device)
    return devices


def compiled_for(job: Job, model: Model, options: Options) -> list[tuple[Device, Compiled]]:
    """Every device of the measurement with the model made ready for it.

    Raises PluginError, Unsupported, or EngineError, also for a precision that we do not know.
    """
    compiled = _apart(job, model, options) if job.measurement.session_process == "own" else _here(job, model, options)
    for _, one in compiled:
        _check_precision(one.facts)
    return compiled


def hand_over(lane: Lane) -> HandOver | None:
    """What it costs to hand a batch to the engine's own process, on a null session; None where it has none."""
    session = lane.sessions[0]
    if not isinstance(session, RemoteSession):
        return None
    return session.hand_over(lane.samples.row(0), lane.rings[0].slots[0], _NULL_CALLS)


def round_trip(lane: Lane) -> RoundTrip | None:
    """What it costs to go to a served model and back for nothing; None where the engine is on this host.

    Raises EngineError where it answers no more.
    """
    session = lane.sessions[0]
    if not isinstance(session, Distant):
        return None
    taken = []
    for _ in range(_ECHOES):
        begun = perf_counter_ns()
        session.echo()
        taken.append(perf_counter_ns() - begun)
    taken.sort()
    return RoundTrip(calls=_ECHOES, p50_ns=taken[_ECHOES // 2], p99_ns=taken[_ECHOES * 99 // 100])


def _here(job: Job, model: Model, options: Options) -> list[tuple[Device, Compiled]]:
    backend = load_backend(job.backend)
    # All are looked for, also where one is used: a plan with a wrong device fails at once.
    devices = find_devices(backend, (job.device, *job.more_devices))[: job.measurement.devices]
    return [(device, compile_trimmed(backend, model, device, options)) for device in devices]


def _apart(job: Job, model: Model, options: Options) -> list[tuple[Device, Compiled]]:
    # Its standard output and error are this process's: the trial's log.
    where = f"{job.folder}/child.log"
    remote = RemoteModel(job.backend, job.device, model, options, output=sys.stdout.fileno(), where=where)
    return [(remote.device, remote)]


def _check_precision(facts: Facts) -> None:
    if facts.precision_executed not in RECOMPUTED:
        known = ", ".join(RECOMPUTED)
        raise EngineError(f"{facts.engine} says it executes in {facts.precision_executed!r}; expected one of {known}.")
