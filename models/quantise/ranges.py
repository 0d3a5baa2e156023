"""Between what values the activations of a network lie, by onnxruntime's calibrators on samples for that purpose."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any  # Any: onnxruntime's calibrators take arrays and have no types

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime.quantization.calibrate import TensorsData

Batch = Mapping[str, NDArray[np.generic]]

# Name -> onnxruntime's method with its options. Histograms are not mirrored at zero: behind a ReLU half of the 256
# steps would stand for values that never come.
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "minmax": ("MinMax", {}),
    "percentile-99.999": ("Percentile", {"symmetric": False, "percentile": 99.999}),
    "percentile-99.99": ("Percentile", {"symmetric": False, "percentile": 99.99}),
    "entropy": ("Entropy", {"symmetric": False}),
}


class _OneBatch:
    """What the calibrators read from: one batch, then the end."""

    def __init__(self, batch: Batch) -> None:
        self._batch: Batch | None = batch

    def get_next(self) -> Batch | None:
        batch, self._batch = self._batch, None
        return batch


def activation_ranges(
    network: Path, batches: Iterable[Batch], method: str, operators: Iterable[str], folder: Path
) -> TensorsData:
    """Ranges of what goes into and comes out of `operators` of the float network, over all `batches`.

    `folder` takes the network as the calibrator extends it. Batches are looked at one at a time, since histograms need
    whole activations.
    """
    from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

    name, options = METHODS[method]
    calibrator = create_calibrator(
        network,
        list(operators),
        str(folder / "watched.onnx"),
        CalibrationMethod[name],
        extra_options=options,
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        for batch in batches:
            calibrator.collect_data(_OneBatch(batch))
        return calibrator.compute_data()
