"""The user's own ONNX file as a workload of a task, with files to check it on or none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Tensor, Unsupported
from bench.models.base import LoadSpec, ModelSpec, NamedArrays, QualitySpec, ScenarioSpec, WorkloadSpec
from bench.models.graph import forms_of, graph_statistics, model_hash
from bench.models.over_files import OverFiles, quality_over
from bench.models.user_coco import check_detector
from bench.models.user_data import UserData, open_data, open_unlabelled
from bench.models.user_files import BadModel, first_line
from bench.models.user_signature import Signature, read_signature
from bench.records.plan import USER_WORKLOAD
from bench.records.preparation import Preparation
from bench.tasks import AGREEMENT, CLASSIFY, DETECT, TASKS

__all__ = ["BadModel", "UserWorkload"]

_LOAD_SAMPLES = 64


class UserWorkload(OverFiles):
    """An ONNX file, and perhaps files to check it on.

    `preparation` gives the shapes that the file leaves free behind the batch axis. With `agreement` nothing is known of
    the files: answers are held against those of a reference engine.
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
        how = preparation or Preparation()
        found = read_signature(model_file, how.shapes)
        inputs, outputs = found.inputs, found.outputs
        self._fixed_batch = found.fixed_batch
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
        self.spec = _specification(model_file, found, task, quality)

    def model(self, precision: str = "fp32") -> Model:
        spec = self.spec
        if precision == "int8" and not graph_statistics(self._path, forms_of(spec.inputs)).int8_nodes:
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


def _specification(path: Path, found: Signature, task: str, quality: QualitySpec) -> WorkloadSpec:
    try:
        figures, digest = graph_statistics(path, forms_of(found.inputs)), model_hash(path)
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
            opset=found.opset,
            parameters=figures.parameters,
            macs_per_sample=figures.macs_per_sample,
        ),
        inputs=found.inputs,
        outputs=found.outputs,
        load=LoadSpec(samples=_LOAD_SAMPLES),
        scenarios={
            "single_stream": ScenarioSpec(),
            "multi_stream": ScenarioSpec(samples_per_query=8),
            "offline": ScenarioSpec(batch=found.fixed_batch or 8),
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
