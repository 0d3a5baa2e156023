"""Between a scene and its picture: light and shadow over all of it, haze, exposure, focus, noise of the sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import Draws
from bench.models.object_detect.place import SIZE
from bench.models.object_detect.sprite import Field

_AXIS: Field = np.arange(SIZE, dtype=np.float32) * np.float32(2 / SIZE) - np.float32(1)


def photograph(draw: Draws, picture: Field) -> NDArray[np.uint8]:
    """Return the picture uint8 (3, 320, 320) of a scene in levels 0 to 255, which is overwritten."""
    hardship = draw.uniform(0.0, 1.0)
    picture *= _light(draw)
    haze = draw.uniform(0.0, 0.35) * hardship
    gain = draw.uniform(0.85, 1.15) * (1 - draw.uniform(0.0, 0.65) * hardship) * (1 - haze)
    glow = draw.uniform(90.0, 200.0) * haze
    for plane in picture:
        plane *= gain * draw.uniform(0.9, 1.1)
        plane += glow
    for _ in range(draw.integer(1 + int(3.0 * hardship))):
        _soften(picture)
    _sense(draw, picture, hardship)
    np.clip(picture, 0, 255, out=picture)
    return picture.astype(np.uint8)


def _light(draw: Draws) -> Field:
    """Brightness (320, 320) around 1: a slope, and in half of the pictures a shadow with a straight edge."""
    light: Field = (1 + draw.uniform(-0.25, 0.25) * _AXIS)[None, :] + (draw.uniform(-0.2, 0.2) * _AXIS)[:, None]
    if draw.chance(0.5):
        slant, place = draw.uniform(-1.5, 1.5), draw.uniform(-1.0, 1.0)
        side = (_AXIS - place)[None, :] + (_AXIS * slant)[:, None]
        side *= draw.uniform(10.0, 80.0) * (1 if draw.chance(0.5) else -1)
        np.clip(side, 0, 1, out=side)
        side *= -draw.uniform(0.15, 0.5)
        side += 1
        light *= side
    return light


def _soften(picture: Field) -> None:
    """One pass of the 1-2-1 kernel along both axes; the rim stays as it is."""
    for field in (picture, picture.transpose(0, 2, 1)):
        change = field[:, :, :-2] + field[:, :, 2:]
        change -= field[:, :, 1:-1]
        change -= field[:, :, 1:-1]
        change *= np.float32(0.25)
        field[:, :, 1:-1] += change


def _sense(draw: Draws, picture: Field, hardship: float) -> None:
    """Add grey and coloured noise and the half that makes truncation round."""
    grey = draw.noise(SIZE, SIZE)
    grey *= np.float32(draw.uniform(1.0, 5.0 + 22.0 * hardship * hardship))
    coloured = draw.noise(3, SIZE, SIZE)
    coloured *= np.float32(draw.uniform(1.0, 4.0 + 14.0 * hardship * hardship))
    coloured += grey + np.float32(0.5)
    picture += coloured
