"""QuantizeLinear and DequantizeLinear as element-wise programs, with a scale for all or one a channel."""

from __future__ import annotations

import msgspec
import numpy as np

from bench.backends.opencl.graph import MAPPED, Array, Graph, Lacking, Node
from bench.backends.opencl.rewrite.elementwise import Writer

QUANTISING = frozenset({"QuantizeLinear", "DequantizeLinear"})
# Whole numbers whose difference from another of them float32 holds exactly.
_SHORT = ("int8", "uint8", "int16", "uint16")


def spell_out_quantising(graph: Graph) -> Graph:
    """The sized graph with both operators as programs; nodes that `refuse_quantising` refuses stay."""
    constants = dict(graph.constants)
    whole = msgspec.structs.replace(graph, constants=constants)
    nodes = []
    for node in graph.nodes:
        try:
            nodes.append(_spelt_out(whole, node, constants) if node.op in QUANTISING and not node.domain else node)
        except Lacking:
            nodes.append(node)
    return msgspec.structs.replace(whole, nodes=tuple(nodes))


def refuse_quantising(graph: Graph, node: Node) -> None:
    """Raises Lacking with the reason why a node has stayed."""
    constants = dict(graph.constants)
    _spelt_out(msgspec.structs.replace(graph, constants=constants), node, constants)


def _spelt_out(graph: Graph, node: Node, constants: dict[str, Array]) -> Node:
    """`constants`, which are those of the graph, take the scales that are turned."""
    down = node.op == "QuantizeLinear"
    types = graph.dtype(node.inputs[0]), graph.dtype(node.output)
    real, whole = types if down else types[::-1]
    if real != "float32" or graph.dtype(node.inputs[1]) != "float32":
        raise Lacking(f"scales of type {graph.dtype(node.inputs[1])} for {real}")
    if whole not in _SHORT and (down or whole != "int32"):
        raise Lacking(f"elements of type {whole}")
    write = Writer(graph)
    value, scale = write.operand(node.inputs[0]), write.operand(_along(graph, node, node.inputs[1], constants))
    zero = write.operand(_along(graph, node, node.input(2), constants)) if node.input(2) else None
    if down:
        limits = np.iinfo(whole)
        zero = write.add("Const", (), (0.0,), whole) if zero is None else zero
        write.add("Quantize", (value, scale, zero), (float(limits.min), float(limits.max)), whole)
    else:
        write.add("Mul", (_difference(write, value, zero, whole), scale))
    return Node(op=MAPPED, inputs=tuple(write.names), outputs=node.outputs, program=write.program(), proto=node.proto)


def _difference(write: Writer, value: int, zero: int | None, whole: str) -> int:
    """From the zero point, as float32, and exact: of short numbers in float32 already, of others before it."""
    if zero is None:
        return write.add("Cast", (value,))
    if whole in _SHORT:
        return write.add("Sub", (write.add("Cast", (value,)), write.add("Cast", (zero,))))
    return write.add("Cast", (write.add("Sub", (value, zero), (), whole),))


def _along(graph: Graph, node: Node, name: str, constants: dict[str, Array]) -> str:
    """A scale or zero point so that it broadcasts: as it is, or one a channel turned to the node's axis."""
    if name not in constants:
        raise Lacking("scales that depend on the data")
    value, shape = constants[name], graph.shape(node.inputs[0])
    if value.size == 1:
        return name
    axis = int(node.get("axis", 1))
    axis = axis + len(shape) if axis < 0 else axis
    if node.get("block_size", 0) or value.ndim != 1 or axis >= len(shape) or shape[axis] != value.size:
        raise Lacking("scales by blocks")
    turned = f"{name}/axis {axis} of {len(shape)}"
    constants[turned] = value.reshape(-1, *[1] * (len(shape) - axis - 1))
    return turned
