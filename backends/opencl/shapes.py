"""Shapes for one batch size: every value's, by ONNX's own rules, and constants computed as far as they go.

What depends on shapes alone (Shape, and what is computed from it) becomes a constant on the way, so that a file whose
reshapes follow the batch is a file of fixed shapes here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set

import msgspec
import numpy as np

from bench.backends.opencl.graph import Array, Graph, Node, Tensor, read_inside, rewired

# Two evaluations differ, so none is computed beforehand.
_RANDOM = frozenset(
    {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"}
)
# Constants that shapes may follow from (axes, sizes) are short; longer ones are weights.
_SHORT = 4096


def fold_constants(graph: Graph) -> Graph:
    """The graph with all that follows from its constants computed; independent of the batch."""
    constants = dict(graph.constants)
    nodes = []
    for node in graph.nodes:
        values = evaluated(graph, node, constants)
        if values is None:
            nodes.append(node)
        else:
            constants.update(values)
    return without_unused(msgspec.structs.replace(graph, nodes=tuple(nodes), constants=constants))


def without_unused(graph: Graph) -> Graph:
    """The graph without nodes and constants that no output needs."""
    needed, kept = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if needed & set(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
            needed.update(read_inside(node))
    constants = {name: value for name, value in graph.constants.items() if name in needed}
    return msgspec.structs.replace(graph, nodes=tuple(reversed(kept)), constants=constants)


def sized(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    """The graph with the tensors of all values, given the shapes of its inputs."""
    tensors = {name: Tensor(graph.tensors[name].dtype, shapes[name]) for name in graph.inputs}
    constants = dict(graph.constants)
    nodes = []
    for node in graph.nodes:
        values = _from_shape(node, tensors, constants) or evaluated(graph, node, constants)
        if values is not None:
            constants.update(values)
            continue
        nodes.append(node)
        tensors.update(_inferred(graph, node, tensors, constants))
    made = msgspec.structs.replace(graph, nodes=tuple(nodes), constants=constants, tensors=tensors)
    return _told_apart(without_unused(made), graph.constants.keys())


def _told_apart(graph: Graph, known: Set[str]) -> Graph:
    """The graph with constants that follow from its shapes named by their values, too.

    Weights in the device's memory are known by name, and other shapes of the same graph have other values here.
    """
    inside = set().union(*(read_inside(node) for node in graph.nodes), graph.outputs)
    names = {
        name: f"{name} {hashlib.sha256(f'{one.dtype}{one.shape}'.encode() + one.tobytes()).hexdigest()[:16]}"
        for name, one in graph.constants.items()
        if name not in known and name not in inside
    }
    nodes = tuple(
        rewired(node, tuple(names.get(name, name) for name in node.inputs), node.outputs)
        if names.keys() & set(node.inputs)
        else node
        for node in graph.nodes
    )
    constants = {names.get(name, name): one for name, one in graph.constants.items()}
    return msgspec.structs.replace(graph, nodes=nodes, constants=constants)


def evaluated(graph: Graph, node: Node, constants: Mapping[str, Array]) -> dict[str, Array] | None:
    """Results of a node whose inputs are all constants, by ONNX's reference; None where it must run."""
    if node.proto is None or node.op in _RANDOM or node.domain or any("subgraph" in a for a in _graphs(node)):
        return None
    if any(name and name not in constants for name in node.inputs):
        return None
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"):
            evaluator = ReferenceEvaluator(node.proto, opsets=dict(graph.opsets))
            values = evaluator.run(None, {name: constants[name] for name in node.inputs if name})
    except Exception:  # noqa: BLE001 - what the reference cannot compute is left to run
        return None
    found = dict(zip((name for name in node.outputs if name), values, strict=False))
    return found if all(isinstance(value, np.ndarray | np.generic) for value in found.values()) else None


def _graphs(node: Node) -> list[str]:
    from onnx import AttributeProto

    assert node.proto is not None
    return ["subgraph" for one in node.proto.attribute if one.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS)]


def captured(node: Node, graph: Graph) -> tuple[str, ...]:
    """Values of the graph that a node's own graphs (If, Loop) read, besides its inputs."""
    known = set(graph.tensors) | set(graph.constants)
    return tuple(sorted((read_inside(node) & known) - set(node.inputs)))


def _from_shape(node: Node, tensors: Mapping[str, Tensor], constants: Mapping[str, Array]) -> dict[str, Array] | None:
    if node.op not in ("Shape", "Size") or node.inputs[0] in constants:
        return None
    shape = tensors[node.inputs[0]].shape
    if shape is None:
        return None
    if node.op == "Size":
        return {node.output: np.array(np.prod(shape, dtype=np.int64), np.int64)}
    start, end = int(node.get("start", 0)), node.get("end")
    return {node.output: np.array(shape[start : len(shape) if end is None else int(end)], np.int64)}


def _inferred(
    graph: Graph, node: Node, tensors: Mapping[str, Tensor], constants: Mapping[str, Array]
) -> dict[str, Tensor]:
    """Tensors of a node's results; without a shape where it follows from data only."""
    from onnx import TensorProto, defs, helper, numpy_helper, shape_inference

    unknown = {name: Tensor("float32", None) for name in node.outputs if name}
    if node.proto is None:
        return unknown
    types, data = {}, {}
    for name in node.inputs:
        if not name:
            continue
        value = constants.get(name)
        tensor = tensors[name] if value is None else Tensor(str(value.dtype), value.shape)
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
        types[name] = helper.make_tensor_type_proto(kind, tensor.shape)
        if value is not None and value.size <= _SHORT:
            data[name] = numpy_helper.from_array(value, name)
    try:
        schema = defs.get_schema(node.op, graph.opsets.get(node.domain, graph.opset), node.domain)
        opsets = [helper.make_opsetid(domain, version) for domain, version in graph.opsets.items()]
        found = shape_inference.infer_node_outputs(schema, node.proto, types, data, opset_imports=opsets, ir_version=9)
    except Exception:  # noqa: BLE001 - an operator that nobody knows, or a graph of its own: its results tell
        return unknown
    inferred = {}
    for name, kind in found.items():
        tensor_type = kind.tensor_type
        if tensor_type.elem_type == TensorProto.UNDEFINED:
            continue
        dtype = str(helper.tensor_dtype_to_np_dtype(tensor_type.elem_type))
        whole = tensor_type.HasField("shape") and all(axis.HasField("dim_value") for axis in tensor_type.shape.dim)
        inferred[name] = Tensor(dtype, tuple(axis.dim_value for axis in tensor_type.shape.dim) if whole else None)
    return {**unknown, **inferred}
