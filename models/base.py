"""What a workload is: its specification as decoded from `workload.toml`, and the seam through which data comes.

A workload brings inputs and labels; it never runs a model.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Tensor, Varying
from bench.models.stress_reference import StressReference
from bench.tasks.error_class import ErrorClass

NamedArrays = dict[str, NDArray[np.generic]]


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network file: where it lies in the workload's folder, and figures computed from the graph."""

    graph: str
    weights: str
    model_hash: str
    network: str
    opset: int
    parameters: int
    macs_per_sample: int


class Int8Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network in int8 as a file of its own beside the graph, all of it written by `bench.models.quantise`.

    Its recipe: how ranges were found, on how many calibration samples, and which nodes stay in float (shell patterns
    of names). Computed: the share of multiply-accumulates that are done in int8, and what onnxruntime answered on the
    whole evaluation set: value with 95 % interval, loss against the reference at worst (one-sided 95 %), and how often
    the answer was the reference's. `error` is the median over samples of the relative error of its raw outputs (of
    several outputs the largest), `error_limit` what a run in int8 may have; None: the file has no error class.
    """

    method: str
    calibration_samples: int
    keep_float: tuple[str, ...] = ()
    graph: str
    model_hash: str
    macs_share: float
    value: float
    interval: tuple[float, float]
    loss_at_most: float
    agreement: float
    error: float | None = None
    error_limit: float | None = None
    computed_with: dict[str, str]


class ScenarioSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario's defaults and bound for one workload."""

    batch: int | None = None
    samples_per_query: int | None = None
    latency_bound_ms: float | None = None


class LoadSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many distinct samples the timed load cycles through."""

    samples: int


class VideoSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Films that cameras play where decoding is timed: how many, their form, and how they are coded (H.264).

    The package's module `footage` draws them: `film(number, frames)`.
    """

    clips: int
    frames: int
    height: int
    width: int
    frames_per_s: int
    key_every: int
    bits_per_s: int


class QualitySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Metric id, absolute target (share, 0 to 1; None: nothing to reach), and set sizes.

    Evaluation samples come in groups of `group` that stand together (the two pictures of a person): a part of the set
    is made of whole groups. `error_limits`: what raw outputs may be off by in a precision, where its usual class is too
    narrow for this network.
    """

    metric: str
    target: float | None = None
    evaluation_samples: int
    quick_samples: int
    group: int = 1
    error_limits: dict[str, float] = {}


class WorkloadSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `workload.toml`. `network_of`: the workload whose network, data, labels and reference it has."""

    name: str
    version: int
    task: str
    title: dict[str, str]
    model: ModelSpec
    int8: Int8Spec | None = None
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    varying: Varying | None = None
    load: LoadSpec
    scenarios: dict[str, ScenarioSpec]
    quality: QualitySpec
    origin: dict[str, str]
    video: VideoSpec | None = None
    network_of: str | None = None

    def hash_of(self, precision: str) -> str | None:
        """Hash of the file that is run in `precision`; None where there is none. Only int8 has a file of its own."""
        if precision == "int8":
            return self.int8.model_hash if self.int8 is not None else None
        return self.model.model_hash

    def error_class(self, precision: str) -> ErrorClass:
        """What raw outputs are held to in `precision`."""
        int8 = self.int8.error_limit if self.int8 is not None else None
        return ErrorClass(precision, int8 if precision == "int8" else self.quality.error_limits.get(precision))


class SharingSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `workload.toml` of a workload that has another one's network, data and quality, and a load of its own."""

    name: str
    version: int
    title: dict[str, str]
    network_of: str
    load: LoadSpec
    scenarios: dict[str, ScenarioSpec]
    origin: dict[str, str]
    video: VideoSpec | None = None

    def over(self, other: WorkloadSpec) -> WorkloadSpec:
        """The whole specification, with what the `other` workload has."""
        own = {field: getattr(self, field) for field in self.__struct_fields__}
        return msgspec.structs.replace(other, **own)


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of the suite's network in double precision on the evaluation set.

    `outputs` are raw, (evaluation_samples, …) each; where the task condenses them they are those of the first samples
    alone, and `condensed` holds the answers to all.
    """

    value: float
    evaluation_sha256: str
    outputs: NamedArrays
    condensed: NamedArrays | None = None

    @property
    def answers(self) -> NamedArrays:
        """What a measure takes, (evaluation_samples, …) each."""
        return self.outputs if self.condensed is None else self.condensed


@runtime_checkable
class KnowsWords(Protocol):
    """What a workload of texts may have besides: the words that they are made of."""

    def words(self) -> tuple[tuple[int, ...], ...]:
        """Each by the ids of its characters, as labels have them; none where nobody says what a word is."""


class Workload(Protocol):
    """Inputs, labels and reference of one workload."""

    spec: WorkloadSpec

    def model(self, precision: str = "fp32") -> Model:
        """The ONNX file that is run in `precision`, with its tensors; all but int8 run the same one.

        Raises Unsupported, one line, where there is none.
        """

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        """`count` distinct samples for timing, a function of `seed`; never evaluation samples."""

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        """The evaluation samples at `indices`, leading axis len(indices)."""

    def evaluation_raw(self, indices: NDArray[np.int64]) -> NamedArrays:
        """The same samples by the names of the inputs, as camera or microphone gave them: before any preparation."""

    def prepared(self, raw: NamedArrays) -> NamedArrays:
        """Inputs made of raw samples, be they altered or not: of `evaluation_raw` they are `evaluation_inputs`."""

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.generic] | None:
        """True labels at `indices`, (n, …) as the task's measure takes them; None when the data has none."""

    def reference(self) -> Reference | None:
        """The stored reference answers; None when there are none."""

    def stress_reference(self) -> StressReference | None:
        """What the reference network answers to corrupted samples; None when that is not stored."""
