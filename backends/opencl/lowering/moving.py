"""What moves elements and computes nothing: other shapes for the same memory, copies by steps, look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod

import numpy as np

from bench.backends.opencl.expressions import C_TYPES, Instruction, Program, copying
from bench.backends.opencl.graph import Array, Lacking, Node
from bench.backends.opencl.kernels.axis import gather, gather_elements
from bench.backends.opencl.layout import View, broadcast, contiguous
from bench.backends.opencl.lowering.builder import Builder, Home


def lower_renamed(build: Builder, node: Node) -> None:
    """Reshape and its family: the same memory under another shape."""
    build.settle(node.output, Home(build.plain(node.inputs[0])))


def copied(build: Builder, node: Node, sizes: Sequence[int], view: View) -> None:
    """The node's result as a copy of its first input, which is gone through as `view` says."""
    source = build.plain(node.inputs[0])
    target = build.new_plain(node.output)
    dtype = build.graph.dtype(node.output)
    build.map(copying(dtype), sizes, [(source, view)], target, View(0, contiguous(sizes)))


def lower_transpose(build: Builder, node: Node) -> None:
    shape = build.shape(node.inputs[0])
    order = node.get("perm") or list(range(len(shape)))[::-1]
    steps = contiguous(shape)
    copied(build, node, [shape[axis] for axis in order], View(0, tuple(steps[axis] for axis in order)))


def lower_expand(build: Builder, node: Node) -> None:
    result = build.shape(node.output)
    copied(build, node, result, broadcast(build.shape(node.inputs[0]), result))


