"""What workloads have in common whose evaluation samples are a user's files, known or not."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bench.models.base import NamedArrays, QualitySpec, Reference, WorkloadSpec
from bench.models.stress_reference import StressReference
from bench.models.user_data import UserData
from bench.tasks import AGREEMENT
from bench.tasks.pipelines import Pipeline

_QUICK_SAMPLES = 192


def quality_over(metric: str, samples: int, group: int = 1) -> QualitySpec:
    """Of `samples` files, in groups of `group` that stand together; nobody set a target for them."""
    # A look at people needs the impostors of so many (the rule of 30).
    quick = min(samples, _QUICK_SAMPLES * group)
    return QualitySpec(metric=metric, target=None, evaluation_samples=samples, quick_samples=quick, group=group)


def agreement_over(samples: int) -> QualitySpec:
    """Of `samples` files of which nothing is known."""
    return quality_over(AGREEMENT, samples)


class HeldAgainstAnother:
    """A workload without answers of its own, that may be given those of a reference engine."""

    _reference: Reference | None = None

    def answered(self, reference: Reference) -> Self:
        """The same with what a reference engine answered to the files."""
        known = copy.copy(self)
        known._reference = reference
        return known

    def reference(self) -> Reference | None:
        return self._reference

    def stress_reference(self) -> StressReference | None:
        return None


class OverFiles(HeldAgainstAnother):
    """A workload of one input that is fed with files; `_data` None where there are none."""

    spec: WorkloadSpec
    _data: UserData | None

    @property
    def pipeline(self) -> Pipeline | None:
        """How its files become inputs; None where there are none."""
        return self._data.files.pipeline if self._data is not None else None

    def load_files(self, count: int, seed: int) -> list[bytes]:
        """Files like those of the folder, of their own size or length, and none of them."""
        rng = np.random.default_rng(seed)
        return self._known().files.disturbed_files(self._chosen(count, rng), rng)

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        return self.prepared(self.evaluation_raw(indices))

    def evaluation_files(self, indices: NDArray[np.int64]) -> list[bytes]:
        """The files themselves. Raises BadModel for one that cannot be read."""
        return self._known().files.files(indices)

    def evaluation_raw(self, indices: NDArray[np.int64]) -> NamedArrays:
        return {self.spec.inputs[0].name: self._known().files.raw(indices)}

    def prepared(self, raw: NamedArrays) -> NamedArrays:
        name = self.spec.inputs[0].name
        return {name: self._known().files.prepared(raw[name])}

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.generic] | None:
        labels = self._data.labels if self._data is not None else None
        return labels[indices] if labels is not None else None

    def _known(self) -> UserData:
        assert self._data is not None  # without data there are no samples to ask for
        return self._data

    def _chosen(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        files = self._known().count
        chosen: NDArray[np.int64] = rng.permutation(files)[np.arange(count) % files]
        return chosen
