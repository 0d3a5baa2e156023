"""Convolutions: which of them run in blocks of channels, what their inputs must look like, and their launches."""

from __future__ import annotations

from functools import partial

import msgspec
import numpy as np

from bench.backends.opencl.expressions import copying
from bench.backends.opencl.graph import (
    CONVOLUTIONS,
    HALF_CONV,
    HALF_MATMUL,
    INTEGER_CONV,
    INTEGER_MATMUL,
    Graph,
    Lacking,
    Node,
)
from bench.backends.opencl.kernels.arithmetic import FLOATS, HALVES, Arithmetic, pairs
from bench.backends.opencl.kernels.convolution import Convolution, convolution, packed_pairs, packed_weights
from bench.backends.opencl.kernels.depthwise import depthwise, depthwise_size, packed_taps
from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.plain_convolution import PlainConvolution, plain_convolution
from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import BLOCK, Geometry, picture
from bench.backends.opencl.lowering.builder import Builder, in_lanes
from bench.backends.opencl.lowering.winograd import bias_of, lower_winograd, no_bias, worth_it
from bench.backends.opencl.plan import Argument, Weight

# Up to this many channels an input is laid out in planes: blocks of sixteen would be mostly filling.
_FEW_CHANNELS = 4


# Kernel, weights, global size, and the tile under its key.
Tiled = tuple[Kernel, Weight, tuple[int, int, int], tuple[str, Tile]]


