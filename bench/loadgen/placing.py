"""One model made ready on one or several devices, whose sessions share a lane; workers count device by device.

Every device is held to the answers of the first one, whose quality was checked: see `verify_placed`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bench.backends.base import Backend, EngineError, Model, Options, Session, Unsupported, find_device
from bench.loadgen.answering import verify
from bench.loadgen.outputs import SecretSample
from bench.loadgen.samples import LoadedSet, Named
from bench.records.host import Device, DeviceFacts
from bench.records.job import Verification


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Devices with what was compiled for each, and all sessions: those of the first device, then of the next."""

    on: tuple[DeviceFacts, ...]
    sessions: tuple[Session, ...]


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


@contextlib.contextmanager
def placed(backend: Backend, model: Model, devices: Sequence[Device], options: Options) -> Iterator[Placed]:
    """Compile once per device and open `options.workers` sessions on each. Raises as the backend does.

    Closed in order where all went well; what failed is not touched again.
    """
    compiled = [backend.compile(model, device, options) for device in devices]
    sessions = tuple(one.open(worker) for one in compiled for worker in range(options.workers))
    yield Placed(
        on=tuple(DeviceFacts(device=device, facts=one.facts) for device, one in zip(devices, compiled, strict=True)),
        sessions=sessions,
    )
    for session in sessions:
        session.close()
    for one in compiled:
        one.close()


def check_precisions(on: Sequence[DeviceFacts], known: Mapping[str, float]) -> None:
    """Whether every device says that it executes in a precision we know. Raises EngineError."""
    for facts in (entry.facts for entry in on):
        if facts.precision_executed not in known:
            names = ", ".join(known)
            raise EngineError(
                f"{facts.engine} says it executes in {facts.precision_executed!r}; expected one of {names}."
            )


def verify_placed(
    ready: Placed,
    model: Model,
    samples: LoadedSet,
    secret: SecretSample,
    first: Named,
    tolerances: Mapping[str, float],
    lost: Sequence[int] = (),
) -> Verification:
    """Recompute the kept rows of each device on that device, and compare them with `first`, the first device's answers.

    A second run on the same device shows that it stands by what was timed; the comparison with `first` shows that a
    device beside the checked one answers as that one does. The coarsest precision's tolerance holds for all. Sessions
    that were `lost`, by number, are not asked again; a device that has no other is left out.
    """
    tolerance = max(tolerances[entry.facts.precision_executed] for entry in ready.on)
    workers = len(ready.sessions) // len(ready.on)
    found = []
    for device in range(len(ready.on)):
        sound = next((one for one in range(device * workers, (device + 1) * workers) if one not in lost), None)
        if sound is None:
            continue
        kept = {number: rows for number, rows in secret.kept.items() if secret.worker[number] // workers == device}
        found.append(verify(ready.sessions[sound], model, samples, kept, first, tolerance))
    largest = [entry.largest_error for entry in found]
    return Verification(
        samples=sum(entry.samples for entry in found),
        mismatched=sum(entry.mismatched for entry in found),
        largest_error=None if None in largest else max(error for error in largest if error is not None),
    )
