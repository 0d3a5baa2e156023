"""Random draws, texture coordinates and noise fields from which the surface classes are drawn.

Only additions, products, quotients, square roots and table look-ups touch pixels, so that every IEEE machine renders
the same bytes; the classes themselves live in `woven`, `lattices`, `cells` and `grains`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZE = 224
Field = NDArray[np.float32]
Level = Field | np.float32 | float
Index = NDArray[np.intp]
_MASK = 63


class Surface(NamedTuple):
    """What a class draws: paint in 0..1 and, where the surface has relief, height in 0..1; both (224, 224)."""

    paint: Field
    height: Field | None


class Draws:
    """Random numbers of one picture, taken from raw PCG64 words only: numpy promises those across versions."""

    def __init__(self, stream: int, seed: int, index: int) -> None:
        # Exactly four 32-bit words: SeedSequence pads its pool of four with zeros, so shorter keys could collide.
        key = [stream, seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, index]
        self._source = np.random.PCG64(np.random.SeedSequence(key))

    def uniform(self, low: float, high: float) -> float:
        """One number in [low, high)."""
        word = int(self._source.random_raw())
        return low + (high - low) * ((word >> 11) * 2.0**-53)

    def uniforms(self, count: int) -> NDArray[np.float64]:
        """`count` numbers in [0, 1)."""
        words = np.asarray(self._source.random_raw(count), dtype=np.uint64)
        result: NDArray[np.float64] = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return result

    def integer(self, count: int) -> int:
        """One number in 0..count-1."""
        return int(self.uniform(0.0, float(count)))

    def chance(self, probability: float) -> bool:
        """Whether an event of this probability happens."""
        return self.uniform(0.0, 1.0) < probability

    def noise(self, *shape: int) -> Field:
        """Uniform white noise in [-1, 1) with 256 levels, float32 of `shape`."""
        count = math.prod(shape)
        words = np.asarray(self._source.random_raw((count + 7) // 8), dtype="<u8")
        levels = words.view(np.uint8)[:count].reshape(shape).astype(np.float32)
        levels *= np.float32(1 / 128)
        levels -= np.float32(1)
        return levels


@dataclass(frozen=True, slots=True)
class Space:
    """Texture coordinates of every pixel, both (224, 224) and positive, in periods; `pixel` is one pixel in periods."""

    u: Field
    v: Field
    pixel: float


def make_space(draw: Draws, period: float) -> Space:
    """Return coordinates turned by any angle, scaled around `period` pixels, sheared, bent and seen at a slant."""
    scale = draw.uniform(0.78, 1.3) / period
    # The half-angle form gives every angle without a library sine, whose last bit differs between machines.
    half = draw.uniform(-1.0, 1.0)
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    if draw.chance(0.5):
        cosine, sine = -cosine, -sine
    stretch = draw.uniform(0.88, 1.13)
    x: Field = np.arange(SIZE, dtype=np.float32) - np.float32(SIZE / 2)
    bent_x: Field = x + _bend(draw, x) + x * x * np.float32(draw.uniform(-6e-4, 6e-4))
    bent_y: Field = x + _bend(draw, x) + x * x * np.float32(draw.uniform(-6e-4, 6e-4))
    u = _combine(bent_x * np.float32(cosine * scale), x * np.float32(sine * scale))
    v = _combine(x * np.float32(-sine * scale * stretch), bent_y * np.float32(cosine * scale * stretch))
    slant = 1 + _combine(x * np.float32(draw.uniform(-1e-3, 1e-3)), x * np.float32(draw.uniform(-1e-3, 1e-3)))
    u *= slant
    v *= slant
    # Whole numbers of many periods keep coordinates positive, so that truncation is floor; the phase stays random.
    u += np.float32(64 + draw.uniform(0.0, 8.0) - math.floor(float(u.min())) - 64)
    v += np.float32(64 + draw.uniform(0.0, 8.0) - math.floor(float(v.min())) - 64)
    return Space(u, v, scale)


def _bend(draw: Draws, x: Field) -> Field:
    length = draw.uniform(60.0, 200.0)
    swing = wave(x * np.float32(1 / length) + np.float32(draw.uniform(0, 1)))
    return swing * np.float32(draw.uniform(0, 0.03) * length)


def _combine(along_x: Field, along_y: Field) -> Field:
    field: Field = along_x[None, :] + along_y[:, None]
    return field


def fraction(x: Field) -> Field:
    """x - floor(x), in [0, 1)."""
    result: Field = x - np.floor(x)
    return result


def centred(x: Field) -> Field:
    """Distance along the axis from the middle of the unit cell, in [-0.5, 0.5)."""
    return fraction(x) - np.float32(0.5)


def whole(x: Field) -> Index:
    """Number of the unit cell; floor for the positive coordinates that `make_space` gives."""
    return x.astype(np.intp)


def wave(x: Field) -> Field:
    """A smooth wave of period 1 in [-1, 1], close to a cosine: a cubic over a triangle wave."""
    triangle = np.abs(centred(x))
    triangle *= np.float32(4)
    triangle -= np.float32(1)
    result: Field = triangle * (np.float32(1.5) - np.float32(0.5) * triangle * triangle)
    return result


def step(x: Field, edge: Level, width: float) -> Field:
    """0 below `edge`, 1 above, with a smooth ramp `width` wide around it."""
    ramp = x - edge
    ramp *= np.float32(1 / width)
    ramp += np.float32(0.5)
    np.clip(ramp, 0, 1, out=ramp)
    result: Field = ramp * ramp * (np.float32(3) - ramp - ramp)
    return result


def mix(low: Level, high: Level, share: Field) -> Field:
    """`low` where share is 0, `high` where it is 1."""
    result: Field = low + (high - low) * share
    return result


def turned(space: Space, cosine: float, sine: float) -> tuple[Field, Field]:
    """Coordinates turned by a further angle."""
    c, s = np.float32(cosine), np.float32(sine)
    return space.u * c + space.v * s, space.v * c - space.u * s


def cell_noise(draw: Draws, column: Index, row: Index) -> Field:
    """One random number in [-1, 1) for each cell of a grid (repeats after 64 cells)."""
    table = draw.noise(64 * 64)
    return table.take(((row & _MASK) << 6) + (column & _MASK))


def line_noise(draw: Draws, number: Index) -> Field:
    """One random number in [-1, 1) for each line."""
    return draw.noise(256).take(number & 255)


def grid_noise(draw: Draws, u: Field, v: Field) -> Field:
    """Noise in [-1, 1) interpolated between the whole numbers of u and v."""
    table = draw.noise(64 * 64)
    floor_u, floor_v = np.floor(u), np.floor(v)
    column, row = floor_u.astype(np.intp), floor_v.astype(np.intp)
    share_u, share_v = u - floor_u, v - floor_v
    left, right = column & _MASK, (column + 1) & _MASK
    upper, lower = (row & _MASK) << 6, ((row + 1) & _MASK) << 6
    first = mix(table.take(upper + left), table.take(upper + right), share_u)
    second = mix(table.take(lower + left), table.take(lower + right), share_u)
    return mix(first, second, share_v)


def fractal(draw: Draws, roughness: float, finest: int = SIZE, size: int = SIZE) -> Field:
    """Noise (size, size) of about unit deviation with equal octaves (spectrum 1/f) at roughness 0.5; more is rougher.

    `size` is a multiple of 32.
    """
    side, weight, power = size // 32, 1.0, 1.0
    field = draw.noise(side, side)
    while side < size:
        side *= 2
        field = _double(field)
        if side <= finest:
            weight *= roughness * 2
            power += weight * weight
            field += draw.noise(side, side) * np.float32(weight)
    field *= np.float32(2 / math.sqrt(power))
    return field


def _double(field: Field) -> Field:
    """Upsample by two along both axes with linear weights 3:1."""
    for _ in range(2):
        padded = np.concatenate([field[:1], field, field[-1:]])
        near = field * np.float32(0.75)
        doubled = np.empty((2 * len(field), field.shape[1]), dtype=np.float32)
        doubled[0::2] = near + padded[:-2] * np.float32(0.25)
        doubled[1::2] = near + padded[2:] * np.float32(0.25)
        field = np.ascontiguousarray(doubled.T)
    return field


class Cells(NamedTuple):
    """Voronoi cells: distance to the nearest and the second nearest centre, and a random number of each cell."""

    first: Field
    second: Field
    value: Field


def voronoi(draw: Draws, u: Field, v: Field, jitter: float) -> Cells:
    """Cells around one centre per unit square, moved by up to `jitter`/2 along each axis."""
    jitter_u, jitter_v = (draw.noise(64 * 64) * np.float32(0.5 * jitter) for _ in range(2))
    floor_u, floor_v = np.floor(u), np.floor(v)
    column, row = floor_u.astype(np.intp), floor_v.astype(np.intp)
    inner_u, inner_v = u - floor_u - np.float32(0.5), v - floor_v - np.float32(0.5)
    columns = [(column + k) & _MASK for k in (-1, 0, 1)]
    across = [inner_u - np.float32(k) for k in (-1, 0, 1)]
    first = np.full_like(u, 9.0)
    second, owner = first.copy(), np.zeros_like(column)
    for k in (-1, 0, 1):
        base, down = ((row + k) & _MASK) << 6, inner_v - np.float32(k)
        for other, right in zip(columns, across, strict=True):
            place = base + other
            du, dv = right - jitter_u.take(place), down - jitter_v.take(place)
            distance = du * du + dv * dv
            np.copyto(owner, place, where=distance < first)
            np.minimum(second, np.maximum(first, distance), out=second)
            np.minimum(first, distance, out=first)
    return Cells(np.sqrt(first), np.sqrt(second), draw.noise(64 * 64).take(owner))
