"""The shapes of all values of an ONNX file at one shape of its inputs: what operations are counted by."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import onnx
from onnx import GraphProto, ModelProto, TensorShapeProto, ValueInfoProto

Forms = Mapping[str, Sequence[int]]
T = TypeVar("T")
# What is raised where the shapes of a graph cannot be found.
NOT_FOLLOWED = (ValueError, onnx.shape_inference.InferenceError)


def axes(value: ValueInfoProto) -> Sequence[TensorShapeProto.Dimension]:
    """Axes of a tensor; one without a size in `dim_value` is free."""
    found: Sequence[TensorShapeProto.Dimension] = value.type.tensor_type.shape.dim
    return found


def followed(path: Path, model: ModelProto, forms: Forms, read: Callable[[GraphProto], T]) -> T:
    """What `read` finds in the graph of `model`, the file at `path`: as `inferred`, else, where it raises, as `folded`.

    Raises what the first way raised, one of NOT_FOLLOWED, where neither does.
    """
    try:
        return read(inferred(model, forms).graph)
    except NOT_FOLLOWED as error:
        try:
            return read(folded(path, forms).graph)
        except NOT_FOLLOWED:
            raise error from None


def inferred(model: ModelProto, forms: Forms) -> ModelProto:
    """A copy at batch 1 with the shapes that onnx infers; `forms` are those of a sample by input, where axes are free.

    Raises NOT_FOLLOWED for a graph that contradicts itself.
    """
    return onnx.shape_inference.infer_shapes(_fixed(model, forms), check_type=True, strict_mode=True, data_prop=True)


def folded(path: Path, forms: Forms) -> ModelProto:
    """As `inferred`, after onnxruntime has computed what follows from the shapes: onnx follows few ways of doing so.

    Nodes may be joined, but a product stays one. Raises NOT_FOLLOWED, also where onnxruntime cannot load it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder, "folded.onnx"))
        try:
            content = _fixed(onnx.load(path), forms).SerializeToString()
            onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            found = onnx.load(options.optimized_model_filepath)
        except Exception as error:  # noqa: BLE001 - onnxruntime and protobuf raise errors of many kinds for one cause: a graph it cannot load
            raise ValueError(" ".join(str(error).split())) from None
    return inferred(found, {})


def _fixed(model: ModelProto, forms: Forms) -> ModelProto:
    fixed = ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        for dim, size in zip(axes(value), (1, *forms.get(value.name, ())), strict=False):
            if not dim.dim_value:
                dim.dim_value = size
    for value in fixed.graph.output:  # what is said of free axes only hides what is found
        for dim in axes(value):
            if not dim.dim_value:
                dim.Clear()
    return fixed
