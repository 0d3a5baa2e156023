"""Writes a torch module as the suite's model files: a small graph.onnx that points into weights.safetensors.

Shared by every workload's training script and imports torch late; reading the files needs onnx only (`graph.py`).
"""

from __future__ import annotations

import json
import struct
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper
from safetensors.numpy import save as save_safetensors

from bench.models.tidy import tidy

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

GRAPH_FILE = "graph.onnx"
WEIGHTS_FILE = "weights.safetensors"
# Below this a tensor costs more as an entry of the weights file than it saves, so it stays in the graph as float32.
HALF_MINIMUM_ELEMENTS = 64
_HALF_MAXIMUM = 65504.0


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Return a copy of `module` in evaluation mode whose batch norms are folded (in float64) into convolutions.

    The module must be traceable by torch.fx; the copy is a GraphModule with the same submodule names.
    """
    import copy

    from torch.fx.experimental.optimization import fuse

    return fuse(copy.deepcopy(module).double().eval()).float().eval()


def round_to_half(module: nn.Module, minimum: int = HALF_MINIMUM_ELEMENTS) -> nn.Module:
    """Round in place what `export_graph` will store as fp16, so that torch computes with the shipped weights."""
    import torch

    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point() and tensor.numel() >= minimum:
                tensor.copy_(tensor.to(torch.float16))
    return module


def export_graph(
    module: nn.Module,
    example_inputs: dict[str, Tensor],
    output_names: list[str],
    folder: Path,
    opset: int = 17,
) -> None:
    """Write `folder`/graph.onnx and `folder`/weights.safetensors; the same module gives the same bytes.

    Axis 0 of every input and output is dynamic and called "batch". Fold batch norms and call `round_to_half` first:
    the exporter would fold them itself, and the graph would then differ from the module by one rounding.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = _trace(module, example_inputs, output_names, opset)
    tidy(model)
    halves = _take_halves(model.graph)
    weights = save_safetensors(halves)
    _point_into(model.graph, weights)
    (folder / WEIGHTS_FILE).write_bytes(weights)
    (folder / GRAPH_FILE).write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(folder / GRAPH_FILE), full_check=True)


def _trace(module: nn.Module, example_inputs: dict[str, Tensor], output_names: list[str], opset: int) -> ModelProto:
    import torch

    with warnings.catch_warnings(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        # The TorchScript exporter is deprecated but writes the plain graph we want and needs no further package.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(example_inputs.values()),
            Path(folder, "traced.onnx"),
            dynamo=False,
            opset_version=opset,
            input_names=list(example_inputs),
            output_names=output_names,
            dynamic_axes={name: {0: "batch"} for name in (*example_inputs, *output_names)},
        )
        return onnx.load(Path(folder, "traced.onnx"))


def _take_halves(graph: GraphProto) -> dict[str, NDArray[np.float16]]:
    """Convert large float32 initializers to fp16 ones, each followed by a Cast; return their values."""
    halves: dict[str, NDArray[np.float16]] = {}
    casts: list[NodeProto] = []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or array.size < HALF_MINIMUM_ELEMENTS:
            continue
        if not np.all(np.abs(array) <= _HALF_MAXIMUM):
            raise ValueError(
                f"export_graph: `{tensor.name}` holds {np.abs(array).max():.6g}, but fp16 storage ends at "
                f"{_HALF_MAXIMUM:g}. Scale the weights, or keep the factor as a small constant of its own."
            )
        halves[tensor.name] = np.ascontiguousarray(array.astype(np.float16))
        casts.append(
            onnx.helper.make_node(
                "Cast", [tensor.name], [f"{tensor.name}.float32"], f"{tensor.name}.Cast", to=TensorProto.FLOAT
            )
        )
    for node in graph.node:
        node.input[:] = [f"{name}.float32" if name in halves else name for name in node.input]
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return halves


def _point_into(graph: GraphProto, weights: bytes) -> None:
    """Let the fp16 initializers of `graph` point at their bytes in the safetensors file `weights`."""
    (size,) = struct.unpack_from("<Q", weights)
    header = json.loads(weights[8 : 8 + size])
    for tensor in graph.initializer:
        if tensor.name not in header:
            continue
        name, entry = tensor.name, header[tensor.name]
        begin, end = entry["data_offsets"]
        tensor.Clear()
        tensor.name, tensor.data_type = name, TensorProto.FLOAT16
        tensor.dims.extend(entry["shape"])
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": WEIGHTS_FILE, "offset": str(8 + size + begin), "length": str(end - begin)}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=value)
