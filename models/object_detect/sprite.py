"""One object on its way into a scene: a window of pixels, soft shapes to paint in it, and the silhouette they leave.

Only sums, products, quotients, square roots and comparisons in float32: every IEEE machine paints the same bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import Draws, centred

# All are float32. Any: the stubs of numpy take sums of such arrays and Python numbers for float64.
Field = NDArray[np.floating[Any]]
Colour = tuple[float, float, float]


class Colours(NamedTuple):
    """What an object is painted with: its body, a second colour that stands out from it, a dark and a light one."""

    body: Colour
    accent: Colour
    dark: Colour
    light: Colour


def draw_colour(draw: Draws, low: float, high: float, saturation: float = 0.7) -> Colour:
    """A colour between two levels; `saturation` 0 gives greys."""
    grey = draw.uniform(low, high)
    red, green, blue = (grey + (draw.uniform(low, high) - grey) * saturation for _ in range(3))
    return red, green, blue


def draw_colours(draw: Draws) -> Colours:
    """Colours of one object; none of them tells its class."""
    body = draw_colour(draw, 40.0, 225.0)
    level = sum(body) / 3
    accent = draw_colour(draw, 15.0, level - 45.0) if level > 132 else draw_colour(draw, level + 45.0, 250.0)
    return Colours(body, accent, draw_colour(draw, 10.0, 55.0, 0.4), draw_colour(draw, 190.0, 250.0, 0.4))


class Sprite:
    """A window around an object `2·half_width` by `2·half_height` pixels large, turned by the angle (cosine, sine).

    Coordinates of the shapes are in units: u from -1 (left) to 1, v from -1 (top) to 1. A shape is a field of distances
    in pixels to its rim, positive inside.
    """

    def __init__(self, half_width: float, half_height: float, cosine: float, sine: float) -> None:
        self.a, self.b = half_width, half_height
        reach_x = math.ceil(abs(cosine) * half_width + abs(sine) * half_height) + 1
        reach_y = math.ceil(abs(sine) * half_width + abs(cosine) * half_height) + 1
        x = np.arange(-reach_x, reach_x, dtype=np.float32)[None, :] + np.float32(0.5)
        y = np.arange(-reach_y, reach_y, dtype=np.float32)[:, None] + np.float32(0.5)
        # In pixels along the object's own axes.
        self.x: Field = x * cosine + y * sine
        self.y: Field = y * cosine - x * sine
        shape = (2 * reach_y, 2 * reach_x)
        self.picture: Field = np.zeros((3, *shape), dtype=np.float32)
        self.alpha: Field = np.zeros(shape, dtype=np.float32)

    # ----------------------------------------------------------------------------------------------------- shapes

    def box(self, left: float, right: float, top: float, bottom: float) -> Field:
        """A rectangle."""
        across = np.minimum(self.x - left * self.a, right * self.a - self.x)
        result: Field = np.minimum(across, np.minimum(self.y - top * self.b, bottom * self.b - self.y))
        return result

    def ellipse(self, u: float, v: float, radius_u: float, radius_v: float) -> Field:
        """An ellipse around (u, v); distances are measured along its shorter radius."""
        across, along = radius_u * self.a, radius_v * self.b
        dx, dy = (self.x - u * self.a) * (1 / across), (self.y - v * self.b) * (1 / along)
        result: Field = (1 - np.sqrt(dx * dx + dy * dy)) * min(across, along)
        return result

    def disc(self, u: float, v: float, radius: float) -> Field:
        """A circle around (u, v), its radius in units of u."""
        dx, dy = self.x - u * self.a, self.y - v * self.b
        result: Field = radius * self.a - np.sqrt(dx * dx + dy * dy)
        return result

    def capsule(self, left: float, right: float, top: float, bottom: float) -> Field:
        """A rectangle whose shorter sides are half circles."""
        middle_x, middle_y = (left + right) / 2 * self.a, (top + bottom) / 2 * self.b
        half_x, half_y = (right - left) / 2 * self.a, (bottom - top) / 2 * self.b
        radius = min(half_x, half_y)
        dx = np.maximum(np.abs(self.x - middle_x) - (half_x - radius), 0)
        dy = np.maximum(np.abs(self.y - middle_y) - (half_y - radius), 0)
        result: Field = radius - np.sqrt(dx * dx + dy * dy)
        return result

    def polygon(self, *corners: tuple[float, float]) -> Field:
        """A convex polygon, corners clockwise as seen (v points down)."""
        result: Field | None = None
        points = [(u * self.a, v * self.b) for u, v in corners]
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            length = math.sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0))
            nx, ny = (y0 - y1) / length, (x1 - x0) / length
            side = self.x * nx + (self.y * ny - (x0 * nx + y0 * ny))
            result = side if result is None else np.minimum(result, side)
        assert result is not None
        return result

    def stripes(self, along: Field, period: float, share: float = 0.5, phase: float = 0.0) -> Field:
        """Stripes across a coordinate in pixels; `share` of every period (pixels) lies inside."""
        wave = np.abs(centred(along * (1 / period) + (phase + 64.0)))
        result: Field = (share / 2 - wave) * period
        return result

    # --------------------------------------------------------------------------------------------------- painting

    def body(self, shape: Field, colour: Colour) -> None:
        """Add a shape to the silhouette and paint it."""
        np.maximum(self.alpha, _share(shape), out=self.alpha)
        self.paint(shape, colour)

    def paint(self, shape: Field, colour: Colour, strength: float = 1.0) -> None:
        """Paint a shape."""
        share = _share(shape)
        if strength != 1.0:
            share *= strength
        for plane, level in zip(self.picture, colour, strict=True):
            plane += (level - plane) * share

    def shade(self, factor: Field) -> None:
        """Make lighter or darker."""
        self.picture *= factor


def _share(shape: Field) -> Field:
    ramp = shape + np.float32(0.5)
    np.clip(ramp, 0, 1, out=ramp)
    return ramp


def both(shape: Field, other: Field) -> Field:
    """What lies in both shapes."""
    result: Field = np.minimum(shape, other)
    return result


def one_of(shape: Field, other: Field) -> Field:
    """What lies in just one of two shapes."""
    result: Field = np.maximum(np.minimum(shape, -other), np.minimum(-shape, other))
    return result
