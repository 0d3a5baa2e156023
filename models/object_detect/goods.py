"""Classes that stand about: goods, their containers, signs and street furniture, each painted into its sprite."""

from __future__ import annotations

from bench.models.image_classify.canvas import Draws
from bench.models.object_detect.sprite import Colours, Field, Sprite, both, one_of


def _rounding(sprite: Sprite) -> Field:
    """Light on an upright round thing: bright left of the middle, dark at both sides."""
    across = sprite.x * (1 / sprite.a) + 0.25
    result: Field = 1.12 - across * across * 0.42
    return result


# ------------------------------------------------------------------------------------------------------------- signs


def cone(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A traffic cone: a pointed body with level bands on a plate."""
    sprite.body(sprite.box(-1, 1, 0.84, 1), colours.body)
    shape = sprite.polygon((-0.12, -1), (0.12, -1), (0.72, 0.88), (-0.72, 0.88))
    sprite.body(shape, colours.body)
    for top in (-0.6, 0.05):
        sprite.paint(both(shape, sprite.box(-1, 1, top, top + 0.32)), colours.light)


def warning_sign(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A triangle with a broad rim around a light field and a mark."""
    shape = sprite.polygon((0, -1), (1, 0.98), (-1, 0.98))
    sprite.body(shape, colours.accent)
    sprite.paint(shape - sprite.a * draw.uniform(0.16, 0.24), colours.light)
    sprite.paint(sprite.box(-0.08, 0.08, -0.2, 0.4), colours.dark)
    sprite.paint(sprite.box(-0.08, 0.08, 0.5, 0.64), colours.dark)


def tent(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A triangle of upright panels, dark in the middle."""
    shape = sprite.polygon((0, -1), (1, 0.98), (-1, 0.98))
    sprite.body(shape, colours.body)
    sprite.paint(both(shape, sprite.stripes(sprite.x, sprite.a * draw.uniform(0.35, 0.5))), colours.accent)
    sprite.paint(sprite.polygon((0, -0.4), (0.26, 0.98), (-0.26, 0.98)), colours.dark)


def stop_sign(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """An octagon with a level bar."""
    c = 0.42
    corners = ((-c, -1), (c, -1), (1, -c), (1, c), (c, 1), (-c, 1), (-1, c), (-1, -c))
    shape = sprite.polygon(*corners)
    sprite.body(shape, colours.light)
    sprite.paint(shape - 0.1 * sprite.a, colours.accent)
    sprite.paint(sprite.box(-0.7, 0.7, -0.2, 0.2), colours.light)


def round_sign(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A disc with a broad ring and a slanted bar."""
    shape = sprite.ellipse(0, 0, 1, 1)
    sprite.body(shape, colours.accent)
    sprite.paint(sprite.ellipse(0, 0, 0.72, 0.72), colours.light)
    bar = sprite.stripes(sprite.x + sprite.y, 8 * sprite.a, 0.05, 0.5)
    sprite.paint(both(shape, bar), colours.accent)


def tyre(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A dark ring around a wheel of four quarters."""
    sprite.body(sprite.ellipse(0, 0, 1, 1), colours.dark)
    sprite.paint(sprite.ellipse(0, 0, 0.6, 0.6), colours.light)
    spokes = one_of(sprite.x, sprite.y) if draw.chance(0.5) else one_of(sprite.x + sprite.y, sprite.x - sprite.y)
    sprite.paint(both(sprite.ellipse(0, 0, 0.6, 0.6), spokes), colours.body)
    sprite.paint(sprite.ellipse(0, 0, 0.16, 0.16), colours.dark)


# --------------------------------------------------------------------------------------------------- street furniture


def bollard(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A slim post with slanted bands."""
    shape = sprite.capsule(-1, 1, -1, 1.3)
    shape = both(shape, sprite.box(-1, 1, -1, 1))
    sprite.body(shape, colours.body)
    period = sprite.a * draw.uniform(1.5, 2.2)
    sprite.paint(both(shape, sprite.stripes(sprite.x + sprite.y, period)), colours.accent)
    sprite.shade(_rounding(sprite))


def gas_bottle(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A slim round bottle with a valve, plain but for its shoulder."""
    sprite.body(sprite.box(-0.3, 0.3, -1, -0.8), colours.dark)
    shape = both(sprite.capsule(-1, 1, -0.88, 1.4), sprite.box(-1, 1, -1, 1))
    sprite.body(shape, colours.body)
    sprite.paint(both(shape, sprite.box(-1, 1, -1, -0.5)), colours.accent)
    sprite.shade(_rounding(sprite))


def barrel(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A drum with hoops and a lid."""
    shape = sprite.capsule(-1, 1, -1, 1)
    shape = both(sprite.box(-1, 1, -0.9, 0.92), shape + 0.5 * sprite.a)
    sprite.body(shape, colours.body)
    for top in (-0.38, 0.22):
        sprite.paint(both(shape, sprite.box(-1, 1, top, top + 0.1)), colours.dark, 0.8)
    sprite.body(sprite.ellipse(0, -0.86, 1, 0.14), colours.accent)
    sprite.shade(_rounding(sprite))


def bin_(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A bucket wider at the top, with upright grooves and a lid."""
    shape = sprite.polygon((-0.9, -0.8), (0.9, -0.8), (0.66, 1), (-0.66, 1))
    sprite.body(shape, colours.body)
    grooves = sprite.stripes(sprite.x, sprite.a * draw.uniform(0.28, 0.4), 0.4)
    sprite.paint(both(shape, both(grooves, sprite.box(-1, 1, -0.55, 0.9))), colours.dark, 0.7)
    sprite.body(sprite.box(-1, 1, -1, -0.74), colours.accent)


def barrier(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A board with slanted stripes on two feet."""
    for place in (-0.7, 0.6):
        sprite.body(sprite.box(place, place + 0.12, 0.1, 1), colours.dark)
    board = sprite.box(-1, 1, -1, 0.3)
    sprite.body(board, colours.light)
    slant = sprite.x + sprite.y if draw.chance(0.5) else sprite.x - sprite.y
    sprite.paint(both(board, sprite.stripes(slant, sprite.b * draw.uniform(0.9, 1.3))), colours.accent)


# ------------------------------------------------------------------------------------------------------------- goods


def carton(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A closed box: tape down the middle, a label in a corner."""
    sprite.body(sprite.box(-1, 1, -1, 1), colours.body)
    sprite.paint(sprite.box(-1, 1, -1, -0.94), colours.dark, 0.4)
    sprite.paint(sprite.box(-0.11, 0.11, -1, 1), colours.light, 0.7)
    side = 1 if draw.chance(0.5) else -1
    left, right = sorted((0.3 * side, 0.8 * side))
    sprite.paint(sprite.box(left, right, 0.25, 0.75), colours.light)
    sprite.paint(sprite.box(left + 0.08, right - 0.08, 0.42, 0.52), colours.dark)


def crate(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A box of level boards with gaps, in a frame with a brace."""
    sprite.body(sprite.box(-1, 1, -1, 1), colours.body)
    boards = sprite.stripes(sprite.y, sprite.b * draw.uniform(0.36, 0.5), 0.24)
    sprite.paint(both(sprite.box(-1, 1, -1, 1), boards), colours.dark)
    brace = sprite.stripes(sprite.x * (sprite.b / sprite.a) + sprite.y, 8 * sprite.b, 0.04, 0.5)
    sprite.paint(both(sprite.box(-1, 1, -1, 1), brace), colours.accent)
    sprite.paint(-sprite.box(-0.8, 0.8, -0.8, 0.8), colours.accent)


def container(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A steel box with narrow upright ribs."""
    whole = sprite.box(-1, 1, -1, 1)
    sprite.body(whole, colours.body)
    ribs = sprite.stripes(sprite.x, max(2.5, sprite.a * draw.uniform(0.13, 0.2)))
    sprite.paint(both(sprite.box(-0.95, 0.95, -0.88, 0.88), ribs), colours.dark, 0.6)
    sprite.paint(sprite.box(-0.95, 0.95, -1, -0.9), colours.accent)


def cabinet(draw: Draws, sprite: Sprite, colours: Colours) -> None:
    """A tall box with two doors, a lattice of vents and handles."""
    sprite.body(sprite.box(-1, 1, -1, 1), colours.body)
    sprite.paint(sprite.box(-0.04, 0.04, -0.95, 0.95), colours.dark, 0.8)
    vents = sprite.stripes(sprite.y, max(2.5, sprite.b * draw.uniform(0.09, 0.13)))
    for left in (-0.8, 0.2):
        sprite.paint(both(sprite.box(left, left + 0.6, -0.85, -0.35), vents), colours.dark)
    sprite.paint(sprite.box(-0.22, -0.12, 0.0, 0.3), colours.light)
    sprite.paint(sprite.box(0.12, 0.22, 0.0, 0.3), colours.light)
