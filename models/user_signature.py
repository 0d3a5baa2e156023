"""What a user's ONNX file takes and answers: names, types and shapes of one sample, and the batch if it is fixed.

Axes that a file leaves free behind the batch are given by input; those of answers follow from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx

from bench.backends.base import Tensor
from bench.models.graph import forms_of
from bench.models.shapes import NOT_FOLLOWED, Forms, axes, followed
from bench.models.soundness import data_elsewhere, nan_weights
from bench.models.user_files import BadModel, first_line
from bench.plugins import suggestion

_ELSEWHERE = {
    "outside": "outside the model's folder; move it beside the model",
    "missing": "which is not there; put it beside the model",
    "short": "which is too short for it; fetch it again",
}


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs and outputs in the file's order; `fixed_batch`: the only batch that it takes, None where that is free."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    opset: int
    fixed_batch: int | None


def read_signature(path: Path, given: Forms) -> Signature:
    """Of the model at `path`, with the shapes of a sample that are `given` by input. Raises BadModel."""
    proto = _checked(path)
    initial = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in initial]
    if not inputs or not proto.graph.output:
        raise BadModel(
            f"{path}: the graph has {len(inputs)} inputs and {len(proto.graph.output)} outputs; it needs both."
        )
    _check_names(path, given, [value.name for value in inputs])
    taken = [_tensor(path, value, _input_shape(path, value, given.get(value.name))) for value in inputs]
    batches = {size for value in inputs if (size := axes(value)[0].dim_value)}
    if len(batches) > 1:
        raise BadModel(f"{path}: its inputs have different fixed batch sizes: {sorted(batches)}.")
    return Signature(
        inputs=tuple(taken),
        outputs=tuple(_answers(path, proto, taken)),
        opset=max((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=0),
        fixed_batch=next(iter(batches), None),
    )


def _checked(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise BadModel(f"{path}: there is no such model file.")
    try:
        proto = onnx.load(str(path), load_external_data=False)
        _check_data_files(path, proto)
        onnx.checker.check_model(str(path))
    except BadModel:
        raise
    except Exception as error:  # noqa: BLE001 - onnx raises protobuf, checker and OS errors of many kinds for one cause: a bad file
        raise BadModel(f"{path}: not a valid ONNX model: {first_line(error)}") from None
    for found in nan_weights(proto, path.parent):
        raise BadModel(
            f"{path}: tensor {found.tensor!r} holds {found.bad} NaN among {found.total} numbers; every answer that "
            "uses it would be NaN. Export it from sound weights."
        )
    return proto


def _check_data_files(path: Path, proto: onnx.ModelProto) -> None:
    """Before anything opens them: a model may name any file of the machine."""
    for found in data_elsewhere(proto, path.parent):
        where = f"in {found.location!r}, {_ELSEWHERE[found.why]}"
        raise BadModel(f"{path}: tensor {found.tensor!r} has its data {where}.")


def _check_names(path: Path, given: Forms, names: list[str]) -> None:
    for name in given:
        if name not in names:
            raise BadModel(f"{path}: `shapes` has {name!r}, which is no input of it.{suggestion(name, names)}")


def _input_shape(path: Path, value: onnx.ValueInfoProto, given: Sequence[int] | None) -> tuple[int, ...]:
    """Of one sample: what the file says, and what is given where it leaves an axis free."""
    behind = axes(value)[1:]
    free = _free(behind)
    if given is None:
        if free:
            example = ", ".join(str(dim.dim_value or "…") for dim in behind)
            raise BadModel(
                f"{path}: {value.name!r} has free axes {free} behind the batch axis; export it with fixed ones, or "
                f'say its shape in the file of `--preprocess`: shapes."{value.name}" = [{example}]'
            )
        return tuple(int(dim.dim_value) for dim in behind)
    if len(given) != len(behind) or any(a.dim_value not in (0, b) for a, b in zip(behind, given, strict=True)):
        said = [dim.dim_value or dim.dim_param or "?" for dim in behind]
        raise BadModel(
            f"{path}: `shapes` has {list(given)} for {value.name!r}, which takes {said} behind the batch axis."
        )
    return tuple(given)


def _free(dims: Iterable[onnx.TensorShapeProto.Dimension]) -> list[str]:
    return [dim.dim_param or "?" for dim in dims if not dim.dim_value]


def _answers(path: Path, proto: onnx.ModelProto, taken: list[Tensor]) -> list[Tensor]:
    """The outputs; axes that the file leaves free follow from the inputs' shapes, or the file cannot be used."""
    known = list(proto.graph.output)
    if any(map(_is_free, known)):
        try:
            known = followed(path, proto, forms_of(taken), _fixed_outputs)
        except NOT_FOLLOWED as error:
            free = [value for value in known if _is_free(value)]
            value = next((value for value in free if value.name in error.args), free[0])
            raise BadModel(
                f"{path}: {value.name!r} has free axes {_free(axes(value)[1:])} behind the batch axis, which do not "
                "follow from the shapes of its inputs; export it with fixed ones."
            ) from None
    return [_tensor(path, value, tuple(int(dim.dim_value) for dim in axes(value)[1:])) for value in known]


def _fixed_outputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The outputs. Raises ValueError with the name of the first one that has free axes."""
    for value in graph.output:
        if _is_free(value):
            raise ValueError(value.name)
    return list(graph.output)


def _is_free(value: onnx.ValueInfoProto) -> bool:
    return bool(_free(axes(value)[1:]))


def _tensor(path: Path, value: onnx.ValueInfoProto, shape: tuple[int, ...]) -> Tensor:
    if not axes(value):
        raise BadModel(f"{path}: {value.name!r} has no shape with a batch axis.")
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    if dtype.kind not in "biuf":
        raise BadModel(f"{path}: {value.name!r} holds {dtype.name}; expected numpy's numbers or truth values.")
    return Tensor(name=value.name, dtype=dtype.name, shape=shape)
