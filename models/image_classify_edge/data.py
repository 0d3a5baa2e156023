"""Pictures and labels of `image_classify_edge`: the evaluation set of `image_classify`, and timing pictures of its own.

Both networks answer the same 2 400 pictures, so that their qualities compare; no model runs here.
"""

from __future__ import annotations

import numpy as np

from bench.models.image_classify.data import (
    CALIBRATION,
    CLASS_NAMES,
    EDGE_LOAD,
    EVALUATION_SIZE,
    Images,
    evaluation_inputs,
    evaluation_labels,
    pictures,
)

__all__ = [
    "CLASS_NAMES",
    "EVALUATION_SIZE",
    "calibration_inputs",
    "evaluation_inputs",
    "evaluation_labels",
    "load_inputs",
]

_CALIBRATION_SEED = 1


def load_inputs(count: int, seed: int) -> dict[str, Images]:
    """Return `count` distinct pictures for timing, {"image": uint8 (count, 3, 224, 224)}."""
    return {"image": pictures(EDGE_LOAD, seed, np.arange(count))}


def calibration_inputs(count: int) -> dict[str, Images]:
    """Return `count` pictures for int8 calibration, {"image": uint8 (count, 3, 224, 224)}."""
    return {"image": pictures(CALIBRATION, _CALIBRATION_SEED, np.arange(count))}
