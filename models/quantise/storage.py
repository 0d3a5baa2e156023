"""How the suite's files store weights: unfolded to the float32 that a quantiser works on, and put back afterwards.

A weight is what a few nodes make of stored tensors, whatever they are: fp16 behind a Cast, or int8 behind a Cast and a
product with one scale per channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from bench.models.tidy import drop_unused, evaluated, replace_nodes


@dataclass(frozen=True, slots=True)
class Int8:
    """An int8 tensor of the weights file, and the scale (channels,) along `axis` that it is multiplied by."""

    tensor: str
    scale: NDArray[np.float32]
    axis: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What a float32 value is made of: nodes in order, the tensors that they start from, and its int8 form if any."""

    nodes: tuple[NodeProto, ...]
    tensors: tuple[str, ...]
    int8: Int8 | None


@dataclass(frozen=True, slots=True)
class Unfolded:
    """A network whose weights are plain float32 tensors, how each was stored, and the stored tensors by name.

    Tensors in `bare` that lie in another file have their place there instead of their bytes.
    """

    model: ModelProto
    stored: Mapping[str, Stored]
    bare: Mapping[str, TensorProto]


def unfold(path: Path) -> Unfolded:
    """Read a network of the suite; what depends on no input becomes a tensor."""
    model = onnx.load(path)
    bare = {tensor.name: tensor for tensor in onnx.load(path, load_external_data=False).graph.initializer}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    makers: dict[str, NodeProto] = {}
    kept = []
    for node in model.graph.node:
        if not all(name in constants for name in node.input if name):
            kept.append(node)
            continue
        for tensor in evaluated(node, constants, model):
            constants[tensor.name] = tensor
            makers[tensor.name] = node
    stored = {name: _stored(name, makers, constants) for name in makers}
    replace_nodes(model.graph, kept)
    _set_initializers(model, list(constants.values()))
    drop_unused(model.graph)
    return Unfolded(model, stored, bare)


def fold_back(model: ModelProto, unfolded: Unfolded) -> None:
    """Put the weights of `model`, which are float32 tensors of the same names, back as they were stored, in place.

    A weight that was stored in int8 and is quantised with its own scale becomes that int8 tensor itself.
    """
    present = {tensor.name for tensor in model.graph.initializer}
    nodes: dict[str, NodeProto] = {}
    tensors = {name: tensor for name, tensor in unfolded.bare.items() if name in present}
    replaced = set(tensors)
    for name, stored in unfolded.stored.items():
        if name not in present:
            continue
        replaced.add(name)
        if stored.int8 is not None and _read_directly(model, name, stored.int8):
            tensors[stored.int8.tensor] = unfolded.bare[stored.int8.tensor]
            continue
        nodes |= {node.output[0]: node for node in stored.nodes}
        tensors |= {one: unfolded.bare[one] for one in stored.tensors}
    others = [tensor for tensor in model.graph.initializer if tensor.name not in replaced]
    _set_initializers(model, [*others, *tensors.values()])
    replace_nodes(model.graph, [*nodes.values(), *model.graph.node])


def _set_initializers(model: ModelProto, tensors: list[TensorProto]) -> None:
    copies = [TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors]
    del model.graph.initializer[:]
    model.graph.initializer.extend(copies)


def _stored(name: str, makers: Mapping[str, NodeProto], constants: Mapping[str, TensorProto]) -> Stored:
    nodes: list[NodeProto] = []
    tensors: list[str] = []

    def visit(value: str) -> None:
        if value not in makers:
            tensors.append(value)
            return
        for one in filter(None, makers[value].input):
            visit(one)
        nodes.append(NodeProto.FromString(makers[value].SerializeToString()))

    visit(name)
    return Stored(tuple(nodes), tuple(tensors), _int8(makers[name], makers, constants))


def _int8(product: NodeProto, makers: Mapping[str, NodeProto], constants: Mapping[str, TensorProto]) -> Int8 | None:
    """Cast of an int8 tensor times a constant that varies along one axis; None for anything else."""
    if product.op_type != "Mul":
        return None
    for value, factor in (tuple(product.input), tuple(reversed(product.input))):
        cast = makers.get(value)
        if cast is None or cast.op_type != "Cast" or constants[cast.input[0]].data_type != TensorProto.INT8:
            continue
        scale = numpy_helper.to_array(constants[factor])
        shape = (1,) * (len(constants[value].dims) - scale.ndim) + scale.shape
        if shape and scale.size == max(shape):
            return Int8(cast.input[0], scale.reshape(-1).astype(np.float32), shape.index(max(shape)))
    return None


def _read_directly(model: ModelProto, name: str, int8: Int8) -> bool:
    """Have DequantizeLinear read the stored tensor where the value is quantised by just its scale; False elsewhere."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    readers = [node for node in model.graph.node if name in node.input]
    if [node.op_type for node in readers] != ["QuantizeLinear"]:
        return False
    _, scale, _ = readers[0].input
    if not np.array_equal(numpy_helper.to_array(constants[scale]).reshape(-1), int8.scale):
        return False
    rounded = readers[0].output[0]
    others = [node for node in model.graph.node if node.output[0] != rounded]
    for node in others:
        node.input[:] = [int8.tensor if one == rounded else one for one in node.input]
    replace_nodes(model.graph, others)
    return True
