"""Cloth classes: threads over and under each other by a draft, stitches and ribs.

Each function draws paint and height from texture coordinates counted in threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import (
    Draws,
    Field,
    Index,
    Space,
    Surface,
    centred,
    grid_noise,
    line_noise,
    mix,
    step,
    wave,
    whole,
)

Draft = NDArray[np.float32]

PLAIN: Draft = np.array([[1, 0], [0, 1]], dtype=np.float32)
BASKET: Draft = np.kron(PLAIN, np.ones((2, 2), dtype=np.float32))


def _diagonal(over: int, under: int, stride: int = 1) -> Draft:
    """A draft whose row j is row 0 shifted by j·stride threads."""
    row = np.array([1] * over + [0] * under, dtype=np.float32)
    return np.stack([np.roll(row, j * stride) for j in range(over + under)])


TWILL = _diagonal(2, 2)
STEEP_TWILL = _diagonal(3, 1)
SATIN = _diagonal(4, 1, stride=2)
HERRINGBONE: Draft = np.concatenate([np.tile(TWILL, 2), np.tile(TWILL[::-1], 2)], axis=1)


def _over(draft: Draft, column: Index, row: Index) -> Field:
    """1 where the warp thread lies on top."""
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    repeats = (-(-rows // draft.shape[0]), -(-columns // draft.shape[1]))
    table = np.tile(draft, repeats)
    over: Field = table.ravel().take(row * table.shape[1] + column)
    return over


def _threads(space: Space, over: Field) -> Field:
    """Height of round threads that dive at the rim of each crossing."""
    across, along = centred(space.u), centred(space.v)
    across *= across
    along *= along
    warp = (1 - np.float32(3.4) * across) * (1 - np.float32(1.4) * along)
    weft = (1 - np.float32(3.4) * along) * (1 - np.float32(1.4) * across)
    return mix(weft, warp, over)


def _cloth(draw: Draws, space: Space, draft: Draft) -> Surface:
    column, row = whole(space.u), whole(space.v)
    over = _over(draft, column, row)
    height = _threads(space, over)
    contrast = np.float32(draw.uniform(0.12, 0.75))
    uneven = np.float32(draw.uniform(0.05, 0.2))
    warp = line_noise(draw, column) * uneven + contrast
    weft = line_noise(draw, row) * uneven
    paint = mix(weft, warp, over) * (np.float32(0.55) + np.float32(0.45) * height)
    return Surface(paint + np.float32(0.12), height)


def plain_weave(draw: Draws, space: Space) -> Surface:
    """Over one, under one."""
    return _cloth(draw, space, PLAIN)


def basket_weave(draw: Draws, space: Space) -> Surface:
    """Pairs of threads over and under pairs."""
    return _cloth(draw, space, BASKET)


def twill(draw: Draws, space: Space) -> Surface:
    """Over two, under two, shifted by one: diagonal ribs."""
    return _cloth(draw, space, TWILL)


def steep_twill(draw: Draws, space: Space) -> Surface:
    """Over three, under one, shifted by one."""
    return _cloth(draw, space, STEEP_TWILL)


def satin(draw: Draws, space: Space) -> Surface:
    """Over four, under one, shifted by two: scattered binding points."""
    return _cloth(draw, space, SATIN)


def herringbone(draw: Draws, space: Space) -> Surface:
    """Twill whose diagonal turns back every eight threads."""
    return _cloth(draw, space, HERRINGBONE)


def _dyed(draw: Draws, space: Space, draft: Draft, band: int) -> Surface:
    """Cloth whose threads change colour every `band` threads in both directions."""
    column, row = whole(space.u), whole(space.v)
    over = _over(draft, column, row)
    height = _threads(space, over)
    contrast = np.float32(draw.uniform(0.35, 0.9))
    warp = ((column // band) & 1).astype(np.float32) * contrast
    weft = ((row // band) & 1).astype(np.float32) * contrast
    paint = mix(weft, warp, over) * (np.float32(0.7) + np.float32(0.3) * height)
    return Surface(paint + np.float32(0.1), height * np.float32(0.5))


def houndstooth(draw: Draws, space: Space) -> Surface:
    """Twill of four dark and four light threads: broken checks with teeth."""
    return _dyed(draw, space, TWILL, 4)


def gingham(draw: Draws, space: Space) -> Surface:
    """Plain weave of four dark and four light threads: checks in three tones."""
    return _dyed(draw, space, PLAIN, 4)


def _stitches(space: Space) -> Field:
    """Columns of V-shaped stitches, one column per period."""
    side = np.abs(centred(space.u))
    slope: Field = side * np.float32(1.3)
    leg = centred(space.v + slope)
    leg *= leg
    middle = side - np.float32(0.25)
    middle *= middle
    height: Field = (1 - np.float32(3.6) * leg) * (1 - np.float32(13) * middle)
    return np.maximum(height, 0)


def knit(draw: Draws, space: Space) -> Surface:
    """Plain knitting: columns of V-shaped stitches."""
    height = _stitches(space)
    uneven = line_noise(draw, whole(space.v)) * np.float32(draw.uniform(0.05, 0.3))
    return Surface(np.float32(0.15) + (np.float32(0.6) + uneven) * height, height)


def rib_knit(draw: Draws, space: Space) -> Surface:
    """Two columns of V-shaped stitches, then two of their backs, in ribs."""
    front = _stitches(space)
    swing: Field = wave(space.u) * np.float32(0.12)
    swing += space.v
    bump = centred(swing)
    back: Field = np.float32(0.75) * (1 - np.float32(3.8) * bump * bump)
    rib = ((whole(space.u) >> 1) & 1).astype(np.float32)
    height = mix(back * np.float32(0.7), front, rib)
    uneven = line_noise(draw, whole(space.v)) * np.float32(draw.uniform(0.05, 0.3))
    return Surface(np.float32(0.15) + (np.float32(0.6) + uneven) * height, height)


def carbon_fibre(draw: Draws, space: Space) -> Surface:
    """Twill of flat tows with fibres along each tow and a sheen that differs between the directions."""
    over = _over(TWILL, whole(space.u), whole(space.v))
    fibres_u = grid_noise(draw, space.u * np.float32(9), space.v * np.float32(0.6))
    fibres_v = grid_noise(draw, space.u * np.float32(0.6), space.v * np.float32(9))
    fibres = mix(fibres_v, fibres_u, over)
    sheen = np.float32(draw.uniform(0.15, 0.6) * (1 if draw.chance(0.5) else -1))
    height = _threads(space, over)
    paint: Field = np.float32(0.45) + sheen * (over - np.float32(0.5)) + np.float32(0.22) * fibres
    return Surface(paint * step(height, 0.12, 0.3), height * np.float32(0.5) + fibres * np.float32(0.1))


def corduroy(draw: Draws, space: Space) -> Surface:
    """Soft ridges with short pile."""
    ridge: Field = wave(space.u + np.float32(0.04) * wave(space.v * np.float32(1.7)))
    pile = grid_noise(draw, space.u * np.float32(5), space.v * np.float32(2.5))
    height: Field = np.float32(0.5) + np.float32(0.4) * ridge + np.float32(0.18) * pile
    return Surface(np.float32(draw.uniform(0.3, 0.8)) * height + np.float32(0.1), height)
