"""Batch normalisation into the convolution or product before it, or as one product and one sum."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from bench.backends.opencl.graph import Array, Graph, Node, Tensor, rewired

_EPSILON = 1e-5


def fold_batch_norms(graph: Graph) -> Graph:
    """Each BatchNormalization whose figures are constants becomes part of the Conv before it, where it can."""
    uses, constants, tensors = graph.uses(), dict(graph.constants), dict(graph.tensors)
    made: dict[str, int] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        figures = _figures(node, constants)
        if figures is None:
            made.update({name: len(nodes) for name in node.outputs})
            nodes.append(node)
            continue
        scale, shift = figures
        before = made.get(node.inputs[0])
        folded = None
        if before is not None and uses[node.inputs[0]] == 1:
            folded = _into_convolution(nodes[before], node.output, scale, shift, constants)
        if folded is not None and before is not None:
            nodes[before] = folded
            made[node.output] = before
            continue
        nodes.extend(_spread(node, scale, shift, tensors, constants))
        made[node.output] = len(nodes) - 1
    return msgspec.structs.replace(graph, nodes=tuple(nodes), constants=constants, tensors=tensors)


def _figures(node: Node, constants: Mapping[str, Array]) -> tuple[Array, Array] | None:
    """Scale and shift per channel in double precision; None for what is no such node, or is training."""
    if node.op != "BatchNormalization" or node.get("training_mode", 0) or len([o for o in node.outputs if o]) > 1:
        return None
    if any(name not in constants for name in node.inputs[1:5]) or constants[node.inputs[1]].dtype != np.float32:
        return None
    gain, bias, mean, variance = (constants[name].astype(np.float64) for name in node.inputs[1:5])
    scale = gain / np.sqrt(variance + float(node.get("epsilon", _EPSILON)))
    return scale, bias - mean * scale


def _into_convolution(conv: Node, output: str, scale: Array, shift: Array, constants: dict[str, Array]) -> Node | None:
    if conv.op != "Conv" or any(name not in constants for name in conv.inputs[1:] if name):
        return None
    weights = constants[conv.inputs[1]]
    old = constants[conv.inputs[2]].astype(np.float64) if conv.input(2) else 0.0
    names = f"{output}/folded.weight", f"{output}/folded.bias"
    constants[names[0]] = (weights * scale.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.float32)
    constants[names[1]] = (old * scale + shift).astype(np.float32)
    return rewired(conv, (conv.inputs[0], *names), (output,))


def _spread(
    node: Node, scale: Array, shift: Array, tensors: dict[str, Tensor], constants: dict[str, Array]
) -> list[Node]:
    """The same as Mul and Add with one figure a channel; needs the rank, and waits for it where it is not known."""
    from onnx import helper

    tensor = tensors.get(node.inputs[0])
    if tensor is None or tensor.shape is None:
        return [node]
    ones = [1] * (len(tensor.shape) - 2)
    names = f"{node.output}/scale", f"{node.output}/shift", f"{node.output}/scaled"
    tensors[names[2]] = tensor
    constants[names[0]], constants[names[1]] = (one.astype(np.float32).reshape(-1, *ones) for one in (scale, shift))
    protos = [
        helper.make_node("Mul", [node.inputs[0], names[0]], [names[2]]),
        helper.make_node("Add", [names[2], names[1]], [node.output]),
    ]
    return [Node(op=p.op_type, inputs=tuple(p.input), outputs=tuple(p.output), proto=p) for p in protos]
