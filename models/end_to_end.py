"""A workload whose samples are files' bytes, or frames of cameras: what the timed region `end_to_end` is fed with.

Files of different lengths lie in one array, padded to the longest, so that a batch of them is a view like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Tensor
from bench.models.base import KnowsWords, NamedArrays, Reference, Workload, WorkloadSpec
from bench.models.stress_reference import StressReference
from bench.tasks import TASKS
from bench.tasks.base import Outputs
from bench.tasks.classify import top_class
from bench.tasks.pipelines import PIPELINES, KeyFrames, MakesFiles, Pipeline
from bench.tasks.video import MISSING, Clip, has_decoder

# Names that no ONNX graph of ours has. Where cameras are watched the load names a camera and a frame of its film
# instead of a file's bytes: both (n,) int64, as `bench.tasks.cameras` numbers them.
ENCODED, LENGTH, ANSWER = "__encoded", "__length", "__answer"
CAMERA, FRAME = "__camera", "__frame"

Reader = Callable[[Outputs], NamedArrays]


class NoPipeline(ValueError):
    """A workload that cannot be measured end to end; one line."""


@runtime_checkable
class Filmed(Protocol):
    """What a workload may have besides: films for cameras, where `spec.video` is there."""

    spec: WorkloadSpec

    def film(self, number: int) -> Iterator[NDArray[np.uint8]]:
        """The pictures (height, width, 3), RGB, of film `number` of those that `spec.video` counts."""


@runtime_checkable
class BringsFilms(Protocol):
    """What a workload has whose films a user brings."""

    spec: WorkloadSpec
    clips: tuple[Clip, ...]


Films = Filmed | BringsFilms


@runtime_checkable
class BringsFiles(Protocol):
    """What a workload has that knows its samples as files; without files its `pipeline` is None."""

    @property
    def pipeline(self) -> Pipeline | None:
        """How they become inputs."""

    def load_files(self, count: int, seed: int) -> list[bytes]:
        """As `load_inputs`."""

    def evaluation_files(self, indices: NDArray[np.int64]) -> list[bytes]:
        """As `evaluation_inputs`."""


class EndToEnd:
    """`plain`, fed with files: inputs are `ENCODED` (n, longest) uint8 and `LENGTH` (n,) int64.

    Its outputs are the network's own and, behind them, what the task reads from them: `ANSWER` (n,) int64 where each
    answer is right or wrong by itself, `ANSWER/<name>` where it condenses them.
    """

    def __init__(self, plain: Workload) -> None:
        """Raises NoPipeline for a task that has none, for a user's model without files, and without PyAV for films."""
        spec = plain.spec
        self.plain = plain
        self.pipeline: Pipeline = _pipeline(plain)
        self.read = reader(spec.task)
        self.spec = msgspec.structs.replace(spec, outputs=(*spec.outputs, *_read_tensors(self.read, spec.outputs)))

    def model(self, precision: str = "fp32") -> Model:
        """The network itself, which knows nothing of files."""
        return self.plain.model(precision)

    def answering(self, model: Model) -> Model:
        """What the harness feeds and expects back where `model` is what the engine runs."""
        encoded = Tensor(name=ENCODED, dtype="uint8", shape=(0,))  # as long as the longest file
        length = Tensor(name=LENGTH, dtype="int64", shape=())
        return msgspec.structs.replace(model, inputs=(encoded, length), outputs=self.spec.outputs)

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        if isinstance(self.plain, BringsFiles):
            return padded(self.plain.load_files(count, seed))
        return self._encoded(self.plain.load_inputs(count, seed))

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        if isinstance(self.plain, BringsFiles):
            return padded(self.plain.evaluation_files(indices))
        return self._encoded(self.plain.evaluation_inputs(indices))

    def evaluation_raw(self, indices: NDArray[np.int64]) -> NamedArrays:
        return self.plain.evaluation_raw(indices)

    def prepared(self, raw: NamedArrays) -> NamedArrays:
        return self._encoded(self.plain.prepared(raw))

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.generic] | None:
        return self.plain.evaluation_labels(indices)

    def words(self) -> tuple[tuple[int, ...], ...]:
        """Those of the texts, if its workload knows any."""
        return self.plain.words() if isinstance(self.plain, KnowsWords) else ()

    def reference(self) -> Reference | None:
        """Answers to the samples before they were made files of: what a lossy format costs counts as a loss."""
        return self.plain.reference()

    def stress_reference(self) -> StressReference | None:
        return None  # nothing is known of corrupted files

    def _encoded(self, inputs: NamedArrays) -> NamedArrays:
        count = len(next(iter(inputs.values())))
        samples = ({name: array[i] for name, array in inputs.items()} for i in range(count))
        maker = _maker(self.spec)
        return padded([maker.encode(sample) for sample in samples])


def _pipeline(plain: Workload) -> Pipeline:
    spec = plain.spec
    if spec.task not in PIPELINES:
        raise NoPipeline(f"{spec.name} cannot be measured end to end: nothing reads files for {spec.task!r} yet.")
    if spec.video is not None and not has_decoder():
        raise NoPipeline(f"{spec.name} cannot be measured end to end. {MISSING}")
    pipeline = plain.pipeline if isinstance(plain, BringsFiles) else _maker(spec)
    if pipeline is None:
        raise NoPipeline(f"{spec.name} cannot be measured end to end without files; name some with `--data`.")
    return pipeline


def _maker(spec: WorkloadSpec) -> MakesFiles:
    """What makes files of rendered samples: key frames of video for cameras, else what is usual for the task."""
    return PIPELINES[spec.task] if spec.video is None else KeyFrames(spec.video.height)


def filmed(workload: Workload) -> Films | None:
    """The workload with the films that are timed; None where it is fed with anything else."""
    if not isinstance(workload, EndToEnd) or workload.spec.video is None:
        return None
    return workload.plain if isinstance(workload.plain, Filmed | BringsFilms) else None


def film_lengths(films: Films) -> tuple[int, ...]:
    """How many frames each film has."""
    if isinstance(films, BringsFilms):
        return tuple(len(clip.packets) for clip in films.clips)
    assert films.spec.video is not None
    return (films.spec.video.frames,) * films.spec.video.clips


def reader(task: str) -> Reader | None:
    """How the answers of `task` are read from outputs in the model's order; None where these are the answers."""
    known = TASKS[task]
    condense = known.condense
    if condense is not None:
        return lambda outputs: {f"{ANSWER}/{name}": array for name, array in condense(outputs).items()}
    return (lambda outputs: {ANSWER: top_class(outputs)}) if known.single_answers else None


def _read_tensors(read: Reader | None, outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Names, types and shapes of what is read: seen on an empty answer, for they depend on the shapes of outputs."""
    if read is None:
        return ()
    found = read({tensor.name: np.zeros((1, *tensor.shape), tensor.dtype) for tensor in outputs})
    return tuple(Tensor(name=name, dtype=array.dtype.name, shape=array.shape[1:]) for name, array in found.items())


def padded(files: Sequence[bytes]) -> NamedArrays:
    """`ENCODED` and `LENGTH` of files, each behind the other."""
    lengths = np.array([len(file) for file in files], np.int64)
    encoded = np.zeros((len(files), int(lengths.max(initial=0))), np.uint8)
    for row, file in zip(encoded, files, strict=True):
        row[: len(file)] = np.frombuffer(file, np.uint8)
    return {ENCODED: encoded, LENGTH: lengths}
