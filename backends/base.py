"""The seam between the harness and an engine: devices, compile, open, run, close.

A backend never reads a clock for a result, never reports a latency or a throughput, and answers only in the arrays
that the harness hands it.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.plugins import suggestion
from bench.records.findings import Cause
from bench.records.host import Device, Facts
from bench.records.plan import Setting

Arrays = Mapping[str, NDArray[np.generic]]


class EngineError(RuntimeError):
    """An engine refused or failed; the message is one line for people, without a traceback."""


class Unsupported(EngineError):
    """The request cannot be served here, whatever the engine does: no such device, precision or setting."""


class OutOfMemory(EngineError):
    """Memory of the device, or of the host, does not suffice: with fewer samples at once, or fewer workers, it may."""


class DeviceLost(EngineError):
    """The device answers this process no more: it fell off the bus, was reset, hangs, or a fault ended its context.

    Nothing more is asked of it after this.
    """


_ERRORS: dict[Cause | None, type[EngineError]] = {
    None: EngineError,
    "out-of-memory": OutOfMemory,
    "device-lost": DeviceLost,
}


def engine_error(words: str, cause: Cause | None) -> EngineError:
    """The error of the seam that says why."""
    return _ERRORS[cause](words)


def cause_of(error: BaseException) -> Cause | None:
    """The finding code of an error that has one of its own; Python's and the system's words for it count as well."""
    if isinstance(error, OutOfMemory | MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "out-of-memory"
    return "device-lost" if isinstance(error, DeviceLost) else None


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """Name, numpy dtype name and shape without the batch axis."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Varying(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Samples of different lengths: which input (a number per sample) says how long each is, and what becomes shorter.

    `units`: tensors whose first axis has the length, with the places on it that come and go together in all of them;
    the first is the one that the length counts places of. Beyond a sample's own length the network ignores what is fed
    and answers zeros, so that it may be asked at any length from there up to the declared one. `places_per_s`: how many
    places of the length are a second, where samples are recordings.
    """

    length: str
    units: dict[str, int]
    places_per_s: float | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """An ONNX file and what the harness will feed it and expects of it; the batch axis comes first.

    `fixed_batch` is the only batch size the file takes, None when the axis is free. `network` is the dotted name of a
    Python module whose `load_shipped(graph)` builds the same network with the same weights as a torch module (inputs by
    position, in the order of `inputs`; one tensor, or a tuple in the order of `outputs`), None where there is none.
    Where samples are `varying`, batches come at whole units up to the declared shapes, and are answered in that form.
    """

    path: Path
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    fixed_batch: int | None = None
    network: str | None = None
    varying: Varying | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to compile: precision, the largest batch that will come, workers, threads per worker, engine settings.

    `varying_batch`: smaller batches than the largest come while the clock runs, not only at the end of a set.
    """

    precision: str
    max_batch: int
    workers: int
    threads: int
    settings: dict[str, Setting] = {}
    varying_batch: bool = False


class Session(Protocol):
    """One worker's hold on a compiled model; used by one thread at a time."""

    def run(self, batch: Arrays, out: Arrays) -> None:
        """Answer `batch` into `out` (same leading axis); returns when `out` is filled, in host memory.

        Raises EngineError, one line: OutOfMemory and DeviceLost where it is one of these.
        """

    def close(self) -> None:
        """Free what the session holds."""


class Compiled(Protocol):
    """A model made ready on a device."""

    @property
    def facts(self) -> Facts:
        """What the engine says it compiled and with which versions and options."""

    def open(self, worker: int) -> Session:
        """A session for worker number `worker` (from 0)."""

    def close(self) -> None:
        """Free the compiled model; its sessions are closed before."""


class Backend(Protocol):
    """An engine; heavy imports happen inside the methods."""

    name: str

    def devices(self) -> list[Device]:
        """What is here now; an empty list when there is nothing, never an exception for that."""

    def compile(self, model: Model, device: Device, options: Options) -> Compiled:
        """Make `model` ready. Raises Unsupported, OutOfMemory or EngineError, one line, when the engine cannot."""


@runtime_checkable
class Explains(Protocol):
    """What a backend may have besides: why `devices()` is empty here."""

    def why_none(self) -> str:
        """A missing package or driver and how to get it, as half a sentence; asked only when there is no device."""


@runtime_checkable
class Diagnoses(Protocol):
    """What a backend may have besides: devices that it knows of and cannot use here."""

    def unusable(self) -> dict[str, str]:
        """Kind or address of each, and why, as half a sentence; asked after `devices()`, and may take a few seconds."""


@runtime_checkable
class Distant(Protocol):
    """What a session may have besides: it asks something that is elsewhere, over a network."""

    def echo(self) -> None:
        """The shortest exchange with what is elsewhere, in which nothing is computed. Raises EngineError."""


def why_none(backend: object) -> str:
    """Why a backend sees no device, in its own words where it has any."""
    return backend.why_none() if isinstance(backend, Explains) else "the backend sees none on this host"


def find_device(backend: Backend, address: str) -> Device:
    """The device called `kind` (its first) or `kind:index`. Raises Unsupported naming what is there."""
    kind, _, index = address.partition(":")
    devices = backend.devices()
    for device in devices:
        if device.kind == kind and (not index or str(device.index) == index):
            return device
    known = [device.address for device in devices]
    meant = suggestion(address, known) if known else f" It sees none here: {why_none(backend)}."
    refused = unusable(backend)
    if why := refused.get(address) or refused.get(kind):
        meant = f" It cannot be used here: {why}."
    raise Unsupported(f"Backend {backend.name!r} has no device {address!r}.{meant}")


def unusable(backend: object) -> dict[str, str]:
    """What a backend knows of and cannot use; nothing where it does not tell, or fails at that."""
    if not isinstance(backend, Diagnoses):
        return {}
    try:
        return msgspec.convert(backend.unusable(), dict[str, str])
    except Exception:  # noqa: BLE001 - a driver that is broken may raise anything, and why it is broken is a courtesy
        return {}
