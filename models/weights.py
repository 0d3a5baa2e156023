"""How weights lie in a workload's files: fp16, or int8 with a float32 scale for each output channel.

Both are turned into the float32 weights that the network computes with by nodes of the graph itself (`Cast`, and for
int8 `Mul` by the scales), which every engine computes once, when it compiles. Reading needs onnx and numpy only.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, numpy_helper
from safetensors.numpy import save as save_safetensors

if TYPE_CHECKING:
    from torch import nn

Storage = Literal["fp16", "int8"]

WEIGHTS_FILE = "weights.safetensors"
# Below this a tensor costs more as an entry of the weights file than it saves, so it stays in the graph as float32.
MINIMUM_ELEMENTS = 64
_HALF_MAXIMUM = 65504.0
_LEVELS = 127
_TURNED = ".MatMul.weight"
# A channel without a weight above this is taken for one of zeros.
_NOTHING = 1e-30
_TYPES = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16, "I8": TensorProto.INT8}


# ---------------------------------------------------------------------------------------------------------- int8 grid


def to_grid(weights: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 steps of the shape of `weights`, and scales with one element along each axis but `axis`.

    A scale is a channel's largest weight over 127, with 16 significant bits, so that step times scale is exact in
    float32: what is on the grid stays where it is, and no engine can round it otherwise. Raises ValueError for NaN
    and infinity.
    """
    if not np.isfinite(weights).all():
        raise ValueError("holds NaN or infinity")
    others = tuple(place for place in range(weights.ndim) if place != axis)
    peak = np.abs(weights).max(axis=others, keepdims=True)
    bits = (peak / np.float32(_LEVELS)).astype(np.float32).view(np.uint32)
    scales = ((bits + np.uint32(0x80)) & np.uint32(0xFFFFFF00)).view(np.float32)
    scales = np.where(peak > _NOTHING, scales, np.float32(1))
    return np.rint(weights / scales).astype(np.int8), scales


