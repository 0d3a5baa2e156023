"""Before and after the head: what stands behind it, and what lens, sensor, print and compression do to the picture."""

from __future__ import annotations

import numpy as np

from bench.models.face_verify.canvas import Field, Look, choose, ramp
from bench.models.face_verify.head import SIZE
from bench.models.image_classify.canvas import wave

_AXIS: Field = (np.arange(SIZE, dtype=np.float32) - np.float32(SIZE / 2)) * np.float32(2 / SIZE)
# Brightness of one pixel of noise, in grey and in each colour.
NOISE_PLANES = 4


def backdrop(look: Look, clutter: Field) -> Field:
    """Return (pictures, 3, 112, 112): a colour with a slope, a bright or dark half, and `clutter` out of focus."""
    rough = clutter
    for _ in range(3):
        rough = double(rough)
    rough = rough[:, :SIZE, :SIZE] * look["clutter"]
    rough += (
        ramp((_AXIS[None, None, :] - look["beam_place"]) * 30) * look["beam"]
        + _AXIS[None, None, :] * look["back_slope_x"]
    )
    rough += _AXIS[None, :, None] * look["back_slope_y"]
    picture = np.empty((len(clutter), 3, SIZE, SIZE), dtype=np.float32)
    for plane, colour in enumerate(("back_red", "back_green", "back_blue")):
        picture[:, plane] = rough * (0.6 + look[colour] * np.float32(0.0025)) + look[colour]
    return picture


def double(field: Field) -> Field:
    """Upsample (n, h, w) by two along both axes with linear weights 3:1."""
    for _ in range(2):
        count, rows, columns = field.shape
        doubled = np.empty((count, 2 * rows, columns), dtype=np.float32)
        near = field * np.float32(0.75)
        far = field * np.float32(0.25)
        doubled[:, 0::2], doubled[:, 1::2] = near, near
        doubled[:, 2::2] += far[:, :-1]
        doubled[:, 0] += far[:, 0]
        doubled[:, 1:-1:2] += far[:, 1:]
        doubled[:, -1] += far[:, -1]
        field = np.ascontiguousarray(doubled.transpose(0, 2, 1))
    return field


def expose(picture: Field, look: Look) -> None:
    """Contrast, exposure and, in documents, the faint screen of the print."""
    gain, power = 1 + look["contrast"], 1 + look["exposure"]
    picture -= 115
    picture *= (gain * power)[:, None]
    picture += (115 * power)[:, None]


def focus(picture: Field, look: Look) -> Field:
    """Blur along both axes, each by its own amount; far and printed pictures also lose what few dots cannot hold."""
    for share in (1.0, 0.7, 0.4):
        _soften(picture, ramp(look["blur_x"])[:, None] * np.float32(share))
        _soften(picture.transpose(0, 1, 3, 2), ramp(look["blur_y"])[:, None] * np.float32(share))
    far = np.flatnonzero(look["distance"][:, 0, 0] > 0)
    if len(far):
        some = picture[far].reshape(-1, SIZE, SIZE)
        rows = some[:, 0::2] + some[:, 1::2]
        coarse = (rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(0.25)
        change = (double(coarse) - some).reshape(len(far), 3, SIZE, SIZE)
        picture[far] += change * choose(look, far)["distance"][:, None]
    return picture


def _soften(picture: Field, share: Field) -> None:
    inner = picture[..., 1:-1]
    change = picture[..., :-2] + picture[..., 2:]
    change -= inner
    change -= inner
    change *= share * np.float32(0.25)
    inner += change


def compress(picture: Field, look: Look) -> None:
    """Round differences between neighbours and between neighbouring pairs, which leaves blocks of four."""
    chosen = np.flatnonzero(look["blocks"][:, 0, 0] > 0)
    if len(chosen):
        some = picture[chosen]
        _round_pairs(some, choose(look, chosen)["blocks"][:, None], 2)
        picture[chosen] = some


def _round_pairs(picture: Field, step: Field, levels: int) -> None:
    """One level of a Haar transform with its differences rounded to multiples of `step`."""
    a, b = picture[..., 0::2, 0::2], picture[..., 0::2, 1::2]
    c, d = picture[..., 1::2, 0::2], picture[..., 1::2, 1::2]
    top, bottom, over, under = a + b, c + d, a - b, c - d
    mean = (top + bottom) * np.float32(0.25)
    bands = [(top - bottom) * np.float32(0.25), (over + under) * np.float32(0.25), (over - under) * np.float32(0.25)]
    if levels > 1:
        _round_pairs(mean, step * np.float32(0.5), levels - 1)
    down, across, both = (np.rint(band / step) * step for band in bands)
    high, low = mean + down, mean - down
    left, right = across + both, across - both
    picture[..., 0::2, 0::2], picture[..., 0::2, 1::2] = high + left, high - left
    picture[..., 1::2, 0::2], picture[..., 1::2, 1::2] = low + right, low - right


def sense(picture: Field, look: Look, noise: Field) -> Field:
    """Add the noise of the sensor, (pictures, 4, 112, 112) in [-1, 1): grey, then each colour's own."""
    grey = noise[:, :1] * look["noise"][:, None]
    grey += np.float32(0.5)
    coloured = noise[:, 1:] * look["colour_noise"][:, None]
    coloured += grey
    picture += coloured
    return picture


def screen(picture: Field, look: Look) -> None:
    """The faint pattern that is printed over the photo of a document."""
    line = wave(_AXIS * np.float32(14)) * np.float32(3)
    pattern = line[None, :, None] + line[None, None, :]
    picture += (pattern * (1 - look["live"]))[:, None]
