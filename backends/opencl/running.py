"""A plan made ready for a queue: kernels with their arguments set, enqueued one after the other and waited for once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from bench.backends.base import Arrays, EngineError
from bench.backends.opencl.graph import Array, Graph, Tensor
from bench.backends.opencl.handover import Handover
from bench.backends.opencl.host import HostNode
from bench.backends.opencl.network import Weights
from bench.backends.opencl.plan import Argument, Buffer, OnHost, Plan, Weight
from bench.backends.opencl.programs import Programs

if TYPE_CHECKING:
    import pyopencl

    # Told of each copy (by a text) and step (by its number): the driver's event, or nanoseconds on the host.
    Note = Callable[[str | int, pyopencl.Event | float], None]


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
    handover: Handover


def ready(
    plan: Plan,
    graph: Graph,
    buffers: Mapping[int, pyopencl.Buffer],
    programs: Programs,
    weights: Weights,
    threads: int,
    handover: Handover,
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
            kernel.set_arg(position, argument(one, step.kernel.is_long(position)))
        steps.append(Launched(kernel, step.size, (1,) * len(step.size)))
    return Ready(plan, tuple(steps), buffers, handover)


def enqueue(queue: pyopencl.CommandQueue, made: Ready, batch: Arrays, out: Arrays, note: Note | None = None) -> None:
    """Inputs in, all steps, outputs back; returns when `out` is filled."""
    import pyopencl

    launch = pyopencl.enqueue_nd_range_kernel
    held: list[Array] = []
    try:
        _send(queue, made, batch, held, note)
        on_host: dict[str, Array] = {}
        for number, one in enumerate(made.steps):
            if isinstance(one, Launched):
                event = launch(queue, one.kernel, one.size, one.local)
                if note is not None:
                    note(number, event)
            else:
                begun = perf_counter_ns()
                _run_on_host(queue, made, one, on_host)
                if note is not None:
                    note(number, float(perf_counter_ns() - begun))
        fetched = _fetch(queue, made, out, on_host, note)
    finally:
        queue.finish()  # also after an error: the driver still reads and writes the caller's arrays
    for name, array in fetched.items():
        np.copyto(out[name], array)
        made.handover.release(queue, array)


def _send(queue: pyopencl.CommandQueue, made: Ready, batch: Arrays, held: list[Array], note: Note | None) -> None:
    """Start copying the inputs; `held` takes the arrays that the copies read while they are under way."""
    for name, buffer in made.plan.inputs.items():
        array = np.ascontiguousarray(batch[name])
        if array.size:
            held.append(array)
            event = made.handover.send(queue, made.buffers[buffer.number], array)
            if note is not None:
                note(f"\u2192 {name}", event)


def _fetch(
    queue: pyopencl.CommandQueue, made: Ready, out: Arrays, on_host: Mapping[str, Array], note: Note | None
) -> dict[str, Array]:
    """Start reading the outputs; what is returned has to be copied on, and released, when the queue is done."""
    later: dict[str, Array] = {}
    for name, target in out.items():
        buffer = made.plan.outputs[name]
        if buffer is None:
            np.copyto(target, _of_form(name, on_host[name], target))
        elif target.size:
            array, event = made.handover.fetch(queue, made.buffers[buffer.number], target)
            if note is not None:
                note(f"\u2190 {name}", event)
            if array is not target:
                later[name] = array
    return later


def _of_form(name: str, value: Array, target: Array) -> Array:
    """A result of the host. Raises EngineError where it is of another form than was declared."""
    if value.shape != target.shape or value.dtype != target.dtype:
        came, declared = (f"{one.dtype}{list(one.shape)}" for one in (value, target))
        raise EngineError(f"opencl: output {name!r} came as {came}; declared is {declared}.")
    return value


def _run_on_host(queue: pyopencl.CommandQueue, made: Ready, hosted: Hosted, on_host: dict[str, Array]) -> None:
    """Wait for what the node reads, compute it, and bring back what the device goes on with."""
    import pyopencl

    values = dict(on_host)
    for name, (buffer, tensor) in hosted.step.reads_device.items():
        values[name] = _empty(tensor)
        if values[name].size:
            pyopencl.enqueue_copy(queue, values[name], made.buffers[buffer.number])
    found = hosted.node.run(values)
    on_host.update(found)
    for name, (buffer, _) in hosted.step.writes_device.items():
        if found[name].size:
            pyopencl.enqueue_copy(queue, made.buffers[buffer.number], np.ascontiguousarray(found[name]))


def _empty(tensor: Tensor) -> Array:
    assert tensor.shape is not None
    return np.empty(tensor.shape, tensor.dtype)