def from_grid(steps: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights as the graph's own nodes make them."""
    weights: NDArray[np.float32] = steps.astype(np.float32) * scales
    return weights


# ------------------------------------------------------------------------------------------------------------ writing


def pack_weights(graph: GraphProto, storage: Storage, fixed: Set[str]) -> bytes:
    """Turn the large float32 initializers of `graph` into stored ones; return the safetensors file they point into.

    With int8 the weights of convolutions and matrix products must lie on the grid, but for those named in `fixed`
    (a Fourier basis, say), which are stored as fp16 like all other matrices; vectors stay float32.
    """
    stored: dict[str, NDArray[np.generic]] = {}
    nodes: list[NodeProto] = []
    channels = _output_axes(graph) if storage == "int8" else {}
    for tensor in list(graph.initializer):
        array = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or array.size < MINIMUM_ELEMENTS:
            continue
        if tensor.name in channels and tensor.name not in fixed:
            stored[tensor.name], scales = _on_grid(tensor.name, array, channels[tensor.name])
            stored |= _add_scales(graph, f"{tensor.name}.scale", scales)
            nodes += _scaled(tensor.name)
        elif storage == "fp16" or array.ndim > 1:
            stored[tensor.name] = _half(tensor.name, array)
            nodes.append(_cast(tensor.name, f"{tensor.name}.float32"))
        else:
            stored[tensor.name] = array
    _use(graph, nodes)
    weights = save_safetensors(stored)
    _point_into(graph, weights)
    return weights


def _output_axes(graph: GraphProto) -> dict[str, int]:
    """The axis of output channels of every weight of a convolution or matrix product."""
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    axes: dict[str, int] = {}
    for node in graph.node:
        if len(node.input) < 2 or node.input[1] not in ranks:
            continue
        if node.op_type == "Conv":
            axes[node.input[1]] = 0
        elif node.op_type == "Gemm":
            axes[node.input[1]] = 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
        elif node.op_type == "MatMul":
            axes[node.input[1]] = ranks[node.input[1]] - 1
    return axes


def _on_grid(name: str, array: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    try:
        steps, scales = to_grid(array, axis)
    except ValueError as error:
        raise ValueError(f"export_graph: `{name}` {error}, which int8 storage cannot hold.") from None
    if not np.array_equal(from_grid(steps, scales), array):
        raise ValueError(
            f"export_graph: `{name}` does not lie on the int8 grid. Call `round_to_int8` on the module first, or make "
            "it a buffer, which is stored as fp16."
        )
    return steps, scales


def _half(name: str, array: NDArray[np.float32]) -> NDArray[np.float16]:
    if not np.all(np.abs(array) <= _HALF_MAXIMUM):
        raise ValueError(
            f"export_graph: `{name}` holds {np.abs(array).max():.6g}, but fp16 storage ends at "
            f"{_HALF_MAXIMUM:g}. Scale the weights, or keep the factor as a small constant of its own."
        )
    return np.ascontiguousarray(array.astype(np.float16))


def _add_scales(graph: GraphProto, name: str, scales: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    """Add the scales as an initializer; return them if they are large enough for the weights file."""
    graph.initializer.append(numpy_helper.from_array(scales, name))
    return {name: scales} if scales.size >= MINIMUM_ELEMENTS else {}


def _cast(name: str, output: str, kind: int = TensorProto.FLOAT) -> NodeProto:
    return onnx.helper.make_node("Cast", [name], [output], f"{name}.Cast", to=kind)


def _scaled(name: str) -> list[NodeProto]:
    """By way of fp16, which holds every step: OpenVINO takes int8, Cast, Mul as leave to round activations to int8."""
    halves, steps = f"{name}.float16", f"{name}.steps"
    product = onnx.helper.make_node("Mul", [steps, f"{name}.scale"], [f"{name}.float32"], f"{name}.Mul")
    return [_cast(name, halves, TensorProto.FLOAT16), _cast(halves, steps), product]


def _use(graph: GraphProto, makers: list[NodeProto]) -> None:
    """Put `makers` in front, and let the graph use the float32 weights they make."""
    made = {node.output[0] for node in makers}
    for node in graph.node:
        node.input[:] = [f"{name}.float32" if f"{name}.float32" in made else name for name in node.input]
    nodes = [*makers, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _point_into(graph: GraphProto, weights: bytes) -> None:
    """Let the stored initializers of `graph` point at their bytes in the safetensors file `weights`."""
    (size,) = struct.unpack_from("<Q", weights)
    header = json.loads(weights[8 : 8 + size])
    for tensor in graph.initializer:
        if tensor.name not in header:
            continue
        name, entry = tensor.name, header[tensor.name]
        begin, end = entry["data_offsets"]
        tensor.Clear()
        tensor.name, tensor.data_type = name, _TYPES[entry["dtype"]]
        tensor.dims.extend(entry["shape"])
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": WEIGHTS_FILE, "offset": str(8 + size + begin), "length": str(end - begin)}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=value)


# ------------------------------------------------------------------------------------------------------------ reading


def channel_scales(graph: GraphProto) -> dict[str, str]:
    """By name of each weight stored in steps, the name of its scales: initializers that Cast, Cast and Mul join."""
    initializers = {tensor.name for tensor in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    steps = {name: casts[half] for name, half in casts.items() if casts.get(half) in initializers}
    products = (n for n in graph.node if n.op_type == "Mul" and n.input[0] in steps and n.input[1] in initializers)
    return {steps[node.input[0]]: node.input[1] for node in products}


def read_weights(path: Path) -> dict[str, NDArray[np.generic]]:
    """The weights of the model at `path` by name, those stored in steps as the float32 values they stand for."""
    graph = onnx.load(path).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for name, scales in channel_scales(graph).items():
        arrays[name] = arrays[name].astype(np.float32) * arrays.pop(scales)
    return arrays


def load_weights(network: nn.Module, path: Path) -> None:
    """Give a torch module exactly the weights of the model at `path`, which hold all that is in its state, by name.

    The weights of a linear layer over sequences lie turned round, under the name of the product that they are used in.
    """
    import torch

    arrays = read_weights(path)
    arrays |= {name.replace(".MatMul.", "."): array.T for name, array in arrays.items() if name.endswith(_TURNED)}
    state = {name: torch.from_numpy(arrays[name].copy()) for name in network.state_dict() if name in arrays}
    network.load_state_dict(state)
