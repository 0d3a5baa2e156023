"""Matrix products of any number of axes: which sides are shared, how the right one is packed, the launch."""

from __future__ import annotations

from functools import partial
from math import prod

import msgspec
import numpy as np

from bench.backends.opencl.expressions import copying
from bench.backends.opencl.graph import Graph, Node
from bench.backends.opencl.kernels.arithmetic import FLOATS
from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.product import (
    Product,
    packed_matrix,
    packed_pairs_of_rows,
    product,
    product_size,
)
from bench.backends.opencl.layout import BLOCK, View, broadcast
from bench.backends.opencl.lowering.builder import Builder, in_lanes
from bench.backends.opencl.lowering.convolutions import arithmetic
from bench.backends.opencl.plan import Argument, Buffer, Weight, nbytes


def product_fits(graph: Graph, node: Node, other: str) -> bool:
    """Whether a program's operand can come in while a product's results are stored."""
    result, shape = graph.shape(node.output), graph.shape(other)
    if graph.dtype(other) not in ("float32", "half") or min(len(graph.shape(name)) for name in node.own) < 2:
        return False
    columns = other in graph.constants and prod(shape) == result[-1] == (shape or (0,))[-1]
    return columns or shape == result


def lower_product(build: Builder, node: Node) -> None:
    """MatMul, or one of another arithmetic, with its epilogue."""
    left, right = (build.shape(name) for name in node.own)
    kind = arithmetic(build, node)
    if kind is FLOATS:
        build.floats(*node.own)
    left = (1, *left) if len(left) == 1 else left
    right = (*right, 1) if len(right) == 1 else right
    rows, depth, columns = left[-2], left[-1], right[-1]
    spread = np.broadcast_shapes(left[:-2], right[:-2])
    if not prod(right[:-2]) > 1:  # one matrix on the right: all before the last axis are rows
        rows, batch, shared = prod(spread) * rows, 1, (False, True)
    else:
        batch, shared = prod(spread), (prod(left[:-2]) == 1, False)
    build.needs(depth > 0, "products over nothing")
    source = _spread(build, node.inputs[0], left, (*spread, *left[-2:]), prod(left[:-2]) in (1, prod(spread)))
    layer = Product(depth // kind.many, columns, left_shared=shared[0] and batch > 1, right_shared=shared[1])
    key, tile = build.tiles.product(layer, rows, batch, build.traits, kind)
    if node.inputs[1] in build.graph.constants and shared[1]:
        matrix = build.graph.constants[node.inputs[1]].reshape(depth, columns)
        packed: Weight | Buffer = build.weight(
            f"{node.inputs[1]} columns {tile.blocks}",
            partial(packed_pairs_of_rows if kind.whole else packed_matrix, matrix, tile),
        )
    else:  # on the device a block is packed after the other
        tile = msgspec.structs.replace(tile, blocks=1)
        packed = _packed(build, node.inputs[1], right, (*spread, depth, columns) if not shared[1] else right)
    others: list[bool] = []
    places: list[Argument] = []
    for name in node.inputs[2:]:
        constant = build.graph.constants.get(name)
        large = constant is None or constant.shape == build.shape(node.output)
        others.append(large)
        if large or constant is None:
            places.append(build.plain(name))
        else:
            places.append(build.weight(f"{name} lanes", partial(in_lanes, constant, layer.blocks * BLOCK)))
    target = build.new_plain(node.output)
    made = product(layer, tile, Epilogue(node.program or copying(build.graph.dtype(node.output)), tuple(others)), kind)
    size = product_size(layer, tile, rows, batch)
    macs = rows * batch * depth * columns
    build.launch(made, [source, packed, *places, target, rows, tile.strips], size, target, macs, (key, tile))


def _spread(
    build: Builder, name: str, shape: tuple[int, ...], target: tuple[int, ...], as_it_is: bool
) -> Buffer | Weight:
    """A side of the product, written out where it is repeated for some axes of the batch and not for others."""
    source = build.plain(name)
    if as_it_is:
        return source
    dtype = build.graph.dtype(name)
    made = build.buffer(nbytes(dtype, target))
    build.map(copying(dtype), target, [(source, broadcast(shape, target))], made, broadcast(target, target))
    return made


def _packed(build: Builder, name: str, shape: tuple[int, ...], target: tuple[int, ...]) -> Buffer:
    """The right side in columns of sixteen, packed on the device; the last columns stay filled up with zeros."""
    *batch, depth, columns = target
    blocks, dtype = -(-columns // BLOCK), build.graph.dtype(name)
    made = build.buffer(
        nbytes(dtype, (*batch, blocks, depth, BLOCK)), f"columns {columns}x{depth} {dtype}" if columns % BLOCK else ""
    )
    source, view = build.plain(name), broadcast(shape, target)
    *over, down, along = view.strides
    whole, rest = divmod(columns, BLOCK)
    for first, count, lanes in [*([(0, whole, BLOCK)] if whole else []), *([(whole, 1, rest)] if rest else [])]:
        sizes = (*batch, count, depth, lanes)
        taken = View(first * BLOCK * along, (*over, BLOCK * along, down, along))
        steps = broadcast(tuple(batch), tuple(batch)).strides
        matrix = blocks * depth * BLOCK
        placed = View(first * depth * BLOCK, (*(step * matrix for step in steps), depth * BLOCK, BLOCK, 1))
        build.map(copying(dtype), sizes, [(source, taken)], made, placed)
    return made
