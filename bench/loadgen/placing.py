"""One model made ready on one or several devices, whose sessions share a lane; workers count device by device.

Every device is held to the answers of the first one, whose quality was checked: see `verify_placed`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from bench.backends.base import Compiled, Model, Session
from bench.loadgen.answering import verify
from bench.loadgen.engine import RECOMPUTED
from bench.loadgen.outputs import Kept
from bench.loadgen.samples import LoadedSet, Named
from bench.records.host import Device, DeviceFacts
from bench.records.job import Verification


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """Devices with what was compiled for each, and all sessions: those of the first device, then of the next."""

    on: tuple[DeviceFacts, ...]
    sessions: tuple[Session, ...]


@contextlib.contextmanager
def placed(compiled: Sequence[tuple[Device, Compiled]], workers: int) -> Iterator[Placed]:
    """Open `workers` sessions of each device's model. Raises as the backend does.

    Closed in order where all went well; what failed is not touched again.
    """
    sessions = tuple(one.open(worker) for _, one in compiled for worker in range(workers))
    yield Placed(on=tuple(DeviceFacts(device=device, facts=one.facts) for device, one in compiled), sessions=sessions)
    for session in sessions:
        session.close()
    for _, one in compiled:
        one.close()


def verify_placed(
    ready: Placed,
    model: Model,
    samples: LoadedSet,
    kept: Kept,
    first: Named,
    lost: Sequence[int] = (),
) -> Verification:
    """Recompute the kept rows of each device on that device, and compare them with `first`, the first device's answers.

    A second run on the same device shows that it stands by what was timed; the comparison with `first` shows that a
    device beside the checked one answers as that one does. The coarsest precision's tolerance holds for all. Sessions
    that were `lost`, by number, are not asked again; a device that has no other is left out.
    """
    tolerance = max(RECOMPUTED[entry.facts.precision_executed] for entry in ready.on)
    workers = len(ready.sessions) // len(ready.on)
    found = []
    for device in range(len(ready.on)):
        sound = next((one for one in range(device * workers, (device + 1) * workers) if one not in lost), None)
        if sound is None:
            continue
        own = {number: rows for number, rows in kept.kept.items() if kept.worker[number] // workers == device}
        found.append(verify(ready.sessions[sound], model, samples, own, first, tolerance))
    largest = [entry.largest_error for entry in found]
    return Verification(
        samples=sum(entry.samples for entry in found),
        mismatched=sum(entry.mismatched for entry in found),
        largest_error=None if None in largest else max(error for error in largest if error is not None),
    )
