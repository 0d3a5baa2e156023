"""A worker's hold on a network: memory of its own, kernels with arguments set, a queue that is waited for once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from bench.backends.base import Arrays, EngineError, Model, OutOfMemory
from bench.backends.checks import Forms
from bench.backends.opencl.errors import failure
from bench.backends.opencl.graph import Array, Graph, Tensor
from bench.backends.opencl.host import HostNode
from bench.backends.opencl.memory import Placement, Slot, place
from bench.backends.opencl.network import Weights
from bench.backends.opencl.plan import Argument, Buffer, OnHost, Plan, Weight
from bench.backends.opencl.programs import Programs

if TYPE_CHECKING:
    import pyopencl

    from bench.backends.opencl.compiled import Compiled


class Launched(msgspec.Struct, frozen=True):
    """A kernel with its arguments set, and its global size."""

    kernel: pyopencl.Kernel
    size: tuple[int, ...]
    local: tuple[int, ...]


class Hosted(msgspec.Struct, frozen=True):
    """A node of the host."""

    node: HostNode
    step: OnHost


class Ready(msgspec.Struct, frozen=True):
    """A plan with its kernels. `buffers` keeps alive what the kernels point at; OpenCL does not."""

    plan: Plan
    steps: tuple[Launched | Hosted, ...]
    buffers: Mapping[int, pyopencl.Buffer]


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
                    self._buffers[slot] = made = pyopencl.Buffer(self._context, pyopencl.mem_flags.READ_WRITE, size)
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
    """Plans are made ready when their batch size comes first; the largest when the session opens."""

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
        self._ready: dict[int, Ready] = {}
        self._first = compiled.model.inputs[0].name

    def prepare(self, samples: int) -> Ready:
        """Everything for a batch size, made on first use."""
        found = self._ready.get(samples)
        if found is None:
            assert self._compiled is not None
            plan, graph = self._compiled.plan(samples)
            placement = place(plan)
            _check_memory(placement, self._compiled)
            found = self._ready[samples] = ready(
                plan, graph, self._memory.ensure(placement), self._compiled.programs, self._compiled.weights,
                self._compiled.options.threads,
            )  # fmt: skip
        return found

    @property
    def nbytes(self) -> int:
        """Memory of the device that is this session's own."""
        return self._memory.nbytes

    def warm(self, samples: int) -> None:
        """Answer a batch of zeros."""
        self.prepare(samples)  # says whether there is memory, before the host is asked for any
        batch = {one.name: np.zeros((samples, *one.shape), one.dtype) for one in self._model.inputs}
        self.run(batch, {one.name: np.zeros((samples, *one.shape), one.dtype) for one in self._model.outputs})

    def run(self, batch: Arrays, out: Arrays) -> None:
        import pyopencl

        samples = self._forms.check(batch, out)
        plan = self.prepare(samples)
        try:
            enqueue(self.queue, plan, batch, out)
        except (pyopencl.Error, MemoryError) as error:
            raise failure(error, "opencl") from error

    def close(self) -> None:
        self._ready.clear()
        self._compiled = None
        self.queue.finish()
        del self._memory, self.queue


def ready(
    plan: Plan,
    graph: Graph,
    buffers: Mapping[int, pyopencl.Buffer],
    programs: Programs,
    weights: Weights,
    threads: int,
) -> Ready:
    """Kernel objects with their arguments set, once and for all."""

    def argument(one: Argument, long: bool) -> pyopencl.Buffer | np.int64 | np.int32:
        if isinstance(one, Buffer):
            return buffers[one.number]
        if isinstance(one, Weight):
            return weights.buffer(one.key)
        return np.int64(one) if long else np.int32(one)

    steps: list[Launched | Hosted] = []
    for step in plan.steps:
        if isinstance(step, OnHost):
            steps.append(Hosted(HostNode(graph, step.node, step.why, threads), step))
            continue
        kernel = programs.kernel(step.kernel.name)
        for position, one in enumerate(step.arguments):
            kernel.set_arg(position, argument(one, position in step.kernel.longs))
        steps.append(Launched(kernel, step.size, (1,) * len(step.size)))
    return Ready(plan, tuple(steps), buffers)


def enqueue(queue: pyopencl.CommandQueue, made: Ready, batch: Arrays, out: Arrays) -> None:
    """Inputs in, all kernels, outputs back; returns when `out` is filled."""
    import pyopencl

    plan, copy, launch = made.plan, pyopencl.enqueue_copy, pyopencl.enqueue_nd_range_kernel
    held = []  # arrays that copies read while they are under way
    for name, buffer in plan.inputs.items():
        array = batch[name]
        if array.size:
            array = array if array.flags.c_contiguous else np.ascontiguousarray(array)
            held.append(array)
            copy(queue, made.buffers[buffer.number], array, is_blocking=False)
    on_host: dict[str, Array] = {}
    for one in made.steps:
        if isinstance(one, Launched):
            launch(queue, one.kernel, one.size, one.local)
        else:
            _run_on_host(queue, made, one, on_host)
    _fetch(queue, made, out, on_host)


def _fetch(queue: pyopencl.CommandQueue, made: Ready, out: Arrays, on_host: Mapping[str, Array]) -> None:
    import pyopencl

    later = []
    for name, target in out.items():
        buffer = made.plan.outputs[name]
        if buffer is None:
            value = on_host[name]
            if value.shape != target.shape or value.dtype != target.dtype:
                raise EngineError(
                    f"opencl: output {name!r} came as {value.dtype}{list(value.shape)}; "
                    f"declared is {target.dtype}{list(target.shape)}."
                )
            np.copyto(target, value)
        elif target.size:
            direct = target.flags.c_contiguous and target.flags.writeable
            array = target if direct else np.empty(target.shape, target.dtype)
            pyopencl.enqueue_copy(queue, array, made.buffers[buffer.number], is_blocking=False)
            if not direct:
                later.append((target, array))
    queue.finish()
    for target, array in later:
        np.copyto(target, array)


def _run_on_host(queue: pyopencl.CommandQueue, made: Ready, hosted: Hosted, on_host: dict[str, Array]) -> None:
    """Wait for what the node reads, compute it, and bring back what the device goes on with."""
    import pyopencl

    values = dict(on_host)
    for name, (buffer, tensor) in hosted.step.reads_device.items():
        values[name] = _empty(tensor)
        if values[name].size:
            pyopencl.enqueue_copy(queue, values[name], made.buffers[buffer.number])
    queue.finish()
    found = hosted.node.run(values)
    on_host.update(found)
    for name, (buffer, _) in hosted.step.writes_device.items():
        if found[name].size:
            pyopencl.enqueue_copy(queue, made.buffers[buffer.number], np.ascontiguousarray(found[name]))


def _empty(tensor: Tensor) -> Array:
    assert tensor.shape is not None
    return np.empty(tensor.shape, tensor.dtype)


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
