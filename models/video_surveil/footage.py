"""What the cameras of `video_surveil` see: streets, yards and warehouses in which vehicles and people pass.

Drawn by the renderer of `object_detect` at the size of a camera's picture; each film is a pure function of its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import Draws, fractal
from bench.models.object_detect.classes import CLASS_NAMES, KINDS
from bench.models.object_detect.place import SIZE, draw_place
from bench.models.object_detect.sprite import Field, Sprite, draw_colours

Image = NDArray[np.uint8]

WIDTH, HEIGHT = 1920, 1080
# Streams may never be renumbered: the numbers are part of the data. Those up to 25 are other workloads'.
_STREAM = 26
# A camera's pixels for one of the network's, which sees the whole width.
_SCALE = WIDTH / SIZE
# A place is drawn small and enlarged, as nothing on it is sharp; its own dust has the pixels of the camera.
_PLACE = 2112
_MOVING = tuple(CLASS_NAMES.index(name) for name in ("car", "taxi", "van", "truck", "bus", "person", "worker"))
_WALKING = {CLASS_NAMES.index(name) for name in ("person", "worker")}
_NOISE_MARGIN = 64


@dataclass(frozen=True, slots=True)
class _Thing:
    """An object, painted: picture (h, w, 3), share of every pixel that it covers (h, w, 1), place, speed per frame."""

    picture: Field
    alpha: Field
    x: float
    y: float
    speed: float = 0.0


def film(number: int, frames: int) -> Iterator[Image]:
    """`frames` pictures (1080, 1920, 3), RGB, of film `number`; in every fourth the camera pans slowly."""
    draw = Draws(_STREAM, 0, number)
    place = _place(draw)
    for _ in range(4 + draw.integer(5)):
        _put(place, _thing(draw, draw.integer(len(KINDS))), 0.0, 0.0)
    movers = sorted((_mover(draw) for _ in range(3 + draw.integer(4))), key=lambda thing: thing.y)
    pan = draw.uniform(0.5, 3.0) if number % 4 == 3 else 0.0
    gain, grain = draw.uniform(0.6, 1.1), draw.uniform(2.0, 7.0)
    noise = draw.noise(HEIGHT + _NOISE_MARGIN, WIDTH + _NOISE_MARGIN, 3) * np.float32(grain)
    top = (_PLACE - HEIGHT) // 2
    for step in range(frames):
        left = round(pan * step)
        picture = place[top : top + HEIGHT, left : left + WIDTH].copy()
        for thing in movers:
            _put(picture, thing, thing.speed * step - left, -top)
        picture *= np.float32(gain)
        down, across = draw.integer(_NOISE_MARGIN), draw.integer(_NOISE_MARGIN)
        picture += noise[down : down + HEIGHT, across : across + WIDTH]
        np.clip(picture, 0, 255, out=picture)
        yield picture.astype(np.uint8)


def _place(draw: Draws) -> Field:
    """An empty place (2112, 2112, 3) in levels 0 to 255."""
    from PIL import Image as Pictures

    small = draw_place(draw, fractal(draw, draw.uniform(0.35, 0.7), size=SIZE))
    levels = np.clip(small, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    large = Pictures.fromarray(np.ascontiguousarray(levels)).resize((_PLACE, _PLACE), Pictures.Resampling.BICUBIC)
    place: Field = np.asarray(large, np.uint8).astype(np.float32)
    place += fractal(draw, draw.uniform(0.4, 0.7), size=_PLACE)[..., None] * draw.uniform(2.0, 8.0)
    return place


def _mover(draw: Draws) -> _Thing:
    """Somebody or something that passes, one way or the other; people walk."""
    kind = _MOVING[draw.integer(len(_MOVING))]
    fast = draw.uniform(1.0, 4.0) if kind in _WALKING else draw.uniform(4.0, 14.0)
    thing = _thing(draw, kind)
    if draw.chance(0.5):  # all are painted facing left
        return _Thing(thing.picture[:, ::-1], thing.alpha[:, ::-1], thing.x, thing.y, fast)
    return _Thing(thing.picture, thing.alpha, thing.x, thing.y, -fast)


def _thing(draw: Draws, number: int) -> _Thing:
    """An object of a class, the larger the nearer, and the nearer the lower it stands."""
    kind = KINDS[number]
    share = draw.uniform(0.0, 1.0)
    size = (18.0 + 100.0 * share * share) * _SCALE
    aspect = draw.uniform(kind.narrow, kind.wide)
    width, height = (size, size / aspect) if aspect > 1 else (size * aspect, size)
    sprite = Sprite(width / 2, height / 2, 1.0, 0.0)
    kind.draw(draw, sprite, draw_colours(draw))
    top = (_PLACE - HEIGHT) / 2
    x, y = draw.uniform(0.0, 1.0) * WIDTH, top + HEIGHT * (0.25 + 0.6 * share + draw.uniform(-0.1, 0.1))
    return _Thing(np.ascontiguousarray(sprite.picture.transpose(1, 2, 0)), sprite.alpha[..., None], x, y)


def _put(picture: Field, thing: _Thing, right: float, down: float) -> None:
    """Lay an object over a picture (h, w, 3), moved by so many pixels, as far as it lies inside."""
    rows, columns = thing.alpha.shape[:2]
    top, left = round(thing.y + down) - rows // 2, round(thing.x + right) - columns // 2
    inner = (
        slice(max(0, -top), max(0, min(rows, picture.shape[0] - top))),
        slice(max(0, -left), max(0, min(columns, picture.shape[1] - left))),
    )
    window = picture[max(0, top) : max(0, top + rows), max(0, left) : max(0, left + columns)]
    window += (thing.picture[inner] - window) * thing.alpha[inner]
