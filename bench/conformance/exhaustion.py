"""What a backend says when memory runs out: it is asked for a batch that no memory holds, in a bounded process.

A process of its own, for engines that do not survive it; and bounded, so that nothing else on the host is touched.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from bench.backends.base import Backend, Model, Options, Tensor, Unsupported, cause_of
from bench.conformance.case import Failed, Skipped
from bench.loadgen.samples import Named
from bench.plugins import one_line
from bench.records.host import Device
from bench.records.plan import Setting

# What the process may take beside what it has, and what the largest tensor of the batch takes alone.
_ROOM_BYTES, _ASKED_BYTES = 512 << 20, 1 << 30
_POISON = 0xFF  # NaN in every float


def out_of_memory(backend: Backend, device: Device, model: Model, settings: dict[str, Setting]) -> str:
    """A batch that does not fit is answered with OutOfMemory (or Python's MemoryError), in one line.

    Where the device has memory of its own only what compiling and opening take is asked for: the arrays of such a
    batch may be more than the host has.
    """
    if model.fixed_batch is not None:
        raise Skipped(f"the file takes batches of {model.fixed_batch} only")
    own = device.memory_bytes
    batch = _batch(model, max(_ASKED_BYTES, 2 * (own or 0)))
    _answer(backend, device, model, settings, 1)  # what is loaded and started once is there before memory is short
    rows = batch if own is None else 0
    given, out = _untouched(model.inputs, rows), _untouched(model.outputs, rows)
    ends = [array[-1:].view(np.uint8) for array in out.values()]
    for end in ends:
        end.fill(_POISON)
    try:
        with bounded(_ROOM_BYTES):
            _answer(backend, device, model, settings, batch, (given, out))
    except Unsupported:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told or found wrong
        if cause_of(error) != "out-of-memory":
            raise Failed(f"{one_line(error)} at a batch of {batch}, where OutOfMemory is due") from None
        return one_line(error)[:200]
    if any((end == _POISON).all() for end in ends if end.size):
        raise Failed(f"run() returned at a batch of {batch} without an answer, where OutOfMemory is due")
    raise Skipped(f"nothing ran out at a batch of {batch}")


@contextlib.contextmanager
def bounded(room_bytes: int) -> Iterator[None]:
    """No more than `room_bytes` beside what this process has mapped now. Raises Skipped where no limit holds."""
    if sys.platform != "linux":
        raise Skipped(f"on {sys.platform} no limit holds for a process's memory")
    import resource

    import psutil

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + room_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _batch(model: Model, least_bytes: int) -> int:
    """How many samples make the largest tensor of a batch as large as that."""
    sizes = [math.prod(t.shape) * np.dtype(t.dtype).itemsize for t in (*model.inputs, *model.outputs)]
    return math.ceil(least_bytes / max(sizes))


def _untouched(tensors: Sequence[Tensor], rows: int) -> Named:
    """Zeros that take no memory before somebody writes them."""
    return {tensor.name: np.zeros((rows, *tensor.shape), tensor.dtype) for tensor in tensors}


def _answer(
    backend: Backend,
    device: Device,
    model: Model,
    settings: dict[str, Setting],
    batch: int,
    arrays: tuple[Named, Named] | None = None,
) -> None:
    """Compile for `batch`, open, and answer it where there are rows to answer."""
    options = Options(precision=device.precisions[0], max_batch=batch, workers=1, threads=1, settings=settings)
    compiled = backend.compile(model, device, options)
    session = compiled.open(0)
    given, out = arrays or (_untouched(model.inputs, batch), _untouched(model.outputs, batch))
    if len(next(iter(given.values()))):
        session.run(given, out)
    session.close()
    compiled.close()
