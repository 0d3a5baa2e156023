"""The user's own ONNX classifier as a workload, with a labelled picture folder (one subfolder per class) or none.

Labels are the positions of the subfolders' names in sorted order, as torchvision's ImageFolder numbers them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Tensor, Unsupported
from bench.models.base import LoadSpec, ModelSpec, NamedArrays, QualitySpec, Reference, ScenarioSpec, WorkloadSpec
from bench.models.graph import graph_statistics, model_hash
from bench.models.stress_reference import StressReference
from bench.records.plan import USER_WORKLOAD
from bench.tasks.pictures import as_jpeg, load_picture, normalised, whole_picture

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
_LOAD_SAMPLES = 64


class BadModel(ValueError):
    """A model or data folder that cannot be used; one line with what was seen and what is expected."""


class UserWorkload:
    """An ONNX file with fixed shapes behind the batch axis, and perhaps pictures to check it on."""

    def __init__(self, model_file: Path, data: Path | None) -> None:
        self._path = model_file
        inputs, outputs, opset, fixed_batch = _signature(model_file)
        self._fixed_batch = fixed_batch
        self._pictures, self._labels = (
            _pictures(data, inputs, outputs) if data is not None else ([], np.empty(0, np.int64))
        )
        self.spec = _specification(model_file, inputs, outputs, opset, fixed_batch, len(self._pictures))

    def model(self, precision: str = "fp32") -> Model:
        spec = self.spec
        if precision == "int8" and not graph_statistics(self._path).int8_nodes:
            raise Unsupported(
                f"{self._path}: no convolution or matrix product of it computes in int8; `--precision int8` takes a "
                "quantised file (QuantizeLinear and DequantizeLinear around them) and quantises none."
            )
        return Model(path=self._path, inputs=spec.inputs, outputs=spec.outputs, fixed_batch=self._fixed_batch)

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        """Pictures of the folder under seeded noise and shift, else seeded noise; never an evaluation sample."""
        rng = np.random.default_rng(seed)
        if not self._pictures:
            return {tensor.name: _noise(tensor, count, rng) for tensor in self.spec.inputs}
        tensor = self.spec.inputs[0]
        pictures = np.stack([_disturbed(picture, rng) for picture in self._load(self._chosen(count, rng))])
        return {tensor.name: _as_input(pictures, tensor)}

    def load_files(self, count: int, seed: int) -> list[bytes]:
        """Pictures of the folder in their own size, under seeded noise and shift, as JPEG files."""
        rng = np.random.default_rng(seed)
        return [as_jpeg(_disturbed(_whole(self._pictures[i]), rng)) for i in self._chosen(count, rng)]

    def evaluation_files(self, indices: NDArray[np.int64]) -> list[bytes]:
        """The files themselves. Raises BadModel for one that cannot be read, while the clock does not run yet."""
        self._load(indices)
        return [self._pictures[i].read_bytes() for i in indices]

    def _chosen(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        chosen: NDArray[np.int64] = rng.permutation(len(self._pictures))[np.arange(count) % len(self._pictures)]
        return chosen

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        return self.prepared(self.evaluation_raw(indices))

    def evaluation_raw(self, indices: NDArray[np.int64]) -> NamedArrays:
        return {self.spec.inputs[0].name: self._load(indices)}

    def prepared(self, raw: NamedArrays) -> NamedArrays:
        tensor = self.spec.inputs[0]
        return {tensor.name: _as_input(raw[tensor.name].astype(np.uint8, copy=False), tensor)}

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64] | None:
        return self._labels[indices] if self._pictures else None

    def reference(self) -> Reference | None:
        return None

    def stress_reference(self) -> StressReference | None:
        return None

    def _load(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        _, height, width = self.spec.inputs[0].shape
        return np.stack([_picture(self._pictures[i], height, width) for i in indices])


def _disturbed(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """(3, height, width) moved sideways and with a little noise: another picture of the same."""
    moved = np.roll(picture, int(rng.integers(1, 24)), axis=2)
    noisy = moved.astype(np.int16) + rng.integers(-8, 9, moved.shape, dtype=np.int16)
    disturbed: NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
    return disturbed


def _picture(file: Path, height: int, width: int) -> NDArray[np.uint8]:
    return _read(file, lambda: load_picture(file, height, width))


def _whole(file: Path) -> NDArray[np.uint8]:
    return _read(file, lambda: whole_picture(file))


def _read(file: Path, reader: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    try:
        return reader()
    except Exception as error:  # noqa: BLE001 - Pillow's readers raise errors of many kinds for one cause: a bad file
        raise BadModel(f"{file}: the picture cannot be read: {_first_line(error)}. Mend or remove it.") from None


def _signature(path: Path) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], int, int | None]:
    import onnx

    if not path.is_file():
        raise BadModel(f"{path}: there is no such model file.")
    try:
        proto = onnx.load(str(path), load_external_data=False)
        onnx.checker.check_model(str(path))
    except Exception as error:  # noqa: BLE001 - onnx raises protobuf, checker and OS errors of many kinds for one cause: a bad file
        raise BadModel(f"{path}: not a valid ONNX model: {_first_line(error)}") from None
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


def _pictures(
    folder: Path, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]
) -> tuple[list[Path], NDArray[np.int64]]:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise BadModel(f"{folder}: {what}; `--data` needs a folder with one subfolder of pictures per class.")
    if len(inputs) != 1 or len(inputs[0].shape) != 3 or inputs[0].shape[0] != 3:
        shapes = {tensor.name: tensor.shape for tensor in inputs}
        raise BadModel(f"`--data` needs a model with one picture input (3, height, width); this one has {shapes}.")
    if inputs[0].dtype not in ("uint8", "float32"):
        raise BadModel(f"`--data` needs a uint8 or float32 picture input; this one is {inputs[0].dtype}.")
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    files = [
        (file, label)
        for label, entry in enumerate(classes)
        for file in sorted(entry.rglob("*"))
        if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file()
    ]
    if not files:
        kinds = " ".join(sorted(PICTURE_SUFFIXES))
        raise BadModel(f"{folder}: no pictures found; expected one subfolder per class with files of {kinds}.")
    answers = int(np.prod(outputs[0].shape, dtype=np.int64))
    if len(classes) != answers:
        raise BadModel(
            f"{folder}: {len(classes)} class folders, and the model answers with {answers} scores; they are matched "
            "in sorted order, so that each class needs a folder, an empty one where there are no pictures."
        )
    return [file for file, _ in files], np.array([label for _, label in files], np.int64)


def _specification(
    path: Path,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    opset: int,
    fixed_batch: int | None,
    pictures: int,
) -> WorkloadSpec:
    try:
        figures, digest = graph_statistics(path), model_hash(path)
    except Exception as error:  # noqa: BLE001 - onnx's shape inference raises many kinds for one cause: a graph it cannot follow
        raise BadModel(f"{path}: the graph cannot be followed: {_first_line(error)}") from None
    return WorkloadSpec(
        name=USER_WORKLOAD,
        version=1,
        task="classify",
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
        quality=QualitySpec(metric="top1", target=None, evaluation_samples=pictures, quick_samples=min(pictures, 192)),
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


def _as_input(pictures: NDArray[np.uint8], tensor: Tensor) -> NDArray[np.generic]:
    return pictures if tensor.dtype == "uint8" else normalised(pictures)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
