"""From the flat map to the picture: the head as the camera sees it, with ears, neck, hair and clothes."""

from __future__ import annotations

import numpy as np

from bench.models.face_verify.canvas import COLUMN_OF_ZERO, COLUMNS, ROW_OF_ZERO, ROWS, SCALE, Field, Look, bump, ramp
from bench.models.face_verify.colours import Planes, ambient_light, hair_colour, skin_colour
from bench.models.image_classify.canvas import mix

SIZE = 112
# Pixels for one map unit, and the same as the sharpness of outlines that are given as squares.
_PIXELS = 35.0
_SHARP = np.float32(0.5 * _PIXELS)
_AXIS: Field = np.arange(SIZE, dtype=np.float32) - np.float32(SIZE / 2 - 0.5)


def turn(half: Field) -> tuple[Field, Field]:
    """Cosine and sine of twice the arc tangent of `half`."""
    square = half * half
    return (1 - square) / (1 + square), 2 * half / (1 + square)


def photograph(planes: Planes, look: Look, backdrop: Field, strands: Field) -> Field:
    """Return pictures (faces, 3, 112, 112), 0 to about 255, from the lit map of each face; paints over `backdrop`."""
    across, down = _places(look)
    outlines = _outlines(look, across, down, strands)
    u, v = _turned(look, across, down)
    for plane, sampled, layers in zip(range(3), _sampled(planes, u, v), _layers(look), strict=True):
        picture = backdrop[:, plane]
        for colour, share in zip((*layers, sampled), outlines, strict=True):
            picture += (colour - picture) * share
    return backdrop


def _places(look: Look) -> tuple[Field, Field]:
    """Where each pixel lies in units of the head, after shift, zoom and roll."""
    cosine, sine = turn(look["roll"] * np.float32(0.5))
    scale = 1 / (look["zoom"] * np.float32(_PIXELS))
    x = _AXIS[None, None, :] - look["shift_x"]
    y = _AXIS[None, :, None] - (look["shift_y"] + np.float32(1.5))
    cosine, sine = cosine * scale, sine * scale
    return x * cosine + y * sine, y * cosine - x * sine


def _turned(look: Look, across: Field, down: Field) -> tuple[Field, Field]:
    """Map coordinates u and v seen at each pixel: a ball that is turned, with a nose that stands out from it."""
    cosine, sine = turn(look["yaw"] * np.float32(0.5))
    lower, raised = turn(look["pitch"] * np.float32(0.5))
    depth = np.sqrt(np.maximum(1 - across * across * np.float32(0.7) - down * down * np.float32(0.38), 0))
    u = across * cosine
    u -= depth * (sine * np.float32(0.95))
    v = down * lower
    v -= (depth - np.float32(0.8)) * raised
    nose = bump(u / 0.22)
    nose *= bump((v - look["nose_tip"] + 0.06) / 0.36)
    u -= nose * (sine * np.float32(0.2))
    v -= nose * (raised * np.float32(0.2))
    return u, v


def _sampled(planes: Planes, u: Field, v: Field) -> Planes:
    """The planes of the map at u and v, between four points of it."""
    column = np.clip(u * np.float32(SCALE) + np.float32(COLUMN_OF_ZERO), 0, COLUMNS - 1.01)
    row = np.clip(v * np.float32(SCALE) + np.float32(ROW_OF_ZERO), 0, ROWS - 1.01)
    left, upper = column.astype(np.int32), row.astype(np.int32)
    column -= left
    row -= upper
    place = upper * np.int32(COLUMNS) + left
    place += (np.arange(len(u), dtype=np.int32) * np.int32(ROWS * COLUMNS))[:, None, None]
    corners = [place, place + 1, place + COLUMNS, place + (COLUMNS + 1)]
    sampled = []
    for plane in planes:
        a, b, c, d = (plane.reshape(-1).take(corner) for corner in corners)
        sampled.append(mix(mix(a, b, column), mix(c, d, column), row))
    return sampled


def _soft(inside: Field) -> Field:
    """A share from an outline given as 1 - (distance / radius)²."""
    inside *= _SHARP
    inside += np.float32(0.5)
    return ramp(inside)


def _outlines(look: Look, across: Field, down: Field, strands: Field) -> Planes:
    """Shares (faces, 112, 112) of back hair, neck, clothes, ears and head, in the order in which they are painted."""
    _, sine = turn(look["yaw"] * np.float32(0.5))
    below = np.maximum(down - np.float32(0.1), 0)
    above = down - np.float32(0.1) - below
    low = below / (look["chin"] - np.float32(0.1))
    high = above * np.float32(1 / 1.5)
    square = low * low
    turned = across - sine * (0.1 + 0.14 * square)
    wide = look["width"] * (1 + look["taper"] * low)
    ratio = turned / wide
    sixth = square * square * square
    head = 1 - ratio * ratio - high * high - square - (sixth - square) * (look["jaw"] * np.float32(0.75))
    head = _soft(head)

    volume = look["hair_volume"] * (1 - 0.9 * look["bald"])
    wide = look["width"] + volume + ramp(look["hair_length"]) * np.float32(0.06)
    ratio = (across - sine * np.float32(0.04)) / wide
    crown = np.minimum(down, 0) / (np.float32(1.42) + volume)
    ends = np.maximum(down - look["hair_length"], 0) * np.float32(1.4)
    hair = 1 - ratio * ratio - crown * crown - ends * ends + strands[:, :1] * np.float32(0.06)
    hair = _soft(hair)

    aside = np.abs(across - sine * np.float32(0.05))
    neck = ramp((look["neck"] - aside) * np.float32(_PIXELS) + np.float32(0.5)) * ramp(below * 9 - 4)
    shoulders = np.abs(aside - look["neck"]) * 0.22 + 1.28
    clothes = ramp((down - shoulders) * np.float32(_PIXELS) + np.float32(0.5))

    far = (aside - look["width"] * np.float32(0.97) - look["ear_out"] * np.float32(0.5)) / (0.07 + look["ear_out"])
    tall = (down - look["ear_height"]) / look["ear_size"]
    covered = ramp((look["hair_length"] - look["ear_height"]) * 12)
    ears = ramp((1 - far * far - tall * tall) * 6) * (1 - covered)
    return [hair, neck, clothes, ears, head]


def _layers(look: Look) -> list[Planes]:
    """For red, green and blue: colours of back hair, neck, clothes and ears, each (faces, 1, 1), lit."""
    light = [ambient + look["light_power"] * np.float32(0.55) for ambient in ambient_light(look)]
    cloth = [look["cloth_red"], look["cloth_green"], look["cloth_blue"]]
    return [
        [hair * lit, skin * lit * np.float32(0.72), dress * lit, skin * lit * np.float32(0.84)]
        for hair, skin, dress, lit in zip(hair_colour(look), skin_colour(look), cloth, light, strict=True)
    ]
