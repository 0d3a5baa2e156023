"""LSTM, GRU and RNN as one product for all steps and directions, and what is left for each step.

The product of the inputs does not depend on the step before; as a MatMul with a sum it is cut up, packed and tuned like
every other. What is left has the operator's name with an underscore before it, and these inputs: the product's result
(steps, samples, directions * gates * units), the recurrent weights, a bias of them or "", the first h and c or "".
"""

from __future__ import annotations

from math import prod
from typing import Any  # Any: an attribute is a number or a list of them

import msgspec
import numpy as np

from bench.backends.opencl.graph import Array, Graph, Lacking, Node, Tensor

# Gates of each operator, and the activations that it has unless told otherwise.
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_ACTIVATIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def spell_out_recurrent(graph: Graph) -> Graph:
    """The sized graph with recurrent operators in two parts; those that `refuse_recurrent` refuses stay."""
    constants, tensors = dict(graph.constants), dict(graph.tensors)
    nodes: list[Node] = []
    for node in graph.nodes:
        try:
            known = node.op in GATES and not node.domain
            nodes.extend(_spelt_out(graph, node, constants, tensors) if known else [node])
        except Lacking:
            nodes.append(node)
    return msgspec.structs.replace(graph, nodes=tuple(nodes), constants=constants, tensors=tensors)


def refuse_recurrent(graph: Graph, node: Node) -> None:
    """Raises Lacking with the reason why a node has stayed."""
    steps, _, _ = graph.shape(node.inputs[0])
    wanted = _ACTIVATIONS[node.op] * len(DIRECTIONS[node.get("direction", "forward")])
    given = [one.decode() if isinstance(one, bytes) else one for one in node.get("activations", [])]
    _needs(not given or given == wanted, f"activations {', '.join(given)}")
    for name, unset in (("clip", 0.0), ("input_forget", 0), ("layout", 0)):
        _needs(node.get(name, unset) == unset, f"the attribute {name}")
    _needs(not node.input(7), "peepholes")
    lengths = node.input(4)
    whole = not lengths or (lengths in graph.constants and bool((graph.constants[lengths] == steps).all()))
    _needs(whole, "samples of different lengths")
    _needs(graph.dtype(node.inputs[0]) == "float32", f"elements of type {graph.dtype(node.inputs[0])}")
    _needs(prod(graph.shape(node.inputs[0])) > 0, "sequences without elements")
    fixed = not node.input(3) or node.input(3) in graph.constants
    _needs(fixed or not node.get("linear_before_reset", 0), "a bias that depends on the data and is reset")


def _needs(condition: bool, what: str) -> None:
    if not condition:
        raise Lacking(what)


def _spelt_out(graph: Graph, node: Node, constants: dict[str, Array], tensors: dict[str, Tensor]) -> list[Node]:
    refuse_recurrent(graph, node)
    steps, samples, _ = graph.shape(node.inputs[0])
    directions, gates, width = graph.shape(node.inputs[1])
    columns, made = directions * gates, list[Node]()
    first = next(name for name in node.outputs if name)

    def add(op: str, inputs: tuple[str, ...], name: str, shape: tuple[int, ...], **attributes: Any) -> str:
        tensors[name] = Tensor("float32", shape)
        made.append(Node(op=op, inputs=inputs, outputs=(name,), attributes=attributes))
        return name

    weights = node.inputs[1]
    if weights in constants:
        constants[f"{first}/weights"] = np.ascontiguousarray(constants[weights].reshape(columns, width).T)
        turned = f"{first}/weights"
    else:
        rows = add("Reshape", (weights,), f"{first}/rows", (columns, width))
        turned = add("Transpose", (rows,), f"{first}/weights", (width, columns), perm=[1, 0])
    product = add("MatMul", (node.inputs[0], turned), f"{first}/product", (steps, samples, columns))
    inside, bias = "", node.input(3)
    if bias in constants:
        added, rest = _biases(node, constants[bias])
        constants[f"{first}/bias"] = added.ravel()
        if rest is not None:
            inside = f"{first}/inside"
            constants[inside] = rest
    elif bias:
        halves = f"{first}/own", f"{first}/recurrent"
        tensors.update(dict.fromkeys(halves, Tensor("float32", (directions, gates))))
        made.append(Node(op="Split", inputs=(bias,), outputs=halves, attributes={"axis": 1}))
        both = add("Add", halves, f"{first}/both", (directions, gates))
        add("Reshape", (both,), f"{first}/bias", (columns,))
    if bias:
        product = add("Add", (product, f"{first}/bias"), f"{first}/sum", (steps, samples, columns))
    inputs = (product, node.inputs[2], inside, node.input(5), node.input(6))
    return [*made, Node(op=f"_{node.op}", inputs=inputs, outputs=node.outputs, attributes=node.attributes)]


def _biases(node: Node, bias: Array) -> tuple[Array, Array | None]:
    """(directions, gates * units) to add to the product, and (directions, units) for a GRU that scales one of them."""
    own, recurrent = np.split(bias, 2, axis=1)
    if node.op != "GRU" or not node.get("linear_before_reset", 0):
        return own + recurrent, None
    units = bias.shape[1] // 6
    last = np.ascontiguousarray(recurrent[:, 2 * units :])
    return own + np.concatenate([recurrent[:, : 2 * units], np.zeros_like(last)], axis=1), last
