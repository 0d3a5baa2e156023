"""A workload of the suite on the user's own files, of which nothing is known but what a reference engine answers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model
from bench.models.base import NamedArrays, QualitySpec, Reference, Workload
from bench.models.end_to_end import Filmed
from bench.models.stress_reference import StressReference
from bench.models.user_data import open_unlabelled
from bench.records.preparation import Preparation
from bench.tasks import AGREEMENT
from bench.tasks.pipelines import SAMPLES_PER_S, Pipeline

_QUICK_SAMPLES = 192


class Unlabelled:
    """`plain` with all files of a folder as its evaluation set; it is timed on its own samples."""

    def __init__(self, plain: Workload, folder: Path, preparation: Preparation | None) -> None:
        """Raises BadModel where `plain` takes no such files."""
        self._plain = plain
        self._reference: Reference | None = None
        spec = plain.spec
        sounds = len(spec.inputs) == 1 and len(spec.inputs[0].shape) == 1
        usual = Preparation(sample_rate=SAMPLES_PER_S) if sounds else Preparation()
        self._data = open_unlabelled(folder, spec.inputs, preparation or usual)
        count = self._data.count
        quality = QualitySpec(
            metric=AGREEMENT, evaluation_samples=count, quick_samples=min(count, _QUICK_SAMPLES), target=None
        )
        self.spec = msgspec.structs.replace(spec, quality=quality)

    def model(self, precision: str = "fp32") -> Model:
        return self._plain.model(precision)

    @property
    def pipeline(self) -> Pipeline | None:
        """How the files become inputs."""
        return self._data.files.pipeline

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        return self._plain.load_inputs(count, seed)

    def load_files(self, count: int, seed: int) -> list[bytes]:
        """Files like those of the folder, of their own size or length, and none of them."""
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(self._data.count)[np.arange(count) % self._data.count]
        return self._data.files.disturbed_files(chosen, rng)

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        return self.prepared(self.evaluation_raw(indices))

    def evaluation_files(self, indices: NDArray[np.int64]) -> list[bytes]:
        """The files themselves. Raises BadModel for one that cannot be read."""
        return self._data.files.files(indices)

    def evaluation_raw(self, indices: NDArray[np.int64]) -> NamedArrays:
        return {self.spec.inputs[0].name: self._data.files.raw(indices)}

    def prepared(self, raw: NamedArrays) -> NamedArrays:
        name = self.spec.inputs[0].name
        return {name: self._data.files.prepared(raw[name])}

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.generic] | None:
        return None

    def film(self, number: int) -> Iterator[NDArray[np.uint8]]:
        """What cameras play, where they are watched, is the workload's own."""
        assert isinstance(self._plain, Filmed)
        return self._plain.film(number)

    def answered(self, reference: Reference) -> Unlabelled:
        """The same with what a reference engine answered to the files."""
        known = copy.copy(self)
        known._reference = reference
        return known

    def reference(self) -> Reference | None:
        return self._reference

    def stress_reference(self) -> StressReference | None:
        return None
