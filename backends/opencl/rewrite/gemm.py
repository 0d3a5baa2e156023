"""Gemm as the product and the sum that it is, so that one way leads to every matrix product."""

from __future__ import annotations

from typing import Any  # Any: an attribute is a number or a list of them

import msgspec
import numpy as np

from bench.backends.opencl.graph import Array, Graph, Node


def spell_out_gemm(graph: Graph) -> Graph:
    """Each Gemm becomes MatMul, with Transpose, Mul and Add as far as its attributes ask for them."""
    constants, scales = dict(graph.constants), dict(graph.scales)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op != "Gemm" or node.domain:
            nodes.append(node)
            continue
        nodes.extend(made := _spelt_out(node, constants))
        # Weights that were turned are still whole numbers times their scale.
        turned, scale = f"{node.output}/b", graph.scales.get(node.inputs[1])
        if scale is not None and any(turned in one.inputs for one in made):
            scales[turned] = scale.T
    return msgspec.structs.replace(graph, nodes=tuple(nodes), constants=constants, scales=scales)


def _spelt_out(node: Node, constants: dict[str, Array]) -> list[Node]:
    made: list[Node] = []
    left, right = (
        _turned(node, position, f"{node.output}/{'ab'[position]}", constants, made)
        if node.get(("transA", "transB")[position], 0)
        else node.inputs[position]
        for position in (0, 1)
    )
    last = _made(made, "MatMul", (left, right), f"{node.output}/product")
    last = _scaled(last, float(node.get("alpha", 1.0)), f"{node.output}/alpha", constants, made)
    if node.input(2):
        beta = _scaled(node.input(2), float(node.get("beta", 1.0)), f"{node.output}/beta", constants, made)
        last = _made(made, "Add", (last, beta), f"{node.output}/sum")
    # The last of them takes the place of the Gemm.
    end = made.pop()
    return [*made, _one(end.op, end.inputs, node.output)]


def _turned(node: Node, position: int, name: str, constants: dict[str, Array], made: list[Node]) -> str:
    source = node.inputs[position]
    if source in constants:
        constants[name] = np.ascontiguousarray(constants[source].T)
        return name
    return _made(made, "Transpose", (source,), name, perm=[1, 0])


def _scaled(source: str, factor: float, name: str, constants: dict[str, Array], made: list[Node]) -> str:
    if factor == 1.0:
        return source
    if source in constants:
        constants[name] = (constants[source] * constants[source].dtype.type(factor)).astype(constants[source].dtype)
        return name
    constants[f"{name}/factor"] = np.array(factor, np.float32)
    return _made(made, "Mul", (source, f"{name}/factor"), name)


def _made(made: list[Node], op: str, inputs: tuple[str, ...], output: str, **attributes: Any) -> str:
    made.append(_one(op, inputs, output, **attributes))
    return output


def _one(op: str, inputs: tuple[str, ...], output: str, **attributes: Any) -> Node:
    from onnx import helper

    return Node(
        op=op,
        inputs=inputs,
        outputs=(output,),
        attributes=attributes,
        proto=helper.make_node(op, list(inputs), [output], **attributes),
    )
