"""How inputs come to the device and answers back: copied by the driver, or through memory that is mapped.

Drivers of cards move page-aligned memory of their own at once, and anything else by way of a copy of their own. So
`mapped` lets the driver allocate what it hands over, and the host writes and reads there.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bench.backends.opencl.graph import Array
from bench.records.plan import Setting

if TYPE_CHECKING:
    import pyopencl

    # What copying took: the driver's event, or nanoseconds on the host.
    Took = pyopencl.Event | float


class Handover(Protocol):
    """Of a queue: what is started here is done when the queue is finished."""

    name: str

    def send(self, queue: pyopencl.CommandQueue, buffer: pyopencl.Buffer, array: Array) -> Took:
        """Start to fill a buffer from a contiguous array, which must stay as it is until the queue is finished."""
        ...

    def fetch(self, queue: pyopencl.CommandQueue, buffer: pyopencl.Buffer, target: Array) -> tuple[Array, Took]:
        """Start to read a buffer; where what comes back is not `target`, its values are there when the queue is done.

        Then they have to be copied, and the array handed to `release`.
        """
        ...

    def release(self, queue: pyopencl.CommandQueue, array: Array) -> None:
        """Give back what `fetch` returned."""
        ...


class Copied:
    """The driver copies from and to the caller's memory."""

    name = "copied"

    def send(self, queue: pyopencl.CommandQueue, buffer: pyopencl.Buffer, array: Array) -> Took:
        import pyopencl

        return pyopencl.enqueue_copy(queue, buffer, array, is_blocking=False)

    def fetch(self, queue: pyopencl.CommandQueue, buffer: pyopencl.Buffer, target: Array) -> tuple[Array, Took]:
        import pyopencl

        direct = target.flags.c_contiguous and target.flags.writeable
        array = target if direct else np.empty(target.shape, target.dtype)
        return array, pyopencl.enqueue_copy(queue, array, buffer, is_blocking=False)

    def release(self, queue: pyopencl.CommandQueue, array: Array) -> None:
        """Nothing was borrowed."""


class Mapped:
    """The driver's own memory is mapped, written or read by the host, and migrated as a whole."""

    name = "mapped"

    def send(self, queue: pyopencl.CommandQueue, buffer: pyopencl.Buffer, array: Array) -> Took:
        import pyopencl

        begun = perf_counter_ns()
        write = pyopencl.map_flags.WRITE_INVALIDATE_REGION
        view, _ = pyopencl.enqueue_map_buffer(queue, buffer, write, 0, array.shape, array.dtype, is_blocking=True)
        np.copyto(view, array)
        self.release(queue, view)
        pyopencl.enqueue_migrate_mem_objects(queue, [buffer], 0)
        return float(perf_counter_ns() - begun)

    def fetch(self, queue: pyopencl.CommandQueue, buffer: pyopencl.Buffer, target: Array) -> tuple[Array, Took]:
        import pyopencl

        read = pyopencl.map_flags.READ
        view, event = pyopencl.enqueue_map_buffer(queue, buffer, read, 0, target.shape, target.dtype, is_blocking=False)
        return view, event

    def release(self, queue: pyopencl.CommandQueue, array: Array) -> None:
        mapping: Any = array.base  # a MemoryMap, of which numpy's types know nothing
        mapping.release(queue)


HANDOVERS: dict[str, Handover] = {one.name: one for one in (Copied(), Mapped())}


def handover_of(settings: Mapping[str, Setting]) -> Handover:
    """As the setting `host_memory` says; copied where it does not."""
    return HANDOVERS[str(settings.get("host_memory", Copied.name))]
