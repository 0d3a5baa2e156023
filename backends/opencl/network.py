"""A network on one device: its plans by batch size, its weights in the device's memory, its programs.

Shared by all sessions; what each of them has for itself stands in `session.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from bench.backends.base import EngineError, Model, Options
from bench.backends.opencl.device import Traits
from bench.backends.opencl.errors import failure
from bench.backends.opencl.graph import Graph, Lacking
from bench.backends.opencl.importer import read_graph
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.lowering.epilogues import take_in_epilogues
from bench.backends.opencl.lowering.halves import take_half_products
from bench.backends.opencl.lowering.integers import take_integer_products, with_scales
from bench.backends.opencl.lowering.table import lower
from bench.backends.opencl.plan import Launch, Plan, Weight
from bench.backends.opencl.rewrite.batch_norms import fold_batch_norms
from bench.backends.opencl.rewrite.gemm import spell_out_gemm
from bench.backends.opencl.rewrite.joining import join_elementwise
from bench.backends.opencl.rewrite.quantising import spell_out_quantising
from bench.backends.opencl.rewrite.recurrent import spell_out_recurrent
from bench.backends.opencl.shapes import fold_constants, sized
from bench.backends.opencl.tiles import Tiles

if TYPE_CHECKING:
    import pyopencl


def prepared(model: Model, integers: bool = True, half: bool = False) -> Graph:
    """The graph of a file with all done to it that does not depend on the batch.

    `integers`: products of quantised numbers in whole numbers, otherwise in floats. `half`: what products read is kept
    in 16 bits.
    """
    graph = read_graph(model.path)
    _check_declaration(graph, model)
    folded = fold_constants(graph)
    folded = with_scales(graph, folded) if integers else folded
    made = fold_batch_norms(fold_constants(spell_out_gemm(folded)))
    return msgspec.structs.replace(made, half=half)


def prepared_for(model: Model, options: Options) -> Graph:
    """`prepared` as a run with these options has it."""
    return prepared(model, options.settings.get("integers", True) is not False, options.precision == "fp16")


def planned(
    graph: Graph, model: Model, traits: Traits, samples: int, tiles: Tiles, like: Mapping[str, Tile] = {}
) -> tuple[Plan, Graph]:
    """The steps for a batch size, and the graph that they compute; tiled as `like` says by labels, where that fits."""
    shapes = {tensor.name: (samples, *tensor.shape) for tensor in model.inputs}
    try:
        whole = fold_batch_norms(sized(graph, shapes))
        spelt_out = take_half_products(spell_out_quantising(spell_out_recurrent(take_integer_products(whole))))
        final = take_in_epilogues(join_elementwise(spelt_out))
        plan = lower(final, traits, samples, tiles, like)
    except Lacking as reason:
        raise EngineError(f"opencl cannot run {model.path.name}: it lacks {reason}.") from reason
    for tensor in model.outputs:
        seen, declared = plan.tensors[tensor.name], (samples, *tensor.shape)
        if seen.shape is not None and (seen.dtype, seen.shape) != (tensor.dtype, declared):
            raise EngineError(
                f"opencl has output {tensor.name!r} as {seen.dtype}{list(seen.shape[1:])}; "
                f"declared is {tensor.dtype}{list(tensor.shape)}."
            )
    return plan, final


def _check_declaration(graph: Graph, model: Model) -> None:
    """Raises EngineError where the file has other inputs or outputs than the model says."""
    for what, names, tensors in (("input", graph.inputs, model.inputs), ("output", graph.outputs, model.outputs)):
        for tensor in tensors:
            if tensor.name not in names:
                raise EngineError(f"opencl finds no {what} {tensor.name!r} in the model; it has {', '.join(names)}.")
    declared = {tensor.name for tensor in model.inputs}
    for name in graph.inputs:
        if name not in declared:
            raise EngineError(f"opencl: the file has an input {name!r} that the model does not declare.")
    for tensor in model.inputs:
        seen = graph.tensors[tensor.name]
        axes = (seen.shape or ())[1:]
        differs = any(there not in (0, said) for there, said in zip(axes, tensor.shape, strict=False))
        if seen.dtype != tensor.dtype or len(axes) != len(tensor.shape) or differs:
            raise EngineError(
                f"opencl has input {tensor.name!r} as {seen.dtype}{list(axes)}; "
                f"declared is {tensor.dtype}{list(tensor.shape)}."
            )


class Weights:
    """Constants in the device's memory, packed and copied once, whoever asks first."""

    def __init__(self, context: pyopencl.Context) -> None:
        self._context = context
        self._buffers: dict[str, pyopencl.Buffer] = {}
        self._lock = threading.Lock()
        self.nbytes = 0

    def ensure(self, plan: Plan) -> None:
        """Have all the weights of a plan on the device. Raises OutOfMemory."""
        import pyopencl

        flags = pyopencl.mem_flags.READ_ONLY | pyopencl.mem_flags.COPY_HOST_PTR
        used = [
            one.key
            for step in plan.steps
            if isinstance(step, Launch)
            for one in step.arguments
            if isinstance(one, Weight)
        ]
        with self._lock:
            for key in dict.fromkeys(used):
                if key in self._buffers:
                    continue
                value = np.ascontiguousarray(plan.weights[key]())
                value = value if value.size else np.zeros(1, value.dtype)  # a buffer holds a byte at least
                try:
                    self._buffers[key] = pyopencl.Buffer(self._context, flags, hostbuf=value)
                except (pyopencl.Error, MemoryError) as error:
                    raise failure(error, "opencl cannot hold the weights") from error
                self.nbytes += value.nbytes

    def buffer(self, key: str) -> pyopencl.Buffer:
        return self._buffers[key]

    def release(self) -> None:
        self._buffers.clear()
