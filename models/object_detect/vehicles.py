"""Classes that drive and walk: how each is painted into its sprite."""

from __future__ import annotations

from bench.models.image_classify.canvas import Draws
from bench.models.object_detect.sprite import Colours, Field, Sprite, both, one_of


def _wheels(sprite: Sprite, colours: Colours, places: tuple[float, ...], radius: float) -> None:
    # Measured in units of v, so that long vehicles have small wheels.
    across = radius * sprite.b / sprite.a
    for place in places:
        sprite.body(sprite.disc(place, 1 - radius, across), colours.dark)
        sprite.paint(sprite.disc(place, 1 - radius, across * 0.5), colours.light, 0.8)


def _saloon(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """The shape that car and taxi share: a low body under a cabin, facing left."""
    front, back = draw.uniform(-0.6, -0.4), draw.uniform(0.6, 0.85)
    roof = draw.uniform(0.12, 0.24)
    sprite.body(sprite.polygon((front, 0.02), (front + roof + 0.1, -1), (back - roof, -1), (back, 0.02)), colours.body)
    sprite.body(sprite.capsule(-1, 1, -0.15, 0.72), colours.body)
    glass = colours.dark if draw.chance(0.7) else colours.light
    middle = (front + back) / 2
    sprite.paint(
        sprite.polygon(
            (front + 0.16, -0.08), (front + roof + 0.16, -0.82), (middle - 0.04, -0.82), (middle - 0.04, -0.08)
        ),
        glass,
    )
    sprite.paint(
        sprite.polygon(
            (middle + 0.04, -0.08), (middle + 0.04, -0.82), (back - roof - 0.05, -0.82), (back - 0.12, -0.08)
        ),
        glass,
    )
    sprite.paint(sprite.box(-1, -0.86, 0.05, 0.25), colours.light)
    _wheels(sprite, colours, (-0.58, 0.58), 0.34)


def car(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A saloon of one colour."""
    _saloon(draw, sprite, colours)
    sprite.paint(sprite.box(-0.95, 0.95, 0.28, 0.34), colours.dark, 0.5)


def taxi(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A saloon with a lamp on its roof and a chequered band along its side."""
    _saloon(draw, sprite, colours)
    period = max(3.0, sprite.b * draw.uniform(0.3, 0.4))
    # Differences of two stripes: where just one of them is, the field is dark.
    columns, rows = sprite.stripes(sprite.x, period), sprite.stripes(sprite.y - 0.22 * sprite.b, period, phase=0.25)
    band = sprite.box(-0.9, 0.9, 0.22 - period / 2 / sprite.b, 0.22 + period / 2 / sprite.b)
    sprite.paint(band, colours.light)
    sprite.paint(both(band, one_of(columns, rows)), colours.dark)
    sprite.body(sprite.box(0.02, 0.24, -1.0, -0.86), colours.light)


def van(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A tall box with a slanted front, one window and a seam."""
    slant = draw.uniform(0.25, 0.45)
    sprite.body(sprite.polygon((-1, 0.15), (-1 + slant, -0.95), (0.97, -0.95), (1, 0.72), (-1, 0.72)), colours.body)
    glass = colours.dark if draw.chance(0.7) else colours.light
    sprite.paint(sprite.polygon((-0.88, 0.0), (-0.9 + slant, -0.78), (-0.5 + slant, -0.78), (-0.5 + slant, 0.0)), glass)
    sprite.paint(sprite.box(0.2, 0.24, -0.85, 0.6), colours.dark, 0.6)
    sprite.paint(sprite.box(-0.95, 0.98, 0.3, 0.4), colours.accent, draw.uniform(0.0, 0.6))
    _wheels(sprite, colours, (-0.6, 0.6), 0.26)


def truck(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A cab in front of a ribbed load."""
    split = draw.uniform(-0.6, -0.45)
    sprite.body(sprite.box(split + 0.06, 1, -1, 0.6), colours.accent)
    ribs = sprite.stripes(sprite.x, max(2.5, sprite.a * draw.uniform(0.09, 0.14)), 0.45)
    sprite.paint(both(sprite.box(split + 0.1, 0.97, -0.92, 0.5), ribs), colours.dark, 0.55)
    sprite.body(sprite.polygon((-1, -0.1), (-0.9, -0.6), (split, -0.6), (split, 0.7), (-1, 0.7)), colours.body)
    sprite.paint(sprite.box(-0.94, split - 0.08, -0.48, -0.05), colours.dark)
    sprite.body(sprite.box(-0.9, 0.95, 0.55, 0.74), colours.dark)
    _wheels(sprite, colours, (-0.72, 0.4, 0.75), 0.24)


def bus(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A long rounded box with a row of windows and a line of the second colour."""
    sprite.body(sprite.box(-1, 1, -0.98, 0.75), colours.body)
    period = sprite.a * draw.uniform(0.22, 0.32)
    row = sprite.box(-0.92, 0.95, -0.7, -0.05)
    sprite.paint(both(row, sprite.stripes(sprite.x, period, 0.78)), colours.dark)
    sprite.paint(sprite.box(-1, 1, 0.12, 0.3), colours.accent)
    _wheels(sprite, colours, (-0.62, 0.6), 0.24)


def _figure(draw: Draws, sprite: Sprite, colours: Colours, legs: bool) -> Field:
    """The shape that person and worker share; returns the trunk."""
    skin = (draw.uniform(90, 225), draw.uniform(70, 180), draw.uniform(50, 160))
    stride = draw.uniform(0.1, 0.55)
    trousers = colours.dark if legs else colours.body
    sprite.body(sprite.polygon((-0.4, 0.05), (0.1, 0.05), (-stride + 0.14, 1), (-stride - 0.24, 1)), trousers)
    sprite.body(sprite.polygon((-0.1, 0.05), (0.4, 0.05), (stride + 0.24, 1), (stride - 0.14, 1)), trousers)
    swing = draw.uniform(0.55, 0.95)
    sprite.body(sprite.polygon((-0.5, -0.6), (-0.3, -0.6), (-swing + 0.2, 0.15), (-swing - 0.05, 0.1)), colours.body)
    sprite.body(sprite.polygon((0.3, -0.6), (0.5, -0.6), (swing + 0.05, 0.1), (swing - 0.2, 0.15)), colours.body)
    trunk = sprite.polygon((-0.55, -0.58), (-0.3, -0.66), (0.3, -0.66), (0.55, -0.58), (0.45, 0.2), (-0.45, 0.2))
    sprite.body(trunk, colours.body)
    sprite.body(sprite.ellipse(0, -0.82, 0.3, 0.18), skin)
    return trunk


def person(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """Somebody in clothes of one or two colours, bare-headed."""
    trunk = _figure(draw, sprite, colours, draw.chance(0.7))
    sprite.paint(both(trunk, sprite.box(-0.06, 0.06, -0.7, 0.2)), colours.dark, 0.6)
    sprite.paint(both(sprite.ellipse(0, -0.82, 0.3, 0.18), sprite.box(-1, 1, -1, -0.88)), colours.dark)


def worker(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """Somebody in a vest with two bright bands, under a helmet."""
    trunk = _figure(draw, sprite, colours, draw.chance(0.7))
    sprite.paint(trunk, colours.accent)
    for top in (-0.42, -0.1):
        sprite.paint(both(trunk, sprite.box(-1, 1, top, top + 0.15)), colours.light)
    helmet = both(sprite.ellipse(0, -0.84, 0.36, 0.17), sprite.box(-1, 1, -1.02, -0.82))
    sprite.body(helmet, colours.light if draw.chance(0.5) else colours.accent)
