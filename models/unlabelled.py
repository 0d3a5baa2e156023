"""A workload of the suite on the user's own files, of which nothing is known but what a reference engine answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model
from bench.models.base import NamedArrays, Workload
from bench.models.end_to_end import Filmed
from bench.models.over_files import OverFiles, agreement_over
from bench.models.user_data import open_unlabelled
from bench.records.preparation import Preparation
from bench.tasks.pipelines import SAMPLES_PER_S


class Unlabelled(OverFiles):
    """`plain` with all files of a folder as its evaluation set; it is timed on its own samples."""

    def __init__(self, plain: Workload, folder: Path, preparation: Preparation | None) -> None:
        """Raises BadModel where `plain` takes no such files."""
        self._plain = plain
        spec = plain.spec
        sounds = len(spec.inputs) == 1 and len(spec.inputs[0].shape) == 1
        usual = Preparation(sample_rate=SAMPLES_PER_S) if sounds else Preparation()
        self._data = open_unlabelled(folder, spec.inputs, preparation or usual)
        self.spec = msgspec.structs.replace(spec, quality=agreement_over(self._data.count))

    def model(self, precision: str = "fp32") -> Model:
        return self._plain.model(precision)

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        return self._plain.load_inputs(count, seed)

    def film(self, number: int) -> Iterator[NDArray[np.uint8]]:
        """What cameras play, where they are watched, is the workload's own."""
        assert isinstance(self._plain, Filmed)
        return self._plain.film(number)
