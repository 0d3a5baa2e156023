"""Classes made of irregular cells: stones, chips, cracks, leather, bubbles and dents.

Each function draws paint and height from texture coordinates counted in cells.
"""

from __future__ import annotations

import numpy as np

from bench.models.image_classify.canvas import (
    Draws,
    Field,
    Space,
    Surface,
    fractal,
    grid_noise,
    mix,
    step,
    voronoi,
)


def _rough(draw: Draws, amount: float) -> Field:
    """Fine 1/f mottling."""
    return fractal(draw, 0.5) * np.float32(amount)


def cobble(draw: Draws, space: Space) -> Surface:
    """Domed stones with sunk joints."""
    cells = voronoi(draw, space.u, space.v, 0.75)
    gap = step(cells.second - cells.first, draw.uniform(0.08, 0.16), 0.12)
    dome = gap * (1 - np.float32(1.1) * cells.first * cells.first)
    paint = np.float32(0.12) + gap * (np.float32(0.5) + np.float32(draw.uniform(0.05, 0.22)) * cells.value)
    return Surface(paint + _rough(draw, 0.05), dome)


def terrazzo(draw: Draws, space: Space) -> Surface:
    """Separate chips of many tones and sizes in a plain ground."""
    cells = voronoi(draw, space.u, space.v, 0.9)
    # The size must not tell the tone, so it takes other digits of the cell's number.
    size = np.abs(cells.value * 16 - np.floor(cells.value * 16) - np.float32(0.5)) * np.float32(0.5) + np.float32(0.2)
    margin = np.minimum(size - cells.first, (cells.second - cells.first - np.float32(0.06)) * np.float32(0.5))
    chip = step(margin, 0.0, 2 * space.pixel)
    ground = np.float32(draw.uniform(0.25, 0.75))
    tone = np.float32(0.5) + np.float32(draw.uniform(0.25, 0.5)) * cells.value
    return Surface(mix(ground, tone, chip) + _rough(draw, 0.02), None)


def cracked_mud(draw: Draws, space: Space) -> Surface:
    """Flat plates with wide dark cracks."""
    swing = fractal(draw, 0.4, finest=112) * np.float32(0.06)
    cells = voronoi(draw, space.u + swing, space.v - swing, 0.95)
    plate = step(cells.second - cells.first, draw.uniform(0.07, 0.15), 0.06)
    return Surface(np.float32(0.1) + plate * np.float32(draw.uniform(0.35, 0.7)) + _rough(draw, 0.05), plate)


def crackle_glaze(draw: Draws, space: Space) -> Surface:
    """A smooth glaze with hairline cracks that fade in and out."""
    swing = fractal(draw, 0.35, finest=56) * np.float32(0.08)
    cells = voronoi(draw, space.u + swing, space.v + swing, 1.0)
    line = 1 - step(cells.second - cells.first, 1.2 * space.pixel, 1.6 * space.pixel)
    faint = np.clip(grid_noise(draw, space.u, space.v) * np.float32(0.7) + np.float32(0.65), 0.1, 1)
    depth = np.float32(draw.uniform(0.25, 0.6) * (1 if draw.chance(0.75) else -0.6))
    return Surface(np.float32(0.62) - depth * line * faint, None)


def leather(draw: Draws, space: Space) -> Surface:
    """Small soft grains between narrow creases."""
    swing = grid_noise(draw, space.u * np.float32(0.8), space.v * np.float32(0.8)) * np.float32(0.25)
    cells = voronoi(draw, space.u + swing, space.v - swing, 0.8)
    crease = np.minimum((cells.second - cells.first) * np.float32(2.5), 1)
    height: Field = crease * (2 - crease)
    paint = np.float32(0.35) + np.float32(draw.uniform(0.08, 0.25)) * height
    return Surface(paint + _rough(draw, 0.03), height * np.float32(0.8))


def foam(draw: Draws, space: Space) -> Surface:
    """Open round bubbles of many sizes with bright walls."""
    cells = voronoi(draw, space.u, space.v, 0.9)
    size = np.float32(0.4) + np.float32(0.14) * cells.value
    hole = np.minimum(size - cells.first, (cells.second - cells.first) * np.float32(0.6))
    depth = np.clip(hole * np.float32(3.5), 0, 1)
    paint = np.float32(0.85) - np.float32(draw.uniform(0.35, 0.7)) * depth
    return Surface(paint + _rough(draw, 0.04), 1 - depth)


def spangle(draw: Draws, space: Space) -> Surface:
    """Galvanised sheet: crystals of even tone with fine feathers, no joints."""
    swing = fractal(draw, 0.45, finest=112) * np.float32(0.08)
    cells = voronoi(draw, space.u + swing, space.v - swing, 0.95)
    feathers = grid_noise(draw, space.u * np.float32(9) * cells.value, space.v * np.float32(9))
    contrast = np.float32(draw.uniform(0.15, 0.35))
    return Surface(np.float32(0.5) + contrast * cells.value + np.float32(0.06) * feathers, None)


def hammered(draw: Draws, space: Space) -> Surface:
    """Round dents that meet in sharp ridges, of one tone."""
    cells = voronoi(draw, space.u, space.v, 0.7)
    dent = cells.first * cells.first * np.float32(1.6)
    return Surface(np.float32(0.5) + np.float32(0.12) * dent + _rough(draw, 0.02), dent)
