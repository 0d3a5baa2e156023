"""Pictures and labels of `image_classify`: 48 rendered surface classes, each picture a pure function of (seed, index).

Evaluation, validation, training, calibration and load pictures come from separate random streams; no model runs here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify import cells, grains, lattices, woven
from bench.models.image_classify.canvas import SIZE, Draws, Space, Surface, make_space
from bench.models.image_classify.nuisance import photograph

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Draw = Callable[[Draws, Space], Surface]

# Each class with the length of its period in pixels, before the random scale of 0.78 to 1.3.
_CLASSES: dict[str, tuple[Draw, float]] = {
    "plain_weave": (woven.plain_weave, 8.5),
    "basket_weave": (woven.basket_weave, 7.0),
    "twill": (woven.twill, 7.5),
    "steep_twill": (woven.steep_twill, 7.5),
    "satin": (woven.satin, 7.5),
    "herringbone": (woven.herringbone, 7.0),
    "houndstooth": (woven.houndstooth, 6.0),
    "gingham": (woven.gingham, 6.0),
    "knit": (woven.knit, 12.0),
    "rib_knit": (woven.rib_knit, 10.0),
    "carbon_fibre": (woven.carbon_fibre, 13.0),
    "corduroy": (woven.corduroy, 10.0),
    "wire_mesh": (lattices.wire_mesh, 13.0),
    "hex_mesh": (lattices.hex_mesh, 18.0),
    "diamond_mesh": (lattices.diamond_mesh, 30.0),
    "perforated_square": (lattices.perforated_square, 14.0),
    "perforated_staggered": (lattices.perforated_staggered, 14.0),
    "slotted": (lattices.slotted, 14.0),
    "dot_screen": (lattices.dot_screen, 10.0),
    "line_screen": (lattices.line_screen, 9.0),
    "stochastic_screen": (lattices.stochastic_screen, 11.0),
    "crossed_lines_20": (lattices.crossed_lines_20, 9.0),
    "crossed_lines_40": (lattices.crossed_lines_40, 9.0),
    "guilloche": (lattices.guilloche, 10.0),
    "brick_running": (lattices.brick_running, 14.0),
    "brick_stack": (lattices.brick_stack, 14.0),
    "parquet": (lattices.parquet, 32.0),
    "tile_square": (lattices.tile_square, 19.0),
    "tile_hex": (lattices.tile_hex, 20.0),
    "tile_triangle": (lattices.tile_triangle, 26.0),
    "scallop": (lattices.scallop, 24.0),
    "cobble": (cells.cobble, 17.0),
    "terrazzo": (cells.terrazzo, 15.0),
    "cracked_mud": (cells.cracked_mud, 24.0),
    "crackle_glaze": (cells.crackle_glaze, 24.0),
    "leather": (cells.leather, 13.0),
    "foam": (cells.foam, 15.0),
    "spangle": (cells.spangle, 20.0),
    "hammered": (cells.hammered, 20.0),
    "brushed": (grains.brushed, 3.2),
    "cross_brushed": (grains.cross_brushed, 3.2),
    "scratched": (grains.scratched, 3.2),
    "pitted": (grains.pitted, 13.0),
    "engine_turned": (grains.engine_turned, 30.0),
    "tread_plate": (grains.tread_plate, 22.0),
    "wood_grain": (grains.wood_grain, 5.0),
    "marble": (grains.marble, 22.0),
    "granite": (grains.granite, 5.0),
}

CLASS_NAMES: tuple[str, ...] = tuple(_CLASSES)
EVALUATION_SIZE: int = 2400

# Streams may never be renumbered: the numbers are part of the data set. Labels tell eight apart.
_EVALUATION, _VALIDATION, _TRAINING, CALIBRATION, _LOAD = 1, 2, 3, 4, 5
_LABELS = 6
EDGE_LOAD = 7  # of image_classify_edge, which evaluates on the same pictures and is timed on others


def render(stream: int, seed: int, index: int, label: int) -> Images:
    """Return picture (3, 224, 224) number `index` of a stream."""
    draw_class, period = _CLASSES[CLASS_NAMES[label]]
    draw = Draws(stream, seed, index)
    space = make_space(draw, period)
    return photograph(draw, space, draw_class(draw, space))


def label_of(stream: int, seed: int, index: int) -> int:
    """Label of a picture: every block of 48 pictures holds each class once, in an order of its own."""
    block, place = divmod(index, len(CLASS_NAMES))
    draw = Draws(_LABELS, seed * 8 + stream, block)
    order = list(range(len(CLASS_NAMES)))
    for last in range(len(order) - 1, 0, -1):
        other = draw.integer(last + 1)
        order[last], order[other] = order[other], order[last]
    return order[place]


def pictures(stream: int, seed: int, indices: NDArray[np.int64]) -> Images:
    """Return pictures (len(indices), 3, 224, 224) of one stream."""
    images = np.empty((len(indices), 3, SIZE, SIZE), dtype=np.uint8)
    for image, index in zip(images, indices.tolist(), strict=True):
        image[:] = render(stream, seed, index, label_of(stream, seed, index))
    return images


def _labels(stream: int, seed: int, indices: NDArray[np.int64]) -> Labels:
    return np.array([label_of(stream, seed, index) for index in indices.tolist()], dtype=np.int64)


def _checked(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    wrong = indices[(indices < 0) | (indices >= EVALUATION_SIZE)]
    if len(wrong):
        raise IndexError(f"image_classify has evaluation pictures 0 to {EVALUATION_SIZE - 1}; asked for {wrong[0]}.")
    return indices


def evaluation_inputs(indices: NDArray[np.int64]) -> dict[str, Images]:
    """Return {"image": uint8 (len(indices), 3, 224, 224)}."""
    return {"image": pictures(_EVALUATION, 0, _checked(indices))}


def evaluation_labels(indices: NDArray[np.int64]) -> Labels:
    """Return the classes (len(indices),) of the evaluation pictures."""
    return _labels(_EVALUATION, 0, _checked(indices))


def load_inputs(count: int, seed: int) -> dict[str, Images]:
    """Return `count` distinct pictures for timing, {"image": uint8 (count, 3, 224, 224)}."""
    return {"image": pictures(_LOAD, seed, np.arange(count))}


def calibration_inputs(count: int) -> dict[str, Images]:
    """Return `count` pictures for int8 calibration, {"image": uint8 (count, 3, 224, 224)}."""
    return {"image": pictures(CALIBRATION, 0, np.arange(count))}


def training_pictures(indices: NDArray[np.int64]) -> tuple[Images, Labels]:
    """Return training pictures (len(indices), 3, 224, 224) and their labels."""
    return pictures(_TRAINING, 0, indices), _labels(_TRAINING, 0, indices)


def validation_pictures(indices: NDArray[np.int64]) -> tuple[Images, Labels]:
    """Return pictures for watching the training, of a stream that is neither trained nor evaluated on."""
    return pictures(_VALIDATION, 0, indices), _labels(_VALIDATION, 0, indices)
