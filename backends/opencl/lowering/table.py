"""Which function lowers which operator, and the way through a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from bench.backends.opencl.device import Traits
from bench.backends.opencl.expressions import C_TYPES, copying
from bench.backends.opencl.graph import CONVOLUTIONS, MAPPED, MATRIX_PRODUCTS, Graph, Lacking, Node, Tensor
from bench.backends.opencl.kernels.rows import REDUCTIONS
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import BLOCK, Geometry, View, contiguous
from bench.backends.opencl.lowering import moving, ordering, recurrent, resizing, rows
from bench.backends.opencl.lowering.builder import Builder
from bench.backends.opencl.lowering.convolutions import in_blocks, lower_convolution, lower_transposed
from bench.backends.opencl.lowering.mapped import lower_mapped
from bench.backends.opencl.lowering.pictures import lower_global, lower_pool
from bench.backends.opencl.lowering.products import lower_product
from bench.backends.opencl.plan import Buffer, OnHost, Plan, nbytes
from bench.backends.opencl.rewrite.elementwise import ELEMENTWISE
from bench.backends.opencl.rewrite.quantising import QUANTISING, refuse_quantising
from bench.backends.opencl.rewrite.recurrent import GATES
from bench.backends.opencl.shapes import captured
from bench.backends.opencl.tiles import Tiles

_LOWERINGS: Mapping[str, Callable[[Builder, Node], None]] = {
    MAPPED: lower_mapped,
    **dict.fromkeys(CONVOLUTIONS, lower_convolution),
    "ConvTranspose": lower_transposed,
    **dict.fromkeys(MATRIX_PRODUCTS, lower_product),
    **dict.fromkeys(("MaxPool", "AveragePool"), lower_pool),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), lower_global),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"), moving.lower_renamed),
    "Transpose": moving.lower_transpose,
    "Expand": moving.lower_expand,
    "Tile": moving.lower_tile,
    "Slice": moving.lower_slice,
    "Split": moving.lower_split,
    "Concat": moving.lower_concat,
    "Pad": moving.lower_pad,
    "Gather": moving.lower_gather,
    "GatherElements": moving.lower_gather_elements,
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), moving.moved_blocks),
    **dict.fromkeys(("Resize", "Upsample"), resizing.lower_resize),
    **{f"Reduce{how}": rows.lower_reduction for how in REDUCTIONS},
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), rows.lower_softmax),
    **dict.fromkeys(("ArgMax", "ArgMin"), rows.lower_extreme),
    "LayerNormalization": rows.lower_layer_norm,
    "InstanceNormalization": rows.lower_instance_norm,
    "GroupNormalization": rows.lower_group_norm,
    "CumSum": ordering.lower_running_sum,
    "TopK": ordering.lower_largest,
    **{f"_{op}": recurrent.lower_recurrent for op in GATES},
    **dict.fromkeys(GATES, recurrent.refuse),
    **dict.fromkeys(QUANTISING, lambda build, node: refuse_quantising(build.graph, node)),
}

# What the engine has, by ONNX's names, as far as shapes and types allow; some of it goes before anything is lowered.
OPERATORS = (
    frozenset(op for op in _LOWERINGS if not op.startswith("_"))
    | ELEMENTWISE
    | {"Gemm", "BatchNormalization", "Shape", "Size", "Constant"}
)


def lower(graph: Graph, traits: Traits, samples: int, tiles: Tiles, like: Mapping[str, Tile] = {}) -> Plan:
    """The steps that compute a sized graph on a device. What the device cannot do is left to the host.

    Layers are tiled as `like` says by their labels, where that fits.
    Raises Lacking when an input is of a type that C does not have.
    """
    build = Builder(graph, traits, tiles, _wanted(graph), samples)
    inputs = {name: build.new_plain(name) for name in graph.inputs}
    lacking: dict[str, str] = {}
    for node in graph.nodes:
        build.label = f"{_told(node)} {node.outputs[0]}"
        build.tiles = msgspec.structs.replace(tiles, same=like.get(build.label))
        mark = build.mark()
        try:
            _lowered(build, node)
        except Lacking as reason:
            build.go_back(mark)
            lacking[f"{node.domain}.{node.op}".lstrip(".")] = str(reason)
            build.steps.append(_on_host(build, node, str(reason)))
    outputs = {name: _output(build, name) for name in graph.outputs}
    return Plan(
        samples=samples,
        steps=tuple(build.steps),
        inputs=inputs,
        outputs=outputs,
        tensors={name: graph.tensor(name) for name in (*graph.inputs, *graph.outputs)},
        weights=build.weights,
        lacking=lacking,
    )


def _told(node: Node) -> str:
    """What a node does, by the operators that became one: `Conv·Add·Relu`."""
    inside = [one.op for one in node.program.instructions if one.op != "Const"] if node.program is not None else []
    return "·".join(inside if node.op == MAPPED else [node.op, *inside])


def _lowered(build: Builder, node: Node) -> None:
    function = _LOWERINGS.get(node.op) if not node.domain else None
    if function is None:
        raise Lacking("the operator")
    for name in node.outputs:
        if name:
            build.shape(name)
    if node.op == "Dropout" and ((len(node.outputs) > 1 and node.outputs[1]) or node.input(2)):
        raise Lacking("a Dropout that drops")
    function(build, node)


def _output(build: Builder, name: str) -> Buffer | None:
    """Row-major memory of an output; an input or a constant that is handed on is copied."""
    try:
        place = build.plain(name)
    except Lacking:
        return None
    if isinstance(place, Buffer):
        return place
    tensor = build.tensor(name)
    shape = build.shape(name)
    target = build.buffer(nbytes(tensor.dtype, shape))
    build.map(copying(tensor.dtype), shape, [(place, View(0, contiguous(shape)))], target, View(0, contiguous(shape)))
    return target


def _on_host(build: Builder, node: Node, why: str) -> OnHost:
    """A step of the host. Its results come back to the device where they have a form there."""
    reads: dict[str, tuple[Buffer, Tensor]] = {}
    graph = build.graph
    for name in (*node.inputs, *captured(node, graph)):
        if not name or name in graph.constants:
            continue
        try:
            place = build.plain(name)
        except Lacking:
            continue
        assert isinstance(place, Buffer)
        reads[name] = place, graph.tensor(name)
    writes = {}
    for name in node.outputs:
        if name and graph.tensor(name).shape is not None and graph.dtype(name) in C_TYPES:
            writes[name] = build.new_plain(name), graph.tensor(name)
    return OnHost(node=node, reads_device=reads, writes_device=writes, why=why)


def _wanted(graph: Graph) -> dict[str, Geometry]:
    """The geometry in which the convolutions that read a value want it; with the widest border of them all."""
    wanted: dict[str, Geometry] = {}
    others: set[str] = set()
    for node in graph.nodes:
        layer = in_blocks(graph, node) if not node.domain else None
        for position, name in enumerate(node.inputs):
            if layer is None or position:
                others.add(name)
        if layer is None:
            continue
        name, here = node.inputs[0], layer.source
        there = wanted.get(name, here)
        if there.block != here.block:
            wanted.pop(name, None)
            continue
        sides = {side: max(getattr(there, side), getattr(here, side)) for side in ("top", "left", "bottom", "right")}
        wanted[name] = msgspec.structs.replace(here, **sides)
    # Planes serve convolutions alone; whoever else reads the value wants it row-major.
    outside = others | set(graph.outputs)
    return {name: one for name, one in wanted.items() if one.block == BLOCK or name not in outside}
