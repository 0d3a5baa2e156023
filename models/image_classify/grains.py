"""Classes of directed or scattered grain: machined metal, scratches, pits, wood and stone.

Each function draws paint and height from texture coordinates counted in grains or machining marks.
"""

from __future__ import annotations

import numpy as np

from bench.models.image_classify.canvas import (
    SIZE,
    Draws,
    Field,
    Space,
    Surface,
    centred,
    fractal,
    grid_noise,
    mix,
    step,
    turned,
    voronoi,
    wave,
    whole,
)


def _streaks(draw: Draws, u: Field, v: Field) -> Field:
    """Two octaves of noise drawn out along u."""
    coarse = grid_noise(draw, u * np.float32(0.07), v)
    fine = grid_noise(draw, u * np.float32(0.13), v * np.float32(2.1))
    result: Field = coarse * np.float32(0.6) + fine * np.float32(0.4)
    return result


def brushed(draw: Draws, space: Space) -> Surface:
    """Metal brushed in one direction."""
    streaks = _streaks(draw, space.u, space.v)
    return Surface(np.float32(0.55) + np.float32(draw.uniform(0.2, 0.45)) * streaks, None)


def cross_brushed(draw: Draws, space: Space) -> Surface:
    """Metal brushed in two directions."""
    half = draw.uniform(0.4, 0.8)
    u, v = turned(space, (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half))
    streaks = _streaks(draw, space.u, space.v) + _streaks(draw, u, v)
    return Surface(np.float32(0.55) + np.float32(draw.uniform(0.15, 0.32)) * streaks, None)


def scratched(draw: Draws, space: Space) -> Surface:
    """Brushed metal with bright and dark scratches across the brushing, each with two ends."""
    paint = np.float32(0.5) + np.float32(draw.uniform(0.1, 0.25)) * _streaks(draw, space.u, space.v)
    axis = np.arange(SIZE, dtype=np.float32)
    for _ in range(16 + draw.integer(8)):
        half, length = draw.uniform(-1.0, 1.0), draw.uniform(18.0, 60.0)
        cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
        x, y = draw.uniform(0, SIZE), draw.uniform(0, SIZE)
        left, right = max(0, int(x - length)), min(SIZE, int(x + length) + 1)
        top, bottom = max(0, int(y - length)), min(SIZE, int(y + length) + 1)
        dx, dy = axis[None, left:right] - np.float32(x), axis[top:bottom, None] - np.float32(y)
        along = dx * np.float32(cosine) + dy * np.float32(sine)
        across = dx * np.float32(-sine) + dy * np.float32(cosine)
        across += along * along * np.float32(draw.uniform(-2e-3, 2e-3))
        width = draw.uniform(0.6, 1.3)
        line = np.clip(np.float32(width + 0.5) - np.abs(across), 0, 1)
        line *= np.clip((np.float32(length) - np.abs(along)) * np.float32(0.2), 0, 1)
        paint[top:bottom, left:right] += line * np.float32(draw.uniform(0.25, 0.5) * (1 if draw.chance(0.6) else -1))
    return Surface(paint, None)


def pitted(draw: Draws, space: Space) -> Surface:
    """Rough metal with scattered round pits."""
    cells = voronoi(draw, space.u, space.v, 1.0)
    size = np.float32(0.18) + np.float32(0.14) * cells.value
    pit = 1 - step(cells.first, size, 2.5 * space.pixel)
    ground = fractal(draw, 0.6) * np.float32(draw.uniform(0.05, 0.11))
    return Surface(np.float32(0.58) + ground - np.float32(draw.uniform(0.25, 0.5)) * pit, 1 - pit)


def engine_turned(draw: Draws, space: Space) -> Surface:
    """Overlapping discs of concentric grooves."""
    u, v = centred(space.u), fractionless(space.v)
    # Each disc covers the lower half of the one above it.
    upper = np.sqrt(u * u + v * v)
    lower = np.sqrt(u * u + (v - 1) * (v - 1))
    radius = np.where(lower < np.float32(0.62), lower, upper)
    grooves = wave(radius * np.float32(draw.uniform(5.5, 8.0)) + np.float32(draw.uniform(0, 1)))
    sheen = np.where(lower < np.float32(0.62), u * (v - 1), u * v)
    sheen /= radius * radius + np.float32(0.01)
    paint: Field = grooves * np.float32(0.2) + np.float32(0.5)
    paint += sheen * np.float32(draw.uniform(0.2, 0.5))
    return Surface(paint, grooves * np.float32(0.2))


def fractionless(x: Field) -> Field:
    """Distance from the last whole number, in [0, 1)."""
    result: Field = x - np.floor(x)
    return result


def tread_plate(draw: Draws, space: Space) -> Surface:
    """Lozenge bumps whose direction alternates like a chessboard."""
    turn = ((whole(space.u) + whole(space.v)) & 1).astype(np.float32)
    u, v = centred(space.u), centred(space.v)
    first, second = (u + v) * np.float32(0.7071), (u - v) * np.float32(0.7071)
    along, across = mix(first, second, turn), mix(second, first, turn)
    along *= np.float32(1 / 0.52)
    across *= np.float32(1 / draw.uniform(0.14, 0.2))
    bump = np.clip((1 - along * along - np.abs(across)) * np.float32(2), 0, 1)
    ground = fractal(draw, 0.6) * np.float32(0.05)
    return Surface(np.float32(0.42) + ground + np.float32(draw.uniform(0.05, 0.4)) * bump, bump)


def wood_grain(draw: Draws, space: Space) -> Surface:
    """Year rings cut lengthwise, with pores along the grain."""
    bend = fractal(draw, 0.2, finest=28)
    rings = space.v * np.float32(0.25) + bend * np.float32(draw.uniform(0.4, 0.8))
    late = rings - np.floor(rings)
    pores = grid_noise(draw, space.u * np.float32(0.12), space.v * np.float32(1.6))
    paint = np.float32(0.7) - np.float32(draw.uniform(0.15, 0.4)) * late * late
    paint -= np.float32(draw.uniform(0.12, 0.3)) * step(pores, 0.35, 0.5)
    return Surface(paint, None)


def marble(draw: Draws, space: Space) -> Surface:
    """Thin branching veins in a cloudy ground."""
    clouds, bend = fractal(draw, 0.4), fractal(draw, 0.3, finest=56)
    long = np.abs(wave(space.u * np.float32(0.4) + bend * np.float32(0.5)))
    short = np.abs(fractal(draw, 0.28, finest=56) + clouds * np.float32(0.1))
    veins: Field = np.clip(1 - long * np.float32(3.5), 0, 1) + np.clip(1 - short * np.float32(5), 0, 1) * np.float32(
        0.7
    )
    depth = np.float32(draw.uniform(0.2, 0.5) * (1 if draw.chance(0.7) else -1))
    return Surface(clouds * np.float32(0.08) + np.float32(0.55) - veins * depth, None)


def granite(draw: Draws, space: Space) -> Surface:
    """Speckles of three minerals without direction."""
    grains = grid_noise(draw, space.u, space.v) + np.float32(0.5) * grid_noise(
        draw, space.v * np.float32(2.3), space.u * np.float32(2.3)
    )
    dark = step(-grains, draw.uniform(0.3, 0.45), 0.15)
    light = step(grains, draw.uniform(0.25, 0.4), 0.15)
    strength = np.float32(draw.uniform(0.5, 1.0))
    paint: Field = np.float32(0.5) + strength * (np.float32(0.3) * light - np.float32(0.38) * dark)
    return Surface(paint + fractal(draw, 0.6) * np.float32(0.03), None)
