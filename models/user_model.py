"""The user's own ONNX file as a workload of a task, with files to check it on or none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Tensor, Unsupported
from bench.models.base import LoadSpec, ModelSpec, NamedArrays, QualitySpec, ScenarioSpec, WorkloadSpec
from bench.models.graph import graph_statistics, model_hash
from bench.models.over_files import OverFiles, quality_over
from bench.models.soundness import data_elsewhere, nan_weights
from bench.models.user_coco import check_detector
from bench.models.user_data import UserData, open_data, open_unlabelled
from bench.models.user_files import BadModel, first_line
from bench.records.plan import USER_WORKLOAD
from bench.records.preparation import Preparation
from bench.tasks import AGREEMENT, CLASSIFY, DETECT, TASKS

__all__ = ["BadModel", "UserWorkload"]

_LOAD_SAMPLES = 64
_ELSEWHERE = {
    "outside": "outside the model's folder; move it beside the model",
    "missing": "which is not there; put it beside the model",
    "short": "which is too short for it; fetch it again",
}


class UserWorkload(OverFiles):
    """An ONNX file with fixed shapes behind the batch axis, and perhaps files to check it on.

    With `agreement` nothing is known of the files: answers are held against those of a reference engine.
    """

    def __init__(
        self,
        model_file: Path,
        data: Path | None,
        preparation: Preparation | None = None,
        task: str = CLASSIFY.name,
        agreement: bool = False,
    ) -> None:
        self._path = model_file
        inputs, outputs, opset, fixed_batch = _signature(model_file)
        self._fixed_batch = fixed_batch
        how = preparation or Preparation()
        if task == DETECT.name:
            check_detector(outputs)
        if data is None:
            self._data: UserData | None = None
        elif agreement:
            self._data = open_unlabelled(data, inputs, how)
        else:
            self._data = open_data(data, task, inputs, outputs, how)
        samples, group = (self._data.count, self._data.group) if self._data is not None else (0, 1)
        quality = quality_over(AGREEMENT if agreement else TASKS[task].metric, samples, group)
        self.spec = _specification(model_file, inputs, outputs, opset, fixed_batch, task, quality)

    def model(self, precision: str = "fp32") -> Model:
        spec = self.spec
        if precision == "int8" and not graph_statistics(self._path).int8_nodes:
            raise Unsupported(
                f"{self._path}: no convolution or matrix product of it computes in int8; `--precision int8` takes a "
                "quantised file (QuantizeLinear and DequantizeLinear around them) and quantises none."
            )
        return Model(path=self._path, inputs=spec.inputs, outputs=spec.outputs, fixed_batch=self._fixed_batch)

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        """Files of the folder under seeded noise and shift, else seeded noise; never an evaluation sample."""
        rng = np.random.default_rng(seed)
        if self._data is None:
            return {tensor.name: _noise(tensor, count, rng) for tensor in self.spec.inputs}
        return self.prepared({self.spec.inputs[0].name: self._data.files.disturbed(self._chosen(count, rng), rng)})


def _signature(path: Path) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], int, int | None]:
    import onnx

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
    _check_weights(path, proto)
    initial = {tensor.name for tensor in proto.graph.initializer}
    inputs = [_tensor(value, path) for value in proto.graph.input if value.name not in initial]
    outputs = [_tensor(value, path) for value in proto.graph.output]
    if not inputs or not outputs:
        raise BadModel(f"{path}: the graph has {len(inputs)} inputs and {len(outputs)} outputs; it needs both.")
    batches = {batch for _, batch in inputs if batch is not None}
    if len(batches) > 1:
        raise BadModel(f"{path}: its inputs have different fixed batch sizes: {sorted(batches)}.")
    opset = max((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    return tuple(t for t, _ in inputs), tuple(t for t, _ in outputs), opset, next(iter(batches), None)


def _check_data_files(path: Path, proto: object) -> None:
    """Before anything opens them: a model may name any file of the machine."""
    import onnx

    assert isinstance(proto, onnx.ModelProto)
    for found in data_elsewhere(proto, path.parent):
        where = f"in {found.location!r}, {_ELSEWHERE[found.why]}"
        raise BadModel(f"{path}: tensor {found.tensor!r} has its data {where}.")


def _check_weights(path: Path, proto: object) -> None:
    import onnx

    assert isinstance(proto, onnx.ModelProto)
    for found in nan_weights(proto, path.parent):
        raise BadModel(
            f"{path}: tensor {found.tensor!r} holds {found.bad} NaN among {found.total} numbers; every answer that "
            "uses it would be NaN. Export it from sound weights."
        )


def _tensor(value: object, path: Path) -> tuple[Tensor, int | None]:
    import onnx

    assert isinstance(value, onnx.ValueInfoProto)
    dims = value.type.tensor_type.shape.dim
    if not dims:
        raise BadModel(f"{path}: {value.name!r} has no shape with a batch axis.")
    free = [dim.dim_param or "?" for dim in dims[1:] if not dim.dim_value]
    if free:
        raise BadModel(f"{path}: {value.name!r} has free axes {free} behind the batch axis; export it with fixed ones.")
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    if dtype.kind not in "biuf":
        raise BadModel(f"{path}: {value.name!r} holds {dtype.name}; expected numpy's numbers or truth values.")
    shape = tuple(int(dim.dim_value) for dim in dims[1:])
    return Tensor(name=value.name, dtype=dtype.name, shape=shape), int(dims[0].dim_value) or None


def _specification(
    path: Path,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    opset: int,
    fixed_batch: int | None,
    task: str,
    quality: QualitySpec,
) -> WorkloadSpec:
    try:
        figures, digest = graph_statistics(path), model_hash(path)
    except Exception as error:  # noqa: BLE001 - onnx's shape inference raises many kinds for one cause: a graph it cannot follow
        raise BadModel(f"{path}: the graph cannot be followed: {first_line(error)}") from None
    return WorkloadSpec(
        name=USER_WORKLOAD,
        version=1,
        task=task,
        title={"en": path.name, "zh": path.name},
        model=ModelSpec(
            graph=path.name,
            weights="",
            model_hash=digest,
            network=path.stem,
            opset=opset,
            parameters=figures.parameters,
            macs_per_sample=figures.macs_per_sample,
        ),
        inputs=inputs,
        outputs=outputs,
        load=LoadSpec(samples=_LOAD_SAMPLES),
        scenarios={
            "single_stream": ScenarioSpec(),
            "multi_stream": ScenarioSpec(samples_per_query=8),
            "offline": ScenarioSpec(batch=fixed_batch or 8),
        },
        quality=quality,
        origin={"data": "the user's", "weights": "the user's"},
    )


def _noise(tensor: Tensor, count: int, rng: np.random.Generator) -> NDArray[np.generic]:
    shape, dtype = (count, *tensor.shape), np.dtype(tensor.dtype)
    if np.issubdtype(dtype, np.floating):
        return rng.standard_normal(shape, np.float32).astype(dtype)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(dtype)
    # Small non-negative integers: token ids and the like are indices, and most vocabularies exceed 128.
    return rng.integers(0, 256 if dtype == np.uint8 else 128, shape).astype(dtype)
