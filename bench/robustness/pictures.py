"""Corruptions of pictures, uint8 (n, 3, h, w): defocus, low light, sensor noise, things in the way.

Whole numbers, and float32 products and sums of single pixels, which every IEEE machine rounds alike.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final  # Any: whole numbers of the width that a sum needs

import numpy as np
from numpy.typing import NDArray

from bench.robustness.draws import BELL_DEVIATION, BELL_LIMIT, bell, integer, power, words

Pictures = NDArray[np.uint8]
Indices = NDArray[np.int64]
Whole = NDArray[np.int64]

# The radius of a blur is given for pictures whose shorter side has so many pixels.
_SIDE: Final = 224
_FINE: Final = 16
# A pixel that white fills at normal exposure, in electrons; one count of a 12-bit converter each.
_WELL: Final = 4095
# Dark current and read-out together, electrons (root mean square).
_DARK: Final = 5.0


def blur(pictures: Pictures, indices: Indices, radius_px: float, seed: int, number: int) -> Pictures:
    """Out of focus: each point becomes a disc of `radius_px` pixels, for a shorter side of 224. Nothing is random.

    The rim is mirrored, so that the mean stays. Raises ValueError for anything but uint8 (n, 3, h, w).
    """
    checked(pictures, indices)
    weights = disc(radius_px * min(pictures.shape[2:]) / _SIDE)
    changed = np.empty_like(pictures)
    for target, picture in zip(changed, pictures, strict=True):
        target[:] = _spread(picture, weights)
    return changed


def disc(radius: float) -> Whole:
    """Weights (k, k) of a disc: how many of 16 × 16 points of each pixel lie in it. k is 1 up to a radius of half."""
    reach = max(0, math.ceil(radius - 0.5))
    if reach == 0:
        return np.ones((1, 1), np.int64)
    side = 2 * reach + 1
    points = (np.arange(side * _FINE) + 0.5) / _FINE - side / 2  # dyadic fractions: their squares are exact
    inside = points[:, None] ** 2 + points[None, :] ** 2 <= radius * radius
    weights: Whole = inside.reshape(side, _FINE, side, _FINE).sum(axis=(1, 3), dtype=np.int64)
    return weights


def _spread(picture: Pictures, weights: Whole) -> Pictures:
    """Convolve (3, h, w) with weights that are the same when mirrored along either axis."""
    reach, total = len(weights) // 2, int(weights.sum())
    height, width = picture.shape[1:]
    wide = np.int32 if 256 * total < 2**31 else np.int64
    rim = ((0, 0), (reach, reach), (reach, reach))
    padded: NDArray[Any] = np.pad(picture, rim, mode="symmetric").astype(wide)
    spread: NDArray[Any] = np.full(picture.shape, total // 2, wide)  # half of the divisor: rounding to nearest
    for down in range(reach + 1):
        rows = padded[:, reach + down : reach + down + height]
        if down:
            rows = rows + padded[:, reach - down : reach - down + height]
        for right in range(reach + 1):
            weight = int(weights[reach + down, reach + right])
            if not weight:
                break
            columns = rows[..., reach + right : reach + right + width]
            if right:
                columns = columns + rows[..., reach - right : reach - right + width]
            spread += columns * weight
    spread //= total
    blurred: Pictures = spread.astype(np.uint8)
    return blurred


def low_light(pictures: Pictures, indices: Indices, stops: float, seed: int, number: int) -> Pictures:
    """Too little light: `stops` below normal exposure (EV), with the noise of photons and of the dark sensor.

    sRGB to electrons, fewer by 2^-stops; photon noise has the variance of its mean (drawn as a normal, which is close
    from ten electrons on); counts back to sRGB without brightening. Raises ValueError as `blur`.
    """
    checked(pictures, indices)
    electrons = _electrons() * power(2, -stops)
    mean = electrons.astype(np.float32)
    deviation = (np.sqrt(electrons + _DARK * _DARK) / BELL_DEVIATION).astype(np.float32)
    codes, changed = _codes(), np.empty_like(pictures)
    for target, picture, index in zip(changed, pictures, indices.tolist(), strict=True):
        counts = bell(words(number, seed, index), picture.size).reshape(picture.shape).astype(np.float32)
        counts *= deviation.take(picture)
        counts += mean.take(picture)
        np.rint(counts, out=counts)
        np.clip(counts, 0, _WELL, out=counts)
        codes.take(counts.astype(np.int32), out=target)
    return changed


@cache
def _electrons() -> NDArray[np.float64]:
    """Mean electrons of each sRGB code at normal exposure, (256,)."""
    return np.array([_WELL * _linear(code / 255) for code in range(256)])


@cache
def _codes() -> Pictures:
    """The nearest sRGB code of each count, (4096,)."""
    edges = [_WELL * _linear((code - 0.5) / 255) for code in range(1, 256)]
    return np.searchsorted(np.array(edges), np.arange(_WELL + 1), side="right").astype(np.uint8)


def _linear(code: float) -> float:
    """IEC 61966-2-1: light (0 to 1) of an sRGB value (0 to 1)."""
    return code / 12.92 if code <= 0.04045 else power((code + 0.055) / 1.055, 2.4)


def noise(pictures: Pictures, indices: Indices, deviation: float, seed: int, number: int) -> Pictures:
    """Sensor noise: nearly normal, of this deviation in steps of 255, each pixel and colour on its own.

    Raises ValueError as `blur`.
    """
    checked(pictures, indices)
    steps = np.arange(-BELL_LIMIT, BELL_LIMIT + 1) * (deviation / BELL_DEVIATION)
    table = np.rint(steps).astype(np.int16)
    changed = np.empty_like(pictures)
    for target, picture, index in zip(changed, pictures, indices.tolist(), strict=True):
        places = bell(words(number, seed, index), picture.size).reshape(picture.shape)
        places += BELL_LIMIT
        noisy = table.take(places)
        noisy += picture
        target[:] = np.clip(noisy, 0, 255, out=noisy)
    return changed


def occlude(pictures: Pictures, indices: Indices, share: float, seed: int, number: int) -> Pictures:
    """Things in the way: one patch of one colour in each quarter of the picture, together `share` of its area.

    A quarter is covered to the nearest whole number of columns. Raises ValueError as `blur`.
    """
    checked(pictures, indices)
    changed = pictures.copy()
    for picture, index in zip(changed, indices.tolist(), strict=True):
        source = words(number, seed, index)
        for rows in _halves(picture.shape[1]):
            for columns in _halves(picture.shape[2]):
                height, width = _patch(rows.stop - rows.start, columns.stop - columns.start, share)
                top = rows.start + integer(source, rows.stop - rows.start - height + 1)
                left = columns.start + integer(source, columns.stop - columns.start - width + 1)
                colour = [integer(source, 256) for _ in range(3)]
                picture[:, top : top + height, left : left + width] = np.array(colour, np.uint8)[:, None, None]
    return changed


def _halves(length: int) -> tuple[slice, slice]:
    return slice(0, length // 2), slice(length // 2, length)


def _patch(height: int, width: int, share: float) -> tuple[int, int]:
    """Rows and columns of a patch of the quarter's own form that covers `share` of it."""
    rows = min(height, math.ceil(height * math.sqrt(share)))
    columns = round(share * height * width / rows) if rows else 0
    return rows, min(width, columns)


def checked(pictures: Pictures, indices: Indices) -> None:
    """Raises ValueError unless `pictures` are uint8 (n, 3, h, w) with one index each."""
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(f"pictures are {pictures.dtype} {pictures.shape}; expected uint8 (n, 3, height, width)")
    if 0 in pictures.shape[2:]:
        raise ValueError(f"pictures are {pictures.shape}: they have no pixels")
    if indices.shape != (len(pictures),):
        raise ValueError(f"{len(pictures)} pictures and indices of shape {indices.shape}; expected one for each")
