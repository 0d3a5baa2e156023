"""What a workload is: its specification as decoded from `workload.toml`, and the seam through which data comes.

A workload brings inputs and labels; it never runs a model.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Tensor

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


class ScenarioSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario's defaults and bound for one workload."""

    batch: int | None = None
    samples_per_query: int | None = None
    latency_bound_ms: float | None = None


class LoadSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many distinct samples the timed load cycles through."""

    samples: int


class QualitySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Metric id, absolute target (share, 0 to 1; None: nothing to reach), and set sizes.

    Evaluation samples come in groups of `group` that stand together (the two pictures of a person): a part of the set
    is made of whole groups.
    """

    metric: str
    target: float | None
    evaluation_samples: int
    quick_samples: int
    group: int = 1


class WorkloadSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `workload.toml`."""

    name: str
    version: int
    task: str
    title: dict[str, str]
    model: ModelSpec
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    load: LoadSpec
    scenarios: dict[str, ScenarioSpec]
    quality: QualitySpec
    origin: dict[str, str]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of the suite's network in double precision on the evaluation set: (evaluation_samples, …) arrays."""

    value: float
    evaluation_sha256: str
    outputs: NamedArrays


class Workload(Protocol):
    """Inputs, labels and reference of one workload."""

    spec: WorkloadSpec

    def model(self) -> Model:
        """The ONNX file with its tensors."""

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        """`count` distinct samples for timing, a function of `seed`; never evaluation samples."""

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        """The evaluation samples at `indices`, leading axis len(indices)."""

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """True labels at `indices`, (n,) classes or (n, 2) identities and sides; None when the data has none."""

    def reference(self) -> Reference | None:
        """The stored reference answers; None when there are none."""
