"""The classes of `object_detect`: what draws each, and how wide its objects are for their height."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench.models.image_classify.canvas import Draws
from bench.models.object_detect import goods, vehicles
from bench.models.object_detect.sprite import Colours, Sprite


class Kind(NamedTuple):
    """What draws a class, the range of width over height, and whether it also lies at any angle."""

    draw: Callable[[Draws, Sprite, Colours], None]
    narrow: float
    wide: float
    tumbles: bool = False


# Shapes and surfaces recur across classes, so that neither alone tells them apart.
CLASSES: dict[str, Kind] = {
    "car": Kind(vehicles.car, 2.0, 2.7),
    "taxi": Kind(vehicles.taxi, 2.0, 2.7),
    "van": Kind(vehicles.van, 1.5, 2.1),
    "truck": Kind(vehicles.truck, 2.0, 2.8),
    "bus": Kind(vehicles.bus, 2.2, 3.0),
    "person": Kind(vehicles.person, 0.36, 0.5),
    "worker": Kind(vehicles.worker, 0.36, 0.5),
    "cone": Kind(goods.cone, 0.6, 0.85),
    "warning_sign": Kind(goods.warning_sign, 0.95, 1.2),
    "tent": Kind(goods.tent, 0.95, 1.3),
    "stop_sign": Kind(goods.stop_sign, 0.8, 1.05),
    "round_sign": Kind(goods.round_sign, 0.75, 1.05),
    "tyre": Kind(goods.tyre, 0.75, 1.05),
    "bollard": Kind(goods.bollard, 0.2, 0.32),
    "gas_bottle": Kind(goods.gas_bottle, 0.26, 0.38),
    "barrel": Kind(goods.barrel, 0.6, 0.8, tumbles=True),
    "bin": Kind(goods.bin_, 0.65, 0.9),
    "barrier": Kind(goods.barrier, 1.7, 2.4),
    "carton": Kind(goods.carton, 0.9, 1.5, tumbles=True),
    "crate": Kind(goods.crate, 0.9, 1.5, tumbles=True),
    "container": Kind(goods.container, 1.3, 2.2),
    "cabinet": Kind(goods.cabinet, 0.5, 0.75),
}
CLASS_NAMES: tuple[str, ...] = tuple(CLASSES)
KINDS: tuple[Kind, ...] = tuple(CLASSES.values())
