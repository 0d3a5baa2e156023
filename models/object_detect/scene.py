"""A scene: a place, the objects in it from far to near, what stands in their way, and what of each is seen.

A function of its random draws alone; light, lens and sensor are `camera`'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import Draws
from bench.models.object_detect.classes import KINDS
from bench.models.object_detect.place import SIZE, draw_place
from bench.models.object_detect.sprite import Field, Sprite, draw_colour, draw_colours

MOST_OBJECTS = 8
_FEWEST_OBJECTS = 3
# The longest side of an object in pixels.
_SMALLEST, _LARGEST = 16.0, 220.0
# Objects of which less is seen carry no label.
_SEEN, _SIDE = 0.25, 6
# Class, x1, y1, x2, y2, area, is a crowd.
COLUMNS = 7
_NOTHING = -1

Owners = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Item:
    """An object before it is placed: class, sprite without its paint, and where the middle of its window lies."""

    kind: int
    sprite: Sprite
    x: int
    y: int


def draw_scene(draw: Draws, grime: Field) -> tuple[Field, NDArray[np.float64]]:
    """Return the picture (3, 320, 320) in levels 0 to 255 and the labels (8, 7), unused rows of class -1."""
    picture = draw_place(draw, grime)
    owners: Owners = np.full((SIZE, SIZE), _NOTHING, dtype=np.int8)
    items = _items(draw)
    whole = np.zeros(len(items))
    barriers = [draw.integer(len(items)) for _ in range(draw.integer(4))]
    for number, item in enumerate(items):
        colours = draw_colours(draw)
        KINDS[item.kind].draw(draw, item.sprite, colours)
        if draw.chance(0.5):
            item.sprite.picture, item.sprite.alpha = item.sprite.picture[:, :, ::-1], item.sprite.alpha[:, ::-1]
        whole[number] = np.count_nonzero(item.sprite.alpha > 0.5)
        _soil(draw, item.sprite, grime)
        _put(picture, owners, item, number)
        for _ in range(barriers.count(number)):
            _hide(draw, picture, owners)
    return picture, _labels([item.kind for item in items], whole, owners)


def _items(draw: Draws) -> list[Item]:
    """Objects from far to near: those whose feet stand higher in the picture first."""
    count = _FEWEST_OBJECTS + draw.integer(MOST_OBJECTS - _FEWEST_OBJECTS + 1)
    items: list[Item] = []
    for _ in range(count):
        number = draw.integer(len(KINDS))
        kind = KINDS[number]
        share = draw.uniform(0.0, 1.0)
        size = _SMALLEST + (_LARGEST - _SMALLEST) * share * share * (0.35 + 0.65 * share)
        aspect = draw.uniform(kind.narrow, kind.wide)
        width, height = (size, size / aspect) if aspect > 1 else (size * aspect, size)
        half = draw.uniform(-1.0, 1.0) if kind.tumbles and draw.chance(0.3) else draw.uniform(-0.06, 0.06)
        cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
        sprite = Sprite(max(width / 2, 3.0), max(height / 2, 3.0), cosine, sine)
        x, y = _position(draw, sprite, items)
        items.append(Item(number, sprite, x, y))
    return sorted(items, key=lambda item: item.y + item.sprite.b)


def _position(draw: Draws, sprite: Sprite, others: list[Item]) -> tuple[int, int]:
    """Of three random places the one that covers least of what is there; large things stand low in the picture."""
    best, least = (0, 0), math.inf
    for _ in range(3):
        x = int(draw.uniform(0.04, 0.96) * SIZE)
        high = 0.1 + 0.35 * min(1.0, sprite.b / 80)
        y = int(draw.uniform(high, 0.97) * SIZE)
        cost = draw.uniform(0.0, 0.15) + sum(_overlap(sprite, x, y, other) for other in others)
        cost += max(0.0, (abs(x - SIZE / 2) + sprite.a - SIZE / 2) / sprite.a) * 0.3
        cost += max(0.0, (abs(y - SIZE / 2) + sprite.b - SIZE / 2) / sprite.b) * 0.3
        if cost < least:
            best, least = (x, y), cost
    return best


def _overlap(sprite: Sprite, x: int, y: int, other: Item) -> float:
    """Share of the smaller of two upright boxes that the other covers."""
    across = min(x + sprite.a, other.x + other.sprite.a) - max(x - sprite.a, other.x - other.sprite.a)
    along = min(y + sprite.b, other.y + other.sprite.b) - max(y - sprite.b, other.y - other.sprite.b)
    if across <= 0 or along <= 0:
        return 0.0
    return across * along / (4 * min(sprite.a * sprite.b, other.sprite.a * other.sprite.b))


def _soil(draw: Draws, sprite: Sprite, grime: Field) -> None:
    """Uneven light and dirt over an object."""
    rows, columns = sprite.alpha.shape
    top, left = draw.integer(max(1, SIZE - rows)), draw.integer(max(1, SIZE - columns))
    dirt = grime[top : top + rows, left : left + columns]
    if dirt.shape == sprite.alpha.shape:
        factor = dirt * draw.uniform(0.02, 0.12)
        factor += 1
        factor += sprite.y * (draw.uniform(-0.2, 0.1) / sprite.b)
        sprite.shade(factor)


def _put(picture: Field, owners: Owners, item: Item, number: int) -> None:
    """Lay a sprite over the picture, as far as it lies inside."""
    rows, columns = item.sprite.alpha.shape
    top, left = item.y - rows // 2, item.x - columns // 2
    inner_top, inner_left = max(0, -top), max(0, -left)
    inner_bottom, inner_right = min(rows, SIZE - top), min(columns, SIZE - left)
    if inner_bottom <= inner_top or inner_right <= inner_left:
        return
    inner = (slice(inner_top, inner_bottom), slice(inner_left, inner_right))
    outer = (slice(top + inner_top, top + inner_bottom), slice(left + inner_left, left + inner_right))
    alpha = item.sprite.alpha[inner]
    window = picture[:, outer[0], outer[1]]
    window += (item.sprite.picture[:, inner[0], inner[1]] - window) * alpha
    owners[outer][alpha > 0.5] = number


def _hide(draw: Draws, picture: Field, owners: Owners) -> None:
    """Something of no class in front of what is there: a post, a rail, or a bush."""
    colour = draw_colour(draw, 20.0, 170.0, 0.5)
    x, y = draw.integer(SIZE), draw.integer(SIZE)
    form = draw.integer(3)
    if form == 2:
        sprite = Sprite(draw.uniform(10, 36), draw.uniform(8, 28), 1.0, 0.0)
        sprite.body(sprite.ellipse(0, 0, 1, 1) + draw.noise(*sprite.alpha.shape) * 3, colour)
        sprite.shade(1 + draw.noise(*sprite.alpha.shape) * 0.3)
    else:
        long, thin = draw.uniform(40, 160), draw.uniform(1.5, 6.0)
        half = draw.uniform(-0.05, 0.05)
        cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
        sprite = Sprite(thin, long, cosine, sine) if form == 0 else Sprite(long, thin, cosine, sine)
        sprite.body(sprite.box(-1, 1, -1, 1), colour)
    _put(picture, owners, Item(0, sprite, x, y), _NOTHING)


def _labels(kinds: list[int], whole: NDArray[np.float64], owners: Owners) -> NDArray[np.float64]:
    """What is seen of each object: the box around its visible pixels, and their number as its area."""
    labels = np.full((MOST_OBJECTS, COLUMNS), -1.0)
    used = 0
    for number, kind in enumerate(kinds):
        mine = owners == number
        area = np.count_nonzero(mine)
        if area < _SEEN * whole[number] or area == 0:
            continue
        rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
        left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        if right - left < _SIDE or bottom - top < _SIDE:
            continue
        labels[used] = (kind, left, top, right, bottom, area, 0)
        used += 1
    return labels