class Window(msgspec.Struct, frozen=True):
    """Sizes of a sliding window, per spatial axis; `pads` before all axes, then behind them."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]

    @property
    def two(self) -> Window:
        """The same for a picture, where it is one of a sequence."""
        if len(self.kernel) == 2:
            return self
        before, behind = self.pads
        return Window((1, *self.kernel), (1, *self.strides), (1, *self.dilations), (0, before, 0, behind))


def window(node: Node, source: tuple[int, ...], result: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    """A node's window with its padding in numbers, whatever way the file says it; sizes of the spatial axes."""
    axes = len(kernel)
    strides = tuple(node.get("strides") or [1] * axes)
    dilations = tuple(node.get("dilations") or [1] * axes)
    how = node.get("auto_pad", "NOTSET")
    if how in ("NOTSET", "VALID"):
        pads = tuple(node.get("pads") or [0] * 2 * axes) if how == "NOTSET" else (0,) * 2 * axes
        return Window(kernel, strides, dilations, pads)
    total = [
        max(0, (out - 1) * step + (size - 1) * wide + 1 - there)
        for out, step, size, wide, there in zip(result, strides, kernel, dilations, source, strict=True)
    ]
    less = [one // 2 for one in total]
    more = [one - half for one, half in zip(total, less, strict=True)]
    return Window(kernel, strides, dilations, (*less, *more) if how == "SAME_UPPER" else (*more, *less))


def in_blocks(graph: Graph, node: Node) -> Convolution | None:
    """The layer, when a Conv (of any arithmetic) can run in blocks of channels; `source` has the border it needs.

    None for dynamic weights, three spatial axes, and groups that do not fill whole blocks.
    """
    dtype = CONVOLUTIONS.get(node.op)
    if dtype is None or any(name not in graph.constants for name in node.own[1:] if name):
        return None
    source, result, weights = graph.shape(node.inputs[0]), graph.shape(node.output), graph.constants[node.inputs[1]]
    if len(source) not in (3, 4) or graph.dtype(node.inputs[0]) != dtype or 0 in (*source, *result):
        return None
    groups, (out, inside) = int(node.get("group", 1)), weights.shape[:2]
    alone = groups > 1 and inside == 1 and out == groups
    if groups > 1 and not alone and (inside % BLOCK or out // groups % BLOCK):
        return None
    two = window(node, source[2:], result[2:], weights.shape[2:]).two
    if min(two.pads) < 0:
        return None
    _, channels, height, width = picture(source)
    _, out_channels, rows, columns = picture(result)
    # Behind the picture no more border is read than the last windows reach.
    reach = [
        max(0, (count - 1) * step + (size - 1) * wide + 1 - before - there)
        for count, step, size, wide, before, there in zip(
            (rows, columns), two.strides, two.kernel, two.dilations, two.pads, (height, width), strict=False
        )
    ]
    block = 1 if groups == 1 and channels <= _FEW_CHANNELS else BLOCK
    return Convolution(
        source=Geometry(channels, height, width, block, two.pads[0], two.pads[1], *reach),
        result=Geometry(out_channels, rows, columns),
        kernel=(two.kernel[0], two.kernel[1]),
        strides=(two.strides[0], two.strides[1]),
        dilations=(two.dilations[0], two.dilations[1]),
        pads=(two.pads[0], two.pads[1]),
        groups=groups,
    )


def lower_convolution(build: Builder, node: Node) -> None:
    """A Conv with its epilogue, in blocks where it can be; one of another arithmetic than floats can."""
    kind = arithmetic(build, node)
    if kind is FLOATS:
        build.floats(node.inputs[0], node.inputs[1])
    layer = in_blocks(build.graph, node)
    if layer is None:
        build.needs(node.program is None, "an epilogue")
        _lower_plain(build, node)
        return
    border = layer.source.top, layer.source.left, layer.source.bottom, layer.source.right
    home = build.blocked(node.inputs[0], layer.source.block, border)
    wanted = build.wanted.get(node.output)
    result = wanted if wanted is not None and wanted.block == BLOCK else layer.result
    assert home.geometry is not None
    layer = msgspec.structs.replace(layer, source=home.geometry, result=result)
    others, places = _operands(build, node, layer)
    epilogue = Epilogue(node.program or copying(build.graph.dtype(node.output)), others)
    if build.tiles.winograd and worth_it(layer) and kind is FLOATS:
        lower_winograd(build, node, layer, epilogue, (home.place, places))
        return
    alone = layer.groups > 1 and build.shape(node.inputs[1])[1] == 1
    made, packed, size, tiled = (_alone if alone else _across)(build, node, layer, epilogue, kind)
    bias = no_bias(build, layer) if kind.whole else bias_of(build, node, layer)
    target = build.new_blocked(node.output, layer.result)
    arguments = [home.place, packed, bias, *places, target, tiled[1].strips]
    build.launch(made, arguments, size, target, layer.macs * build.samples, tiled)


def arithmetic(build: Builder, node: Node) -> Arithmetic:
    """In which numbers a product is computed."""
    if node.op in (INTEGER_CONV, INTEGER_MATMUL):
        return pairs(build.traits.madd)
    return HALVES if node.op in (HALF_CONV, HALF_MATMUL) else FLOATS


def _alone(build: Builder, node: Node, layer: Convolution, epilogue: Epilogue, kind: Arithmetic) -> Tiled:
    """Kernel, weights, size and tile of a convolution of each channel by itself."""
    name = node.inputs[1]
    key, tile = build.tiles.depthwise(layer, build.traits, build.samples, kind)
    taps = build.weight(f"{name} taps", partial(packed_taps, build.graph.constants[name], layer))
    return depthwise(layer, tile, epilogue, kind), taps, depthwise_size(layer, tile, build.samples), (key, tile)


def _across(build: Builder, node: Node, layer: Convolution, epilogue: Epilogue, kind: Arithmetic) -> Tiled:
    """The same of one that goes through all channels, or those of a group."""
    name = node.inputs[1]
    flat = layer.flattened(epilogue.others)
    epilogue = msgspec.structs.replace(epilogue, others=tuple(_flat(other, flat) for other in epilogue.others))
    key, tile = build.tiles.convolution(flat, build.traits, build.samples, kind)
    weights = f"{name} {tile.blocks} {layer.source.block} {layer.groups}"
    pack = packed_pairs if kind.whole else packed_weights
    packed = build.weight(weights, partial(pack, build.graph.constants[name], flat, tile))
    return convolution(flat, tile, epilogue, kind), packed, flat.size(tile, build.samples), (key, tile)


def _flat(other: Geometry | bool | None, layer: Convolution) -> Geometry | bool | None:
    """An operand's geometry as the (flattened) layer goes through it."""
    if not isinstance(other, Geometry) or layer.result.height == other.height:
        return other
    return msgspec.structs.replace(other, height=1, width=other.height * other.width)


def _operands(build: Builder, node: Node, layer: Convolution) -> tuple[tuple[Geometry | None, ...], list[Argument]]:
    """Geometry and place of each operand of the epilogue; None for one number a channel."""
    others: list[Geometry | None] = []
    places: list[Argument] = []
    for name in node.inputs[len(node.own) :]:
        constant = build.graph.constants.get(name)
        if constant is not None:
            count = layer.result.blocks * BLOCK
            places.append(build.weight(f"{name} lanes", partial(in_lanes, constant, count)))
            others.append(None)
            continue
        home = build.blocked(name)
        places.append(home.place)
        others.append(home.geometry)
    return tuple(others), places


def epilogue_fits(graph: Graph, node: Node, other: str) -> bool:
    """Whether a program's operand can come in while a Conv's results are stored."""
    result, shape = graph.shape(node.output), graph.shape(other)
    if graph.dtype(other) not in ("float32", "int16", "half"):
        return False
    if other in graph.constants:
        if graph.dtype(other) != "float32":
            return False
        spread = (1,) * (len(result) - len(shape)) + tuple(shape)
        return spread == (1, result[1], *[1] * (len(result) - 2))
    return shape == result


# ---------------------------------------------------------------------------------------------------------- the others


def _lower_plain(build: Builder, node: Node) -> None:
    source, weights, result = (build.shape(name) for name in (*node.inputs[:2], node.output))
    opened = window(node, source[2:], result[2:], weights[2:])
    _launch_plain(build, node, opened, transposed=False)


def lower_transposed(build: Builder, node: Node) -> None:
    """A ConvTranspose; `output_shape` and `output_padding` stand in the result's shape."""
    build.floats(node.inputs[0], node.inputs[1])
    source, weights, result = (build.shape(name) for name in (*node.inputs[:2], node.output))
    axes = len(source) - 2
    kernel = weights[2:]
    strides, dilations = (tuple(node.get(name) or [1] * axes) for name in ("strides", "dilations"))
    pads = tuple(node.get("pads") or [0] * 2 * axes)
    how = node.get("auto_pad", "NOTSET")
    if how != "NOTSET" or "output_shape" in node.attributes:
        extra = tuple(node.get("output_padding") or [0] * axes)
        total = [
            max(0, step * (there - 1) + more + (size - 1) * wide + 1 - out)
            for step, there, more, size, wide, out in zip(
                strides, source[2:], extra, kernel, dilations, result[2:], strict=True
            )
        ]
        pads = tuple(one - one // 2 if how != "SAME_UPPER" and how != "NOTSET" else one // 2 for one in total)
        if how == "VALID":
            pads = (0,) * axes
    _launch_plain(build, node, Window(kernel, strides, dilations, pads), transposed=True)


def _launch_plain(build: Builder, node: Node, opened: Window, transposed: bool) -> None:
    source, result = build.shape(node.inputs[0]), build.shape(node.output)
    if len(source) < 3:
        raise Lacking("a convolution without an axis to go along")
    layer = PlainConvolution(
        channels=(source[1], result[1]),
        source=source[2:],
        result=result[2:],
        kernel=opened.kernel,
        strides=opened.strides,
        dilations=opened.dilations,
        pads=opened.pads[: len(source) - 2],
        groups=int(node.get("group", 1)),
        transposed=transposed,
        biased=bool(node.input(2)),
    )
    places = [build.plain(name) for name in node.own if name]
    target = build.new_plain(node.output)
    count = int(np.prod(result))
    macs = count * source[1] // layer.groups * int(np.prod(layer.kernel))
    build.launch(plain_convolution(layer), [*places, target], (count,), target, macs)
