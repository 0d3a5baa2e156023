"""The model file of a workload, looked at without an engine: files, operators, tensors, figures, weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto

from bench.backends.base import Tensor
from bench.models.base import WorkloadSpec
from bench.models.graph import forms_of, graph_statistics, model_hash
from bench.models.soundness import data_elsewhere, foreign_operators, nan_weights
from bench.records.workload_check import Remark, wrong

_ONNX_DOMAINS = ("", "ai.onnx")


def load_graph(path: Path) -> ModelProto:
    """The file without what lies in others. Raises whatever onnx does for one that it cannot read."""
    return onnx.load(str(path), load_external_data=False)


def files(spec: WorkloadSpec, folder: Path) -> Iterator[Remark]:
    """Whether graph and weights lie in the workload's folder, and the graph can be read."""
    for field, name in (("graph", spec.model.graph), ("weights", spec.model.weights)):
        if field == "weights" and not name:
            continue  # it says that there is no file beside the graph
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()):
            yield wrong("file-outside", field=f"model.{field}", file=name)
        elif not file.is_file():
            yield wrong("file-missing", field=f"model.{field}", file=name)
        elif field == "graph":
            yield from _data_files(file)


def _data_files(graph: Path) -> Iterator[Remark]:
    try:
        model = load_graph(graph)
    except Exception as error:  # noqa: BLE001 - onnx raises protobuf and OS errors of many kinds for one cause
        yield wrong("no-onnx", file=graph.name, error=_first_line(error))
        return
    if not model.graph.node:
        yield wrong("no-onnx", file=graph.name, error="no nodes")
    for tensor in data_elsewhere(model, graph.parent):
        yield wrong(f"data-{tensor.why}", tensor=tensor.tensor, location=tensor.location)


def operators(model: ModelProto) -> Iterator[Remark]:
    """Whether any engine that knows ONNX can run it."""
    for foreign in foreign_operators(model):
        yield wrong("foreign-operator", operator=foreign.operator, domain=foreign.domain, node=foreign.node)


def checker(spec: WorkloadSpec, path: Path, model: ModelProto) -> Iterator[Remark]:
    """What onnx's own checker says, and the opset."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # noqa: BLE001 - as above
        yield wrong("checker-refuses", error=_first_line(error))
    found = max((entry.version for entry in model.opset_import if entry.domain in _ONNX_DOMAINS), default=0)
    if found != spec.model.opset:
        yield wrong("figure-differs", field="opset", declared=spec.model.opset, found=found)


def tensors(spec: WorkloadSpec, model: ModelProto) -> Iterator[Remark]:
    """Declared inputs and outputs against the graph's, whose leading axis must be free, as the next where it varies."""
    initial = {tensor.name for tensor in model.graph.initializer}
    fed = [value for value in model.graph.input if value.name not in initial]
    varying = frozenset(spec.varying.units) if spec.varying is not None else frozenset()
    yield from _side("inputs", spec.inputs, fed, varying)
    yield from _side("outputs", spec.outputs, list(model.graph.output), varying)
    axes = {value.type.tensor_type.shape.dim[0].dim_param for value in (*fed, *model.graph.output) if _has_axis(value)}
    if len(axes) > 1 and "" not in axes:
        yield wrong("batch-axes-differ", found=", ".join(sorted(axes)))


def _side(
    kind: str, declared: Sequence[Tensor], values: Sequence[ValueInfoProto], varying: frozenset[str]
) -> Iterator[Remark]:
    found = {value.name: value for value in values}
    known = ", ".join(found) or "-"
    yield from (wrong("not-in-graph", kind=kind, name=t.name, known=known) for t in declared if t.name not in found)
    names = {tensor.name for tensor in declared}
    yield from (wrong("not-declared", kind=kind, name=name) for name in found if name not in names)
    for tensor in declared:
        if tensor.name in found:
            yield from _tensor(kind, tensor, found[tensor.name], tensor.name in varying)


def _tensor(kind: str, tensor: Tensor, value: ValueInfoProto, varying: bool) -> Iterator[Remark]:
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)).name
    except (KeyError, TypeError):
        dtype = "?"
    axes = [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim
    ]
    if not axes or isinstance(axes[0], int):
        yield wrong("batch-not-free", kind=kind, name=tensor.name, found=axes)
    expected: list[int | str] = list(tensor.shape)
    if varying and expected and len(axes) > 1 and isinstance(axes[1], str):
        expected[0] = axes[1]
    if (tensor.dtype, expected) != (dtype, axes[1:]):
        declared, there = f"{tensor.dtype} {expected}", f"{dtype} {axes[1:]}"
        yield wrong("tensor-differs", kind=kind, name=tensor.name, declared=declared, found=there)


def _has_axis(value: ValueInfoProto) -> bool:
    return len(value.type.tensor_type.shape.dim) > 0


def figures(spec: WorkloadSpec, path: Path) -> Iterator[Remark]:
    """Hash and counts, computed again."""
    try:
        counted = graph_statistics(path, forms_of(spec.inputs))
        found = {
            "model_hash": model_hash(path),
            "parameters": counted.parameters,
            "macs_per_sample": counted.macs_per_sample,
        }
    except Exception as error:  # noqa: BLE001 - onnx's shape inference raises many kinds for one cause
        yield wrong("not-counted", error=_first_line(error))
        return
    for field, value in found.items():
        declared = getattr(spec.model, field)
        if declared != value:
            yield wrong("figure-differs", field=field, declared=declared, found=value)


def weights(model: ModelProto, folder: Path) -> Iterator[Remark]:
    """Whether every weight is a number."""
    for tensor in nan_weights(model, folder):
        yield wrong("nan-weights", tensor=tensor.tensor, count=tensor.bad, total=tensor.total)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
