"""Where a scene is set: a wall or sky over a floor or road, patterns on both, and clutter of no class."""

from __future__ import annotations

import numpy as np

from bench.models.image_classify.canvas import Draws, centred, whole
from bench.models.object_detect.sprite import Colour, Field, Sprite, draw_colour

SIZE = 320
_AXIS: Field = np.arange(SIZE, dtype=np.float32) + np.float32(0.5)


def draw_place(draw: Draws, grime: Field) -> Field:
    """Return an empty place (3, 320, 320) in levels 0 to 255; `grime` is a noise field of its size."""
    horizon = int(draw.uniform(0.15, 0.6) * SIZE)
    picture = np.empty((3, SIZE, SIZE), dtype=np.float32)
    _fill(draw, picture[:, :horizon], draw_colour(draw, 50.0, 230.0, 0.5), _wall(draw, horizon))
    _fill(draw, picture[:, horizon:], draw_colour(draw, 40.0, 190.0, 0.35), _ground(draw, SIZE - horizon))
    picture += grime * draw.uniform(3.0, 16.0)
    for _ in range(6 + draw.integer(14)):
        _clutter(draw, picture)
    return picture


def _fill(draw: Draws, part: Field, colour: Colour, pattern: Field) -> None:
    rows = part.shape[1]
    slope = (_AXIS[:rows] * (1 / rows) - 0.5) * draw.uniform(-50.0, 50.0)
    contrast = draw.uniform(-60.0, 60.0)
    for plane, level in zip(part, colour, strict=True):
        np.multiply(pattern, contrast + draw.uniform(-12.0, 12.0), out=plane)
        plane += (level + slope)[:, None]


def _lines(draw: Draws, axis: Field, period: float, share: float) -> Field:
    """1 on lines that take `share` of every period, with soft sides; of the shape of `axis`."""
    distance = (share / 2 - np.abs(centred(axis * (1 / period) + draw.uniform(0.0, 1.0)))) * period
    result: Field = np.clip(distance + np.float32(0.5), 0, 1)
    return result


def _wall(draw: Draws, rows: int) -> Field:
    """Nothing, panels, boards, or windows of many brightnesses; (rows, 320) in -1..1."""
    form = draw.integer(5)
    if form == 0:
        return np.zeros((rows, SIZE), dtype=np.float32)
    across, along = draw.uniform(8.0, 70.0), draw.uniform(8.0, 60.0)
    vertical = _lines(draw, _AXIS, across, draw.uniform(0.1, 0.5))
    level = _lines(draw, _AXIS[:rows], along, draw.uniform(0.1, 0.5))
    if form == 1:
        return np.broadcast_to(vertical, (rows, SIZE))
    if form == 2:
        return np.broadcast_to(level[:, None], (rows, SIZE))
    if form == 3:
        joined: Field = np.maximum(vertical, level[:, None])
        return joined
    panes = draw.noise(64, 64)
    columns, lines = whole(_AXIS * (1 / across)), whole(_AXIS[:rows] * (1 / along))
    lit: Field = panes[lines][:, columns] * (1 - vertical) * (1 - level)[:, None]
    return lit


def _ground(draw: Draws, rows: int) -> Field:
    """Nothing, boards, tiles, or lanes that run to a point on the horizon; (rows, 320) in 0..1."""
    form = draw.integer(4)
    if form == 0:
        return np.zeros((rows, SIZE), dtype=np.float32)
    nearness: Field = _AXIS[:rows, None] + draw.uniform(8.0, 40.0)
    level = _lines(draw, 600.0 / nearness, draw.uniform(0.5, 3.0), draw.uniform(0.08, 0.5))
    if form == 1:
        return np.broadcast_to(level, (rows, SIZE))
    spread: Field = (_AXIS[None, :] - draw.uniform(0.0, 1.0) * SIZE) / nearness + np.float32(64)
    period = draw.uniform(0.4, 2.5)
    spread *= 1 / period
    distance = (draw.uniform(0.02, 0.25) - np.abs(centred(spread))) * (nearness * period)
    lanes: Field = np.clip(distance + np.float32(0.5), 0, 1)
    if form == 2:
        return lanes
    tiles: Field = np.maximum(lanes, level)
    return tiles


def _clutter(draw: Draws, picture: Field) -> None:
    """One thing of no class: a bar, disc, wedge or blot, plain or striped, more or less see-through."""
    size = 4.0 + 60.0 * draw.uniform(0.0, 1.0) * draw.uniform(0.0, 1.0)
    half = draw.uniform(-1.0, 1.0) if draw.chance(0.4) else draw.uniform(-0.05, 0.05)
    sprite = Sprite(
        size,
        max(1.5, size * draw.uniform(0.15, 1.2)),
        (1 - half * half) / (1 + half * half),
        2 * half / (1 + half * half),
    )
    rows, columns = sprite.alpha.shape
    top, left = draw.integer(SIZE) - rows // 2, draw.integer(SIZE) - columns // 2
    form = draw.integer(4)
    if form == 0:
        shape = sprite.box(-1, 1, -1, 1)
    elif form == 1:
        shape = sprite.ellipse(0, 0, 1, 1)
    elif form == 2:
        shape = sprite.polygon((draw.uniform(-0.9, 0.9), -1), (1, 1), (-1, 1))
    else:
        shape = sprite.ellipse(0, 0, 1, 1) + draw.noise(rows, columns) * draw.uniform(1.0, 5.0)
    if draw.chance(0.3):
        axis = sprite.x if draw.chance(0.5) else sprite.y
        shape = np.minimum(shape, sprite.stripes(axis, max(3.0, size * draw.uniform(0.1, 0.6))))
    strength = draw.uniform(0.3, 1.0)
    sprite.body(shape, draw_colour(draw, 15.0, 240.0))
    inner = (slice(max(0, -top), min(rows, SIZE - top)), slice(max(0, -left), min(columns, SIZE - left)))
    window = picture[:, max(0, top) : max(0, top + rows), max(0, left) : max(0, left + columns)]
    window += (sprite.picture[:, inner[0], inner[1]] - window) * (sprite.alpha[inner] * strength)
