"""What identifies and measures an ONNX file at run time: its canonical hash, its operations and its parameters.

Needs onnx and numpy only, never torch; writing such files is the business of `export.py`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import onnx.inliner
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from bench.backends.base import Tensor
from bench.models.shapes import axes, followed
from bench.models.weights import channel_scales

_FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})
_QUANTIZED = frozenset({TensorProto.INT8, TensorProto.UINT8, TensorProto.INT4, TensorProto.UINT4})
_REPRESENTING = frozenset({"QuantizeLinear", "DequantizeLinear", "Clip"})
_HASH_FORMAT = b"inference-bench-model-hash-1"


# ---------------------------------------------------------------------------------------------------------- hash


def model_hash(path: Path) -> str:
    """Return "sha256:…" over the opsets, nodes, attributes and tensor bytes of the model at `path`.

    A value is known by how it is computed (a Merkle tree), never by its name, so renaming values, reordering
    initializers or independent nodes, and moving tensors between files leave the hash as it was.
    """
    model = onnx.load(path)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    opsets = sorted((o.domain if o.domain != "ai.onnx" else "", o.version) for o in model.opset_import)
    parts = [_HASH_FORMAT, *(f"{domain}:{version}".encode() for domain, version in opsets)]
    return "sha256:" + _digest(*parts, _graph_digest(model.graph, {})).hex()


def _digest(*parts: bytes) -> bytes:
    """Hash byte strings with their lengths, so that moving a boundary changes the result."""
    state = hashlib.sha256()
    for part in parts:
        state.update(struct.pack("<Q", len(part)))
        state.update(part)
    return state.digest()


def _tensor_digest(tensor: TensorProto) -> bytes:
    array = numpy_helper.to_array(tensor)
    if tensor.data_type == TensorProto.STRING:
        content = _digest(*(str(item).encode() for item in array.ravel()))
    else:
        content = np.ascontiguousarray(array).tobytes()  # to_array is little-endian on the machines we run on
    return _digest(b"tensor", struct.pack("<q", tensor.data_type), repr(tuple(tensor.dims)).encode(), content)


def _graph_digest(graph: GraphProto, outer: Mapping[str, bytes]) -> bytes:
    """Hash one graph; `outer` holds the values that a subgraph (If, Loop) may see."""
    if graph.sparse_initializer:
        raise ValueError("model_hash: sparse initializers are not supported; store them dense")
    values = dict(outer) | {"": b""}
    values.update((tensor.name, _tensor_digest(tensor)) for tensor in graph.initializer)
    symbols: dict[str, int] = {}
    inputs = [item for item in graph.input if item.name not in values]
    for position, item in enumerate(inputs):
        values[item.name] = _digest(b"input", struct.pack("<q", position), _type_text(item, symbols))
    # Every node counts, also one computed twice or never used: it costs time, so it is part of the model.
    nodes = [_node_digest(node, values) for node in graph.node]
    outputs = [values[item.name] + _type_text(item, symbols) for item in graph.output]
    return _digest(b"graph", struct.pack("<q", len(inputs)), *sorted(nodes), b"outputs", *outputs)


def _node_digest(node: NodeProto, values: dict[str, bytes]) -> bytes:
    attributes = sorted((a.name, _attribute_digest(a, values)) for a in node.attribute)
    parts = [b"node", node.domain.encode(), node.op_type.encode(), struct.pack("<q", len(node.input))]
    parts += [values[name] for name in node.input]
    parts += [name.encode() + content for name, content in attributes]
    digest = _digest(*parts)
    for position, name in enumerate(node.output):
        if name:
            values[name] = _digest(digest, struct.pack("<q", position))
    return digest


def _attribute_digest(attribute: AttributeProto, values: Mapping[str, bytes]) -> bytes:
    kind = struct.pack("<q", attribute.type)
    if attribute.type == AttributeProto.TENSOR:
        return _digest(kind, _tensor_digest(attribute.t))
    if attribute.type == AttributeProto.GRAPH:
        return _digest(kind, _graph_digest(attribute.g, values))
    value = onnx.helper.get_attribute_value(attribute)
    plain = list(value) if not isinstance(value, (bytes, int, float)) else value
    if isinstance(plain, list) and not all(isinstance(item, (bytes, int, float)) for item in plain):
        raise ValueError(f"model_hash: attribute `{attribute.name}` has a type that is not supported")
    return _digest(kind, repr(plain).encode())


def _type_text(item: ValueInfoProto, symbols: dict[str, int]) -> bytes:
    """Element type and shape as text; a symbolic axis is known by the order in which it first appears."""
    tensor = item.type.tensor_type
    axes = [
        f"${symbols.setdefault(d.dim_param, len(symbols))}" if d.dim_param else str(d.dim_value)
        for d in tensor.shape.dim
    ]
    return f"{tensor.elem_type}[{','.join(axes)}]".encode()


# ---------------------------------------------------------------------------------------------------- statistics


@dataclass(frozen=True, slots=True)
class GraphStatistics:
    """Cost of a model, counted in its graph: multiply-accumulates of one sample, and stored weights.

    `int8_nodes` are those convolutions and matrix products whose operands both come in 8 bits.
    """

    macs_per_sample: int
    parameters: int
    macs_by_node: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)
    int8_nodes: frozenset[str] = frozenset()

    @property
    def int8_share(self) -> float:
        """Share of the convolutions and matrix products that are in int8; none of none is none."""
        return len(self.int8_nodes) / max(1, len(self.macs_by_node))


def forms_of(inputs: Iterable[Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes by name, as `graph_statistics` takes them."""
    return {tensor.name: tensor.shape for tensor in inputs}


