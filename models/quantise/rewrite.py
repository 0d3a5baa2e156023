"""A network in QDQ form: QuantizeLinear and DequantizeLinear around what is to compute in 8 bits.

Which tensors get them, and with which scales, is the work of onnxruntime's quantiser. Here stands what it lacks:
weights that stay where they are stored, answers that stay float, and a file that is the same every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any  # Any: options of a library without types

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto

from bench.models.quantise.storage import Unfolded, fold_back
from bench.models.tidy import drop_unused, replace_nodes, strip

if TYPE_CHECKING:
    from onnxruntime.quantization.calibrate import TensorsData

# What multiplies, and what can pass 8 bits on between two such: everything else stays as it is.
OPERATORS = (
    *("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Concat"),
    *("Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool"),
    *("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose"),
)


def in_qdq_form(
    unfolded: Unfolded, ranges: TensorsData, keep_float: Sequence[str] = (), per_channel: bool = True
) -> ModelProto:
    """The network of `unfolded` in int8: weights symmetric per output channel, activations uint8, biases int32.

    Nodes whose names match one of the patterns `keep_float` stay float, and so do the network's outputs.
    """
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    names = [node.name for node in unfolded.model.graph.node]
    excluded = [name for name in names if any(fnmatchcase(name, pattern) for pattern in keep_float)]
    # Weights stay float behind a QuantizeLinear of their own: the engine rounds them once, when it loads the file.
    options: dict[str, Any] = {"AddQDQPairToWeight": True}
    if per_channel:
        options["TensorQuantOverrides"] = _stored_scales(unfolded, QuantType.QInt8)
    quantiser = QDQQuantizer(
        ModelProto.FromString(unfolded.model.SerializeToString()),
        per_channel,
        False,  # all eight bits
        QuantType.QInt8,
        QuantType.QUInt8,
        ranges,
        [],
        excluded,
        list(OPERATORS),
        options,
    )
    model: ModelProto = quantiser.quantize_model()
    _free_outputs(model)
    fold_back(model, unfolded)
    _part_readers(model)
    ONNXModel(model).topological_sort()
    drop_unused(model.graph)
    strip(model)
    return model


def _part_readers(model: ModelProto) -> None:
    """Give every product that shares its weights with others a pair of its own around them, and zero points of its own.

    Where onnxruntime (1.32) turns int8 weights into uint8, for old x86 processors, it does so with the zero points for
    each product, and fails at the second that has the same.
    """
    graph = model.graph
    makers = {node.output[0]: node for node in graph.node}
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for dequantise in [node for node in graph.node if node.op_type == "DequantizeLinear"]:
        quantise = makers.get(dequantise.input[0])
        readers = [node for node in graph.node if dequantise.output[0] in node.input]
        if quantise is None or not _constant(quantise.input[0], makers, tensors):
            continue
        for number, reader in enumerate(readers[1:], 1):
            scale, zero = (_copied(tensors[name], number) for name in quantise.input[1:])
            pair = [NodeProto.FromString(node.SerializeToString()) for node in (quantise, dequantise)]
            for node in pair:
                node.name, node.output[0] = f"{node.name}.{number}", f"{node.output[0]}.{number}"
                node.input[1:] = [scale.name, zero.name]
            pair[1].input[0] = pair[0].output[0]
            reader.input[:] = [pair[1].output[0] if one == dequantise.output[0] else one for one in reader.input]
            graph.initializer.extend([scale, zero])
            graph.node.extend(pair)


def _copied(tensor: TensorProto, number: int) -> TensorProto:
    copied = TensorProto.FromString(tensor.SerializeToString())
    copied.name = f"{tensor.name}.{number}"
    return copied


def _constant(name: str, makers: Mapping[str, NodeProto], tensors: Mapping[str, TensorProto]) -> bool:
    """Whether a value depends on no input of the network."""
    return name in tensors or (
        name in makers and all(_constant(one, makers, tensors) for one in makers[name].input if one)
    )


def write(model: ModelProto, path: Path) -> None:
    """Write a QDQ file beside the weights that it points into; equal models give equal bytes."""
    path.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(path), full_check=True)


def _stored_scales(unfolded: Unfolded, int8: object) -> dict[str, list[dict[str, Any]]]:
    """Weights that are stored in int8 keep the scales that they were stored with."""
    scales = {}
    for tensor in unfolded.model.graph.initializer:
        stored = unfolded.stored.get(tensor.name)
        if stored is not None and stored.int8 is not None:
            common = {"axis": stored.int8.axis, "zero_point": np.int8(0), "quant_type": int8}
            scales[tensor.name] = [{**common, "scale": scale} for scale in stored.int8.scale]
    return scales


def _free_outputs(model: ModelProto) -> None:
    """Take the pair off every output of the network: an answer in 256 steps has ties, and nobody needs it in 8 bits."""
    graph = model.graph
    makers = {node.output[0]: node for node in graph.node}
    dropped: set[str] = set()
    renamed: dict[str, str] = {}
    for output in graph.output:
        dequantise = makers[output.name]
        if dequantise.op_type != "DequantizeLinear":
            continue
        quantise = makers[dequantise.input[0]]
        renamed[quantise.input[0]] = output.name
        dropped |= {quantise.output[0], output.name}
    kept = [node for node in graph.node if node.output[0] not in dropped]
    for node in kept:
        node.output[:] = [renamed.get(name, name) for name in node.output]
        node.input[:] = [renamed.get(name, name) for name in node.input]
    replace_nodes(graph, kept)
