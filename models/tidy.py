"""Passes that turn an exporter's ONNX graph into a tidy one: no constants in nodes, no identities, readable names.

Pure graph-to-graph work on onnx protos, in place; what the file looks like on disk is the business of `export.py`.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

# Folding these would freeze a tensor far larger than its recipe, or a value that depends on the run.
_NEVER_FOLDED = frozenset(
    {"ConstantOfShape", "Expand", "Tile", "RandomNormal", "RandomUniform", "QuantizeLinear", "DequantizeLinear"}
)


def tidy(model: ModelProto, producer: str = "inference-bench") -> None:
    """Clean `model` in place: fold constants, drop identities and unused parts, give short stable names."""
    graph = model.graph
    _fold_constants(model)
    _drop_identities(graph)
    _write_out_shapes(graph)
    drop_unused(graph)
    _rename_nodes(graph)
    _rename_values(graph)
    strip(model, producer)


def strip(model: ModelProto, producer: str = "inference-bench") -> None:
    """Leave in place only what says what is computed, initializers in order of their names."""
    ordered = sorted(model.graph.initializer, key=lambda tensor: tensor.name)
    del model.graph.initializer[:]
    model.graph.initializer.extend(ordered)
    del model.graph.value_info[:]
    _strip_notes(model, producer)


def _strip_notes(model: ModelProto, producer: str) -> None:
    model.producer_name, model.producer_version, model.doc_string = producer, "", ""
    del model.metadata_props[:]
    model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]


def _fold_constants(model: ModelProto) -> None:
    """Replace Constant nodes, and nodes that see constants only, by initializers."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept: list[NodeProto] = []
    for node in graph.node:
        foldable = node.op_type not in _NEVER_FOLDED and all(name in constants for name in node.input if name)
        if not foldable or any(a.type == onnx.AttributeProto.GRAPH for a in node.attribute):
            kept.append(node)
            continue
        for tensor in evaluated(node, constants, model):
            constants[tensor.name] = tensor
    replace_nodes(graph, kept)
    del graph.initializer[:]
    graph.initializer.extend(constants.values())


def evaluated(node: NodeProto, constants: dict[str, TensorProto], model: ModelProto) -> list[TensorProto]:
    """What a node of `model` makes of constants: its outputs as tensors, by onnx's own evaluator."""
    feeds = {name: numpy_helper.to_array(constants[name]) for name in node.input if name}
    inputs = [
        onnx.helper.make_tensor_value_info(name, constants[name].data_type, constants[name].dims) for name in feeds
    ]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = onnx.helper.make_graph([node], "constant", inputs, outputs)
    small = onnx.helper.make_model(graph, opset_imports=model.opset_import)
    results = ReferenceEvaluator(small).run(None, feeds)
    return [numpy_helper.from_array(value, item.name) for value, item in zip(results, outputs, strict=True)]


def _drop_identities(graph: GraphProto) -> None:
    outputs = {item.name for item in graph.output}
    source: dict[str, str] = {}
    kept: list[NodeProto] = []
    for node in graph.node:
        node.input[:] = [source.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.output[0] not in outputs:
            source[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    replace_nodes(graph, kept)


def _write_out_shapes(graph: GraphProto) -> None:
    """Write the 0 for an axis that a Reshape keeps, where the exporter would look its size up at run time."""
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        shape = makers.get(node.input[1]) if node.op_type == "Reshape" else None
        if shape is None or shape.op_type != "Concat":
            continue
        sizes = [_size(name, place, node.input[0], makers, constants) for place, name in enumerate(shape.input)]
        if None not in sizes:
            name = f"{node.output[0]}.shape"
            graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), name))
            node.input[1] = name


def _size(
    name: str, place: int, data: str, makers: dict[str, NodeProto], constants: dict[str, NDArray[np.generic]]
) -> int | None:
    """One size of a shape: a constant, or 0 where it is the size of `data` at this place; None for all else."""
    if name in constants:
        return int(constants[name][0]) if constants[name].size == 1 and constants[name].item() != 0 else None
    chain = []
    for operator in ("Unsqueeze", "Gather", "Shape"):
        node = makers.get(name)
        if node is None or node.op_type != operator or (operator == "Shape" and node.attribute):
            return None
        chain.append(node)
        name = node.input[0]
    axis = constants.get(chain[1].input[1])
    return 0 if name == data and axis is not None and axis.size == 1 and axis.item() == place else None


def drop_unused(graph: GraphProto) -> None:
    """Remove, in place, nodes and initializers that no output depends on."""
    needed = {item.name for item in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if any(name in needed for name in node.output):
            needed.update(node.input)
            kept.append(node)
    replace_nodes(graph, kept[::-1])
    used = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(used)


def replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    """Give `graph` these nodes, of which some may be its own."""
    copies = []
    for node in nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        copies.append(copy)
    del graph.node[:]
    graph.node.extend(copies)


def _rename_nodes(graph: GraphProto) -> None:
    """Turn the exporter's "/layer1/layer1.0/conv1/Conv" into "layer1.0.conv1.Conv", unique within the graph."""
    seen: Counter[str] = Counter()
    for node in graph.node:
        parts: list[str] = []
        for part in node.name.strip("/").split("/"):
            if parts and part.startswith(parts[-1] + "."):
                parts.pop()
            parts.append(part)
        name = ".".join(parts) or node.op_type
        seen[name] += 1
        node.name = name if seen[name] == 1 else f"{name}.{seen[name]}"


def _rename_values(graph: GraphProto) -> None:
    """Name values after the node that makes them, and nameless initializers after the node that uses them."""
    kept = {item.name for item in (*graph.input, *graph.output)} | {""}
    kept |= {tensor.name for tensor in graph.initializer if _is_spoken(tensor.name)}
    names: dict[str, str] = {}
    for node in graph.node:
        for slot, name in enumerate(node.input):
            if name not in kept and name not in names:  # only initializers can be met before their maker
                names[name] = _unique(f"{node.name}.{_slot_name(node, slot)}", kept, names)
        for slot, name in enumerate(node.output):
            if name not in kept:
                names[name] = _unique(node.name if slot == 0 else f"{node.name}:{slot}", kept, names)
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _is_spoken(name: str) -> bool:
    """Tell a parameter's own name from one that the exporter made up."""
    return "::" not in name and not name.startswith("/")


def _slot_name(node: NodeProto, slot: int) -> str:
    if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return "weight" if slot < 2 else "bias"
    return "constant" if slot < 2 else f"constant{slot}"


def _unique(name: str, kept: set[str], names: dict[str, str]) -> str:
    taken = kept | set(names.values())
    number, candidate = 2, name
    while candidate in taken:
        number, candidate = number + 1, f"{name}.{number}"
    return candidate
