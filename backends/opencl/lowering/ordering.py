"""CumSum and TopK."""

from __future__ import annotations

from math import prod

import numpy as np

from bench.backends.opencl.graph import Node
from bench.backends.opencl.kernels.ordering import largest_few, running_sum
from bench.backends.opencl.lowering.builder import Builder


def lower_running_sum(build: Builder, node: Node) -> None:
    """CumSum, forwards or backwards, with or without the element itself."""
    shape, dtype = build.shape(node.inputs[0]), build.graph.dtype(node.output)
    axis = int(build.constant_or_lacking(node.inputs[1], "axes").ravel()[0]) % len(shape)
    source, target = build.plain(node.inputs[0]), build.new_plain(node.output)
    step = prod(shape[axis + 1 :])
    made = running_sum(dtype, shape[axis], step, bool(node.get("exclusive", 0)), bool(node.get("reverse", 0)))
    build.launch(made, [source, target], (prod(shape) // max(shape[axis], 1),), target)


def lower_largest(build: Builder, node: Node) -> None:
    """TopK; sorted in any case."""
    shape, dtype = build.shape(node.inputs[0]), build.graph.dtype(node.inputs[0])
    axis = int(node.get("axis", -1)) % len(shape)
    result = next(build.shape(name) for name in node.outputs if name)
    count, step = result[axis], prod(shape[axis + 1 :])
    source = build.plain(node.inputs[0])
    targets = [
        build.new_plain(name) if name else build.buffer(prod(result) * size)
        for name, size in zip((*node.outputs, "")[:2], (np.dtype(dtype).itemsize, 8), strict=True)
    ]
    made = largest_few(dtype, shape[axis], step, count, bool(node.get("largest", 1)))
    others = prod(shape) // max(shape[axis], 1) if count else 0
    build.launch(made, [source, *targets], (others,), targets[0])
