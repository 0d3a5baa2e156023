"""3x3 convolutions by Winograd's way: which of them gain by it, and their three launches."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.backends.opencl.expressions import copying
from bench.backends.opencl.graph import Array, Graph, Node
from bench.backends.opencl.kernels.convolution import Convolution, convolution
from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.winograd import (
    POINTS,
    Winograd,
    possible,
    turned_weights,
    winograd_in,
    winograd_out,
)
from bench.backends.opencl.layout import BLOCK
from bench.backends.opencl.lowering.builder import Builder, in_lanes
from bench.backends.opencl.plan import Argument, Buffer, Weight

# Turning costs by the channel, products by their square: with fewer channels nothing is left of the gain.
_LEAST_CHANNELS = 64


def worth_it(layer: Convolution) -> bool:
    """Whether a layer can be computed so, and is large enough to gain."""
    return possible(layer) and min(layer.source.channels, layer.result.channels) >= _LEAST_CHANNELS


def lower_winograd(
    build: Builder,
    node: Node,
    layer: Convolution,
    epilogue: Epilogue,
    operands: tuple[Buffer | Weight, list[Argument]],
) -> None:
    """The launches of a layer; `operands` are where its input lies, and what the epilogue reads."""
    one, (source, places), name = Winograd(layer), operands, node.inputs[1]
    products, samples = one.products, build.samples * POINTS
    key, tile = build.tiles.convolution(products, build.traits, samples)
    turned = build.buffer(one.nbytes(layer.source, build.samples))
    build.launch(winograd_in(one), [source, turned], one.size(layer.source, build.samples), turned)
    packed = build.weight(
        f"{name} winograd {tile.blocks}", partial(turned_weights, build.graph.constants[name], products, tile)
    )
    nothing = no_bias(build, layer)
    found = build.buffer(one.nbytes(layer.result, build.samples))
    made = convolution(products, tile, Epilogue(copying("float32")))
    arguments: list[Argument] = [turned, packed, nothing, found, tile.strips]
    build.launch(made, arguments, products.size(tile, samples), found, products.macs * samples, (key, tile))
    target = build.new_blocked(node.output, layer.result)
    size = one.size(layer.result, build.samples)
    build.launch(winograd_out(one, epilogue), [found, bias_of(build, node, layer), *places, target], size, target)


def no_bias(build: Builder, layer: Convolution) -> Weight:
    """Zeros, which are the same words for floats and for whole numbers."""
    return build.weight(f"no bias {layer.result.blocks}", partial(np.zeros, layer.result.blocks * BLOCK, np.float32))


def bias_of(build: Builder, node: Node, layer: Convolution) -> Weight:
    """A number a channel of the result; zeros where the layer has none."""
    return build.weight(f"{node.input(2) or node.output} bias", partial(_bias, build.graph, node, layer))


def _bias(graph: Graph, node: Node, layer: Convolution) -> Array:
    values = graph.constants[node.input(2)] if node.input(2) else np.zeros(0, np.float32)
    return in_lanes(values, layer.result.blocks * BLOCK)