def graph_statistics(path: Path, forms: Mapping[str, Sequence[int]] = MappingProxyType({})) -> GraphStatistics:
    """Count the model at `path`: MACs of convolutions and matrix products at batch 1, elements of its weights.

    `forms` are shapes of samples by input, needed where other axes than the batch are free: there they are counted in.
    Fixed weights (a Fourier basis, say) count like learned ones, for the device multiplies by both. Nodes in
    subgraphs (If, Loop) are not counted.
    """
    model = onnx.load(path, load_external_data=False)
    macs, int8 = followed(path, model, forms, _counted)
    return GraphStatistics(sum(macs.values()), _parameters(model.graph), macs, int8)


def _counted(graph: GraphProto) -> tuple[dict[str, int], frozenset[str]]:
    """MACs by node, and which of them compute in int8. Raises ValueError for shapes that are unknown."""
    shapes = _shapes(graph)
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    macs: dict[str, int] = {}
    int8: set[str] = set()
    for node in graph.node:
        count = _MAC_RULES.get(node.op_type)
        if count is None:
            continue
        macs[node.name or node.output[0]] = count(node, shapes)
        if node.op_type in _INTEGER or set(node.input[:2]) <= dequantised:
            int8.add(node.name or node.output[0])
    return macs, frozenset(int8)


def _shapes(graph: GraphProto) -> dict[str, tuple[int, ...]]:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for item in (*graph.input, *graph.value_info, *graph.output):
        dims = axes(item)
        if all(dim.HasField("dim_value") for dim in dims):
            shapes[item.name] = tuple(int(dim.dim_value) for dim in dims)
    return shapes


def _parameters(graph: GraphProto) -> int:
    """Count elements of float and quantised initializers.

    Scales and zero points belong to a representation, and the bounds of a Clip to an activation: none is a weight.
    """
    helpers = {name for node in graph.node if node.op_type in _REPRESENTING for name in node.input[1:]}
    helpers.update(channel_scales(graph).values())
    biases = {node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    return sum(
        prod(tensor.dims)
        for tensor in graph.initializer
        if tensor.name not in helpers and (tensor.data_type in _FLOATS | _QUANTIZED or tensor.name in biases)
    )


_Shapes = Mapping[str, tuple[int, ...]]


def _known(names: Iterable[str], node: NodeProto, shapes: _Shapes) -> list[tuple[int, ...]]:
    missing = [name for name in names if name not in shapes]
    if missing:
        raise ValueError(
            f"graph_statistics: the shape of `{missing[0]}` at {node.op_type} `{node.name}` cannot be inferred"
        )
    return [shapes[name] for name in names]


def _conv_macs(weight: int) -> Callable[[NodeProto, _Shapes], int]:
    def count(node: NodeProto, shapes: _Shapes) -> int:
        kernel, output = _known((node.input[weight], node.output[0]), node, shapes)
        return prod(output) * prod(kernel[1:])

    return count


def _conv_transpose_macs(node: NodeProto, shapes: _Shapes) -> int:
    data, kernel = _known(node.input[:2], node, shapes)
    return prod(data) * prod(kernel[1:])


def _gemm_macs(node: NodeProto, shapes: _Shapes) -> int:
    left, output = _known((node.input[0], node.output[0]), node, shapes)
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    return prod(output) * left[0 if transposed else 1]


def _matmul_macs(node: NodeProto, shapes: _Shapes) -> int:
    left, output = _known((node.input[0], node.output[0]), node, shapes)
    return prod(output) * left[-1]


_MAC_RULES: Mapping[str, Callable[[NodeProto, _Shapes], int]] = {
    "Conv": _conv_macs(1),
    "ConvInteger": _conv_macs(1),
    "QLinearConv": _conv_macs(3),
    "ConvTranspose": _conv_transpose_macs,
    "Gemm": _gemm_macs,
    "MatMul": _matmul_macs,
    "MatMulInteger": _matmul_macs,
    "QLinearMatMul": _matmul_macs,
}
_INTEGER = frozenset({"ConvInteger", "QLinearConv", "MatMulInteger", "QLinearMatMul"})
