"""Operators that go through whole rows: reductions, softmax, normalisation, the place of the largest."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bench.backends.opencl.graph import Lacking, Node
from bench.backends.opencl.kernels.rows import (
    REDUCIBLE,
    WHOLE_REDUCTIONS,
    normalisation,
    place_of_extreme,
    reduction,
    softmax,
)
from bench.backends.opencl.layout import contiguous
from bench.backends.opencl.lowering.builder import Builder
from bench.backends.opencl.lowering.moving import lower_renamed
from bench.backends.opencl.lowering.pictures import lower_whole


def lower_reduction(build: Builder, node: Node) -> None:
    """ReduceSum and its family."""
    shape, how = build.shape(node.inputs[0]), node.op.removeprefix("Reduce")
    dtype = build.graph.dtype(node.inputs[0])
    build.needs(dtype == "float32" or (dtype in REDUCIBLE and how in WHOLE_REDUCTIONS), f"{how} of {dtype}")
    axes = _axes(build, node, len(shape))
    if not axes:
        lower_renamed(build, node)
        return
    home = build.home(node.inputs[0]).geometry
    pixels = len(shape) in (3, 4) and axes == list(range(2, len(shape)))
    if pixels and how in ("Mean", "Max") and home is not None and home.block > 1:
        # The result's last axes are of one pixel, or left out: the same memory.
        lower_whole(build, node, how == "Mean")
        return
    source = build.plain(node.inputs[0])
    target = build.new_plain(node.output)
    kept, reduced = _parted(shape, axes)
    build.launch(reduction(how, dtype, kept, reduced), [source, target], (prod(build.shape(node.output)),), target)


def _axes(build: Builder, node: Node, rank: int) -> list[int]:
    given = build.graph.integers(node, "axes", 1)
    if not given:
        return [] if node.get("noop_with_empty_axes", 0) else list(range(rank))
    return sorted(axis % rank for axis in given)


def _parted(shape: Sequence[int], axes: Sequence[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(size, step) of kept and of reduced axes; neighbours of one kind joined."""
    kept: list[tuple[int, int]] = []
    reduced: list[tuple[int, int]] = []
    before: list[tuple[int, int]] | None = None
    for axis, (size, step) in enumerate(zip(shape, contiguous(shape), strict=True)):
        kind = reduced if axis in axes else kept
        if kind is before:
            kind[-1] = kind[-1][0] * size, step
        else:
            kind.append((size, step))
        before = kind
    return kept, reduced


def lower_softmax(build: Builder, node: Node) -> None:
    """Softmax, LogSoftmax and Hardmax; before opset 13 all from the axis on is one row."""
    build.floats(node.inputs[0])
    shape = build.shape(node.inputs[0])
    old = build.graph.opset < 13
    axis = int(node.get("axis", 1 if old else -1)) % max(len(shape), 1)
    length, step = (prod(shape[axis:]), 1) if old else (shape[axis], prod(shape[axis + 1 :]))
    source = build.plain(node.inputs[0])
    target = build.new_plain(node.output)
    made = softmax(length, step, node.op == "LogSoftmax", node.op == "Hardmax")
    build.launch(made, [source, target], (prod(shape) // max(length, 1),), target)


def lower_extreme(build: Builder, node: Node) -> None:
    """ArgMax and ArgMin."""
    shape, dtype = build.shape(node.inputs[0]), build.graph.dtype(node.inputs[0])
    axis = int(node.get("axis", 0)) % len(shape)
    source, target = build.plain(node.inputs[0]), build.new_plain(node.output)
    step = prod(shape[axis + 1 :])
    made = place_of_extreme(dtype, shape[axis], step, node.op == "ArgMax", bool(node.get("select_last_index", 0)))
    build.launch(made, [source, target], (prod(shape) // max(shape[axis], 1),), target)


# ------------------------------------------------------------------------------------------------------ normalisation


def lower_layer_norm(build: Builder, node: Node) -> None:
    """LayerNormalization: rows of all axes from one on; gain and bias of a row's shape."""
    shape = build.shape(node.inputs[0])
    build.needs(len([name for name in node.outputs if name]) == 1, "the mean and deviation of a LayerNormalization")
    axis = int(node.get("axis", -1)) % len(shape)
    length = prod(shape[axis:])
    for name in node.inputs[1:]:
        if name:
            build.needs(build.shape(name) == shape[axis:], "a gain that is repeated")
    bias = node.input(2) or None
    _normalised(build, node, length, "i", node.inputs[1], bias, float(node.get("epsilon", 1e-5)))


def lower_instance_norm(build: Builder, node: Node) -> None:
    """InstanceNormalization: each channel of each sample is a row."""
    shape = build.shape(node.inputs[0])
    channel = f"item%{shape[1]}"
    _normalised(build, node, prod(shape[2:]), channel, node.inputs[1], node.inputs[2], float(node.get("epsilon", 1e-5)))


def lower_group_norm(build: Builder, node: Node) -> None:
    """GroupNormalization with a gain a channel (opset 21), or a group (18)."""
    shape, groups = build.shape(node.inputs[0]), int(node.attributes["num_groups"])
    each, pixels = shape[1] // groups, prod(shape[2:])
    a_group = build.shape(node.inputs[1]) == (groups,) and each != 1 and build.graph.opset < 21
    channel = f"item%{groups}" if a_group else f"(item%{groups})*{each}+i/{pixels}"
    gain, bias = node.inputs[1:3]
    _normalised(build, node, each * pixels, channel, gain, bias, float(node.get("epsilon", 1e-5)))


def _normalised(
    build: Builder, node: Node, length: int, channel: str, gain: str, bias: str | None, epsilon: float
) -> None:
    build.floats(node.inputs[0], gain)
    if length == 0:
        raise Lacking("rows without elements")
    source, scale = build.plain(node.inputs[0]), build.plain(gain)
    count = prod(build.shape(gain))
    shift = build.plain(bias) if bias else build.weight(f"zeros {count}", lambda: np.zeros(count, np.float32))
    target = build.new_plain(node.output)
    made = normalisation(length, channel, epsilon)
    build.launch(made, [source, scale, shift, target], (prod(build.shape(node.output)) // length,), target)
