"""Writes a torch module as the suite's model files: a small graph.onnx that points into weights.safetensors.

Shared by every workload's making and imports torch late; how weights lie in the files is said in `weights.py`.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from onnx import ModelProto

from bench.models.tidy import tidy
from bench.models.weights import MINIMUM_ELEMENTS, WEIGHTS_FILE, Storage, from_grid, pack_weights, to_grid

if TYPE_CHECKING:
    from torch import Tensor, nn

GRAPH_FILE = "graph.onnx"


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Return a copy of `module` in evaluation mode whose batch norms are folded (in float64) into convolutions.

    The module must be traceable by torch.fx; the copy is a GraphModule with the same submodule names.
    """
    import copy

    from torch.fx.experimental.optimization import fuse

    return fuse(copy.deepcopy(module).double().eval()).float().eval()


def round_to_half(module: nn.Module, minimum: int = MINIMUM_ELEMENTS) -> nn.Module:
    """Round in place what `export_graph` will store as fp16, so that torch computes with the shipped weights."""
    import torch

    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point() and tensor.numel() >= minimum:
                tensor.copy_(tensor.to(torch.float16))
    return module


def round_to_int8(module: nn.Module, minimum: int = MINIMUM_ELEMENTS) -> nn.Module:
    """Round in place what `export_graph` stores as int8 or fp16 when asked for int8.

    The weights of convolutions and linear layers get 255 levels for each output channel, no calibration; other
    matrices become fp16, and vectors stay as they are. Batch norms must be folded before: afterwards they would move
    the weights off the grid. Raises ValueError for weights that are not finite.
    """
    import torch

    kinds = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.Linear)
    products = {id(part.weight): name for name, part in module.named_modules() if isinstance(part, kinds)}
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if not tensor.is_floating_point() or tensor.numel() < minimum:
                continue
            if id(tensor) in products:
                _round_channels(products[id(tensor)], tensor)
            elif tensor.ndim > 1:
                tensor.copy_(tensor.to(torch.float16))
    return module


def _round_channels(name: str, weight: Tensor) -> None:
    import torch

    try:
        rounded = from_grid(*to_grid(weight.detach().cpu().numpy(), axis=0))
    except ValueError as error:
        raise ValueError(f"round_to_int8: `{name}.weight` {error}") from None
    weight.copy_(torch.from_numpy(rounded))


def export_graph(
    module: nn.Module,
    example_inputs: dict[str, Tensor],
    output_names: list[str],
    folder: Path,
    opset: int = 17,
    storage: Storage = "fp16",
) -> None:
    """Write `folder`/graph.onnx and `folder`/weights.safetensors; the same module gives the same bytes.

    Axis 0 of every input and output is dynamic and called "batch". Fold batch norms and call `round_to_half` or
    `round_to_int8` first: the exporter would fold them itself, and the graph would then differ from the module by one
    rounding. Raises ValueError for weights that the storage cannot hold exactly (int8) or at all (fp16).
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = _trace(module, example_inputs, output_names, opset)
    tidy(model)
    _settle_axes(model)
    weights = pack_weights(model.graph, storage, {name for name, _ in module.named_buffers()})
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


def _settle_axes(model: ModelProto) -> None:
    """Give axes of the outputs that the tracer left open the sizes that follow from the graph, where they do."""
    open_ended = ModelProto.FromString(model.SerializeToString())
    for output in open_ended.graph.output:
        for axis in output.type.tensor_type.shape.dim[1:]:
            axis.ClearField("dim_param")
    inferred = onnx.shape_inference.infer_shapes(open_ended)
    for output, found in zip(model.graph.output, inferred.graph.output, strict=True):
        axes = zip(output.type.tensor_type.shape.dim, found.type.tensor_type.shape.dim, strict=True)
        for axis, known in axes:
            if known.HasField("dim_value"):
                axis.dim_value = known.dim_value