def lower_tile(build: Builder, node: Node) -> None:
    """Each axis as two: which repetition, and the place within."""
    shape, result = build.shape(node.inputs[0]), build.shape(node.output)
    sizes, strides = [], []
    for size, times, step in zip(
        shape, (r // max(s, 1) for r, s in zip(result, shape, strict=True)), contiguous(shape), strict=True
    ):
        sizes += [times, size]
        strides += [0, step]
    copied(build, node, sizes, View(0, tuple(strides)))


def lower_slice(build: Builder, node: Node) -> None:
    shape, result = build.shape(node.inputs[0]), build.shape(node.output)
    starts = build.graph.integers(node, "starts", 1) or ()
    axes = build.graph.integers(node, "axes", 3) or tuple(range(len(starts)))
    steps = build.graph.integers(node, "steps", 4) or (1,) * len(starts)
    strides, offset = list(contiguous(shape)), 0
    for axis, start, step in zip((one % len(shape) for one in axes), starts, steps, strict=True):
        size = shape[axis]
        first = start + size if start < 0 else start
        first = min(max(first, 0), size if step > 0 else size - 1)
        offset += first * strides[axis]
        strides[axis] *= step
    copied(build, node, result, View(offset if prod(result) else 0, tuple(strides)))


def lower_split(build: Builder, node: Node) -> None:
    shape = build.shape(node.inputs[0])
    axis = int(node.get("axis", 0)) % len(shape)
    steps, first = contiguous(shape), 0
    source = build.plain(node.inputs[0])
    for name in node.outputs:
        result = build.shape(name)
        if name:
            target = build.new_plain(name)
            taken = View(first * steps[axis], steps)
            build.map(copying(build.graph.dtype(name)), result, [(source, taken)], target, View(0, contiguous(result)))
        first += result[axis]


def lower_concat(build: Builder, node: Node) -> None:
    result = build.shape(node.output)
    axis = int(node.get("axis", 0)) % len(result)
    dtype = build.graph.dtype(node.output)
    build.needs(dtype in C_TYPES, f"elements of type {dtype}")
    sources = [build.plain(name) for name in node.inputs]
    target, steps, first = build.new_plain(node.output), contiguous(result), 0
    for name, source in zip(node.inputs, sources, strict=True):
        shape = build.shape(name)
        placed = View(first * steps[axis], steps)
        build.map(copying(dtype), shape, [(source, View(0, contiguous(shape)))], target, placed)
        first += shape[axis]


def lower_pad(build: Builder, node: Node) -> None:
    """Constant padding as a fill and a copy; the other kinds as look-ups, axis by axis."""
    shape, result = build.shape(node.inputs[0]), build.shape(node.output)
    pads = build.graph.integers(node, "pads", 1)
    if pads is None:
        raise Lacking("pads that depend on the data")
    axes = build.graph.integers(node, "axes", 3) or tuple(range(len(shape)))
    before, behind = [0] * len(shape), [0] * len(shape)
    for place, axis in enumerate(one % len(shape) for one in axes):
        before[axis], behind[axis] = pads[place], pads[place + len(axes)]
    mode = node.get("mode", "constant")
    if mode == "constant":
        _pad_with_number(build, node, before, behind)
        return
    places = [_reflected(mode, size, front, wide) for size, front, wide in zip(shape, before, result, strict=True)]
    looked_up(build, node, shape, places)


def _pad_with_number(build: Builder, node: Node, before: list[int], behind: list[int]) -> None:
    shape, result, dtype = build.shape(node.inputs[0]), build.shape(node.output), build.graph.dtype(node.output)
    value = float(node.get("value", 0.0))
    if node.input(2):
        value = float(build.constant_or_lacking(node.input(2), "padding").ravel()[0])
    steps, source = contiguous(result), build.plain(node.inputs[0])
    target = build.new_plain(node.output)
    fill = Program((), (Instruction("Const", (), (value,), dtype),))
    build.map(fill, result, [], target, View(0, steps))
    # Negative padding takes away: less of the source is copied.
    sizes = [size + min(front, 0) + min(back, 0) for size, front, back in zip(shape, before, behind, strict=True)]
    own = contiguous(shape)
    taken = View(sum(max(-front, 0) * step for front, step in zip(before, own, strict=True)), own)
    placed = View(sum(max(front, 0) * step for front, step in zip(before, steps, strict=True)), steps)
    build.map(copying(dtype), sizes, [(source, taken)], target, placed)


def _reflected(mode: str, size: int, front: int, result: int) -> Array | None:
    """Which place of an axis each place of the result shows; None where the axis stays as it is."""
    if result == size:
        return None
    places = np.arange(result) - front
    if mode == "edge":
        return np.clip(places, 0, size - 1)
    if mode == "wrap":
        return places % size
    around = max(2 * size - 2, 1)
    folded = np.abs(places) % around
    return np.where(folded >= size, around - folded, folded)


def looked_up(build: Builder, node: Node, shape: Sequence[int], places: Sequence[Array | None]) -> None:
    """The node's result from its first input by given places along each axis; None leaves an axis as it is."""
    here, source = list(shape), build.plain(node.inputs[0])
    dtype = build.graph.dtype(node.output)
    changed = [axis for axis, one in enumerate(places) if one is not None]
    if not changed:
        lower_renamed(build, node)
        return
    for axis in changed:
        wanted = places[axis]
        assert wanted is not None
        count = len(wanted)
        table = wanted.astype(np.int32)
        index = build.weight(f"{node.output} places {axis}", partial(np.asarray, table))
        outer, inner, length = prod(here[:axis]), prod(here[axis + 1 :]), here[axis]
        here[axis] = count
        last = axis == changed[-1]
        size = prod(here) * np.dtype(dtype).itemsize
        target = build.new_plain(node.output) if last else build.buffer(size)
        made = gather(dtype, "int32", length, inner, count)
        build.launch(made, [source, index, target], (count if inner else 0, outer), target)
        source = target


def lower_gather(build: Builder, node: Node) -> None:
    shape, index = build.shape(node.inputs[0]), build.shape(node.inputs[1])
    dtype, kind = build.graph.dtype(node.output), build.graph.dtype(node.inputs[1])
    axis = int(node.get("axis", 0)) % len(shape)
    build.needs(kind in C_TYPES, f"places of type {kind}")
    source, places = build.plain(node.inputs[0]), build.plain(node.inputs[1])
    target = build.new_plain(node.output)
    inner, count = prod(shape[axis + 1 :]), prod(index)
    made = gather(dtype, kind, shape[axis], inner, count)
    build.launch(made, [source, places, target], (count if inner else 0, prod(shape[:axis])), target)


def lower_gather_elements(build: Builder, node: Node) -> None:
    shape, index = build.shape(node.inputs[0]), build.shape(node.inputs[1])
    axis = int(node.get("axis", 0)) % len(shape)
    build.needs(shape[:axis] == index[:axis] or axis == 0, "places that go through a part of the other axes")
    build.needs(shape[axis + 1 :] == index[axis + 1 :], "places that go through a part of the other axes")
    dtype, kind = build.graph.dtype(node.output), build.graph.dtype(node.inputs[1])
    source, places = build.plain(node.inputs[0]), build.plain(node.inputs[1])
    target = build.new_plain(node.output)
    inner = prod(shape[axis + 1 :])
    made = gather_elements(dtype, kind, shape[axis], (index[axis], inner), (shape[axis] * inner, inner))
    build.launch(made, [source, places, target], (prod(index),), target)


def moved_blocks(build: Builder, node: Node) -> None:
    """DepthToSpace and SpaceToDepth: a copy over six axes."""
    n, c, h, w = build.shape(node.inputs[0])
    size = int(node.attributes["blocksize"])
    if node.op == "SpaceToDepth":
        steps = (c * h * w, h * w, size * w, size, w, 1)
        n_, c_, y, x, dy, dx = steps
        if node.get("mode", "DCR") == "CRD":
            copied(build, node, (n, c, size, size, h // size, w // size), View(0, (n_, c_, dy, dx, y, x)))
            return
        copied(build, node, (n, size, size, c, h // size, w // size), View(0, (n_, dy, dx, c_, y, x)))
        return
    deep = c // (size * size)
    first = node.get("mode", "DCR") == "DCR"
    plane = h * w
    channel, dy, dx = (
        (plane, size * deep * plane, deep * plane) if first else (size * size * plane, size * plane, plane)
    )
    copied(build, node, (n, deep, h, size, w, size), View(0, (c * plane, channel, w, dy, 1, dx)))
