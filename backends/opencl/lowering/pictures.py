"""Pooling and whole-picture means, in blocks of channels."""

from __future__ import annotations

from math import prod

import msgspec

from bench.backends.opencl.graph import Node
from bench.backends.opencl.kernels.plain_pooling import PlainPooling, plain_pooling
from bench.backends.opencl.kernels.pooling import Pooling, pooling
from bench.backends.opencl.layout import BLOCK, Geometry, picture
from bench.backends.opencl.lowering.builder import Builder
from bench.backends.opencl.lowering.convolutions import Window, window


def lower_pool(build: Builder, node: Node) -> None:
    """MaxPool and AveragePool; in blocks of channels over one or two spatial axes."""
    build.needs(len([name for name in node.outputs if name]) == 1, "the places of a MaxPool")
    build.needs(not node.get("storage_order", 0), "column-major places")
    source, result = build.shape(node.inputs[0]), build.shape(node.output)
    kernel = tuple(node.attributes["kernel_shape"])
    if len(source) not in (3, 4):
        _launch_plain(build, node, window(node, source[2:], result[2:], kernel))
        return
    two = window(node, source[2:], result[2:], kernel).two
    layer = Pooling(
        source=Geometry(*picture(source)[1:]),
        result=Geometry(*picture(result)[1:]),
        kernel=(two.kernel[0], two.kernel[1]),
        strides=(two.strides[0], two.strides[1]),
        dilations=(two.dilations[0], two.dilations[1]),
        pads=two.pads,  # type: ignore[arg-type]  # four, of two axes
        mean=node.op == "AveragePool",
        padding_counts=bool(node.get("count_include_pad", 0)),
    )
    _launch(build, node, layer)


def lower_global(build: Builder, node: Node) -> None:
    """GlobalAveragePool and GlobalMaxPool over one or two spatial axes."""
    source = build.shape(node.inputs[0])
    build.needs(len(source) in (3, 4), f"pooling over {len(source) - 2} axes")
    lower_whole(build, node, node.op == "GlobalAveragePool")


def lower_whole(build: Builder, node: Node, mean: bool) -> None:
    """The mean (or largest) of each channel's whole picture; the result has one pixel, or no spatial axes."""
    _, channels, height, width = picture(build.shape(node.inputs[0]))
    layer = Pooling(
        source=Geometry(channels, height, width), result=Geometry(channels, 1, 1), kernel=(height, width), mean=mean
    )
    _launch(build, node, layer)


def _launch_plain(build: Builder, node: Node, opened: Window) -> None:
    build.floats(node.inputs[0])
    shape = build.shape(node.output)
    layer = PlainPooling(
        source=build.shape(node.inputs[0])[2:],
        result=shape[2:],
        kernel=opened.kernel,
        strides=opened.strides,
        dilations=opened.dilations,
        pads=opened.pads,
        mean=node.op == "AveragePool",
        padding_counts=bool(node.get("count_include_pad", 0)),
    )
    source, target = build.plain(node.inputs[0]), build.new_plain(node.output)
    build.launch(plain_pooling(layer), [source, target], (prod(shape),), target)


def _launch(build: Builder, node: Node, layer: Pooling) -> None:
    build.floats(node.inputs[0])
    build.needs(0 not in build.shape(node.inputs[0]), "pictures without pixels")
    home = build.blocked(node.inputs[0])
    assert home.geometry is not None
    wanted = build.wanted.get(node.output)
    result = wanted if wanted is not None and wanted.block == BLOCK else layer.result
    target = build.new_blocked(node.output, result)
    layer = msgspec.structs.replace(layer, source=home.geometry, result=result)
    size = result.height, result.blocks, build.samples
    build.launch(pooling(layer), [home.place, target], size, target)
