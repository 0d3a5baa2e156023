"""A worker's hold on a network: memory of its own, kernels with arguments set, a queue that is waited for once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Arrays, Model, OutOfMemory, Tensor
from bench.backends.checks import Forms
from bench.backends.opencl.errors import failure
from bench.backends.opencl.handover import Mapped, handover_of
from bench.backends.opencl.lengths import forms, whole_length
from bench.backends.opencl.memory import EXCHANGED, Placement, Slot, place
from bench.backends.opencl.running import Ready, enqueue, ready

if TYPE_CHECKING:
    import pyopencl

    from bench.backends.opencl.compiled import Compiled


class Memory:
    """The buffers of a session by slot; they grow, and what was used before stays alive with those who use it."""

    def __init__(self, context: pyopencl.Context, queue: pyopencl.CommandQueue) -> None:
        self._context, self._queue = context, queue
        self._buffers: dict[Slot, pyopencl.Buffer] = {}

    def ensure(self, placement: Placement) -> dict[int, pyopencl.Buffer]:
        """A buffer for each number of the placement. Raises OutOfMemory."""
        import pyopencl

        try:
            for slot, size in placement.sizes.items():
                here = self._buffers.get(slot)
                if here is None or here.size < size:
                    anywhere = pyopencl.mem_flags.READ_WRITE
                    flags = anywhere | pyopencl.mem_flags.ALLOC_HOST_PTR if slot.sharing == EXCHANGED else anywhere
                    self._buffers[slot] = made = pyopencl.Buffer(self._context, flags, size)
                    if slot.sharing:  # borders, and lanes that nothing writes, are zero for good
                        pyopencl.enqueue_fill_buffer(self._queue, made, np.zeros(1, np.uint8), 0, size)
            self._queue.finish()
        except (pyopencl.Error, MemoryError) as error:
            raise failure(error, "opencl cannot open a session") from error
        return {number: self._buffers[slot] for number, slot in placement.slots.items()}

    @property
    def nbytes(self) -> int:
        return sum(buffer.size for buffer in self._buffers.values())


class Session:
    """Plans are made ready when their batch size comes first; those of the largest when the session opens."""

    def __init__(self, compiled: Compiled) -> None:
        import pyopencl

        self._compiled: Compiled | None = compiled
        self._model: Model = compiled.model
        self._forms = Forms("opencl", compiled.model, compiled.options.max_batch)
        try:
            if compiled.profiled:
                profiling = pyopencl.command_queue_properties.PROFILING_ENABLE
                self.queue = pyopencl.CommandQueue(compiled.context, properties=profiling)
            else:
                self.queue = pyopencl.CommandQueue(compiled.context)
        except pyopencl.Error as error:
            raise failure(error, "opencl cannot open a queue") from error
        self._memory = Memory(compiled.context, self.queue)
        # By samples and length.
        self._ready: dict[tuple[int, int], Ready] = {}
        # By samples, shortest first; kept here, for those who plan another batch size hold a lock.
        self._lengths: dict[int, list[int]] = {}
        self._handover = handover_of(compiled.options.settings)

    def prepare(self, samples: int, units: int | None = None) -> Ready:
        """Everything for a batch size and one of its lengths (of whole batches), made on first use."""
        assert self._compiled is not None
        length = units or whole_length(self._model)
        found = self._ready.get((samples, length))
        if found is None:
            plan, graph = self._compiled.plans(samples)[length]
            placement = place(plan, exchanging=isinstance(self._handover, Mapped))
            _check_memory(placement, self._compiled)
            found = self._ready[samples, length] = ready(
                plan, graph, self._memory.ensure(placement), self._compiled.programs, self._compiled.weights,
                self._compiled.options.threads, self._handover,
            )  # fmt: skip
        return found

    @property
    def nbytes(self) -> int:
        """Memory of the device that is this session's own."""
        return self._memory.nbytes

    def warm(self, samples: int) -> None:
        """Answer a batch of zeros, and have all lengths ready: they run the same programs."""
        assert self._compiled is not None
        for length in self._compiled.plans(samples):
            self.prepare(samples, length)  # says whether there is memory, before the host is asked for any
        batch = {one.name: np.zeros((samples, *one.shape), one.dtype) for one in self._model.inputs}
        self.run(batch, {one.name: np.zeros((samples, *one.shape), one.dtype) for one in self._model.outputs})

    def run(self, batch: Arrays, out: Arrays) -> None:
        import pyopencl

        samples = self._forms.check(batch, out)
        length = self._length(samples, batch, out)
        plan = self.prepare(samples, length)
        try:
            given = filled_up(batch, forms(self._model, self._model.inputs, length))
            answers = filled_up(out, forms(self._model, self._model.outputs, length))
            enqueue(self.queue, plan, given, answers)
        except (pyopencl.Error, MemoryError) as error:
            raise failure(error, "opencl") from error
        for name, array in out.items():
            if answers[name] is not array:
                np.copyto(array, answers[name][:, : array.shape[1]])

    def _length(self, samples: int, batch: Arrays, out: Arrays) -> int:
        """The shortest length, in units, that is planned for and holds a batch."""
        assert self._compiled is not None
        if self._model.varying is None:
            return whole_length(self._model)
        steps, arrays = self._model.varying.units, {**batch, **out}
        units = max(arrays[name].shape[1] // step for name, step in steps.items())
        if samples not in self._lengths:
            self._lengths[samples] = sorted(self._compiled.plans(samples))
        return next(length for length in self._lengths[samples] if length >= units)

    def close(self) -> None:
        self._ready.clear()
        self._compiled = None
        self.queue.finish()
        del self._memory, self.queue


def filled_up(arrays: Arrays, tensors: Sequence[Tensor]) -> Arrays:
    """Arrays in the form of a plan: what was cut to a batch's longest sample is filled up with zeros to its length."""
    full = {one.name: (len(arrays[one.name]), *one.shape) for one in tensors}
    if all(arrays[name].shape == shape for name, shape in full.items()):
        return arrays
    made: dict[str, NDArray[np.generic]] = {}
    for name, shape in full.items():
        given = arrays[name]
        made[name] = given if given.shape == shape else np.zeros(shape, given.dtype)
        if given.shape != shape:
            made[name][:, : given.shape[1]] = given
    return made


def _check_memory(placement: Placement, compiled: Compiled) -> None:
    """Raises OutOfMemory where the device says beforehand that it has less."""
    device = compiled.found.own
    largest = max(placement.sizes.values(), default=0)
    if largest > device.max_mem_alloc_size or placement.nbytes + compiled.weights.nbytes > device.global_mem_size:
        raise OutOfMemory(
            f"opencl needs {placement.nbytes >> 20} MiB besides the weights, {largest >> 20} in one piece; "
            f"{compiled.found.device.address} has {device.global_mem_size >> 20} MiB, "
            f"{device.max_mem_alloc_size >> 20} in one piece."
        )
