"""Pictures and labels of `object_detect`: rendered scenes, each a pure function of (stream, seed, index).

Evaluation, validation, training, calibration and load scenes come from separate random streams; no model runs here.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import Draws, fractal
from bench.models.object_detect.camera import photograph
from bench.models.object_detect.place import SIZE
from bench.models.object_detect.scene import COLUMNS, MOST_OBJECTS, draw_scene
from bench.models.object_detect.sprite import Field

Images = NDArray[np.uint8]
Labels = NDArray[np.float64]
Indices = NDArray[np.int64]

EVALUATION_SIZE: int = 1200

# Streams may never be renumbered: the numbers are part of the data set. Those below are other workloads'.
_EVALUATION, _VALIDATION, _TRAINING, _CALIBRATION, _LOAD = 21, 22, 23, 24, 25


def render(stream: int, seed: int, index: int) -> tuple[Images, Labels]:
    """Return one picture (3, 320, 320) and its labels (8, 7)."""
    draw = Draws(stream, seed, index)
    scene, labels = _scene(draw)
    return photograph(draw, scene), labels


def _scene(draw: Draws) -> tuple[Field, Labels]:
    return draw_scene(draw, fractal(draw, draw.uniform(0.35, 0.7), size=SIZE))


@lru_cache(maxsize=EVALUATION_SIZE)
def _evaluation_label(index: int) -> Labels:
    """Kept, for what is seen of an object is known only once the scene is drawn."""
    labels = _scene(Draws(_EVALUATION, 0, index))[1]
    labels.flags.writeable = False
    return labels


def scenes(stream: int, seed: int, indices: Indices) -> tuple[Images, Labels]:
    """Return pictures (n, 3, 320, 320) and labels (n, 8, 7): class, x1, y1, x2, y2, area, crowd; unused rows -1."""
    images = np.empty((len(indices), 3, SIZE, SIZE), dtype=np.uint8)
    labels = np.empty((len(indices), MOST_OBJECTS, COLUMNS))
    for place, index in enumerate(indices.tolist()):
        images[place], labels[place] = render(stream, seed, index)
    return images, labels


def _checked(indices: Indices) -> Indices:
    wrong = indices[(indices < 0) | (indices >= EVALUATION_SIZE)]
    if len(wrong):
        raise IndexError(f"object_detect has evaluation pictures 0 to {EVALUATION_SIZE - 1}; asked for {wrong[0]}.")
    return indices


def evaluation_inputs(indices: Indices) -> dict[str, Images]:
    """Return {"image": uint8 (len(indices), 3, 320, 320)}."""
    return {"image": scenes(_EVALUATION, 0, _checked(indices))[0]}


def evaluation_labels(indices: Indices) -> Labels:
    """Return float64 (len(indices), 8, 7): class, x1, y1, x2, y2 (pixels), area, crowd; unused rows are -1."""
    labels = [_evaluation_label(index) for index in _checked(indices).tolist()]
    return np.stack(labels) if labels else np.empty((0, MOST_OBJECTS, COLUMNS))


def load_inputs(count: int, seed: int) -> dict[str, Images]:
    """Return `count` distinct pictures for timing, {"image": uint8 (count, 3, 320, 320)}."""
    return {"image": scenes(_LOAD, seed, np.arange(count))[0]}


def calibration_inputs(count: int) -> dict[str, Images]:
    """Return `count` pictures for int8 calibration, {"image": uint8 (count, 3, 320, 320)}."""
    return {"image": scenes(_CALIBRATION, 0, np.arange(count))[0]}


def training_scenes(indices: Indices) -> tuple[Images, Labels]:
    """Return training pictures (n, 3, 320, 320) and labels (n, 8, 7)."""
    return scenes(_TRAINING, 0, indices)


def validation_scenes(indices: Indices) -> tuple[Images, Labels]:
    """Return pictures and labels of a stream that is neither trained nor evaluated on."""
    return scenes(_VALIDATION, 0, indices)
