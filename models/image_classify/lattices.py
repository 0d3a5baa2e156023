"""Classes that repeat on a lattice: meshes, perforations, printed screens, masonry and tiles.

Each function draws paint and height from texture coordinates counted in lattice periods.
"""

from __future__ import annotations

import numpy as np

from bench.models.image_classify.canvas import (
    Draws,
    Field,
    Index,
    Space,
    Surface,
    cell_noise,
    centred,
    fractal,
    mix,
    step,
    turned,
    voronoi,
    wave,
    whole,
)

_ROOT3 = 1.7320508


def _sheet(draw: Draws, space: Space, solid: Field) -> Surface:
    """Metal where `solid` is 1 and a dark or bright ground behind the openings."""
    tone = draw.uniform(0.3, 0.85) * (-1 if draw.chance(0.35) else 1)
    paint = np.float32(0.5) + (solid - np.float32(0.5)) * np.float32(tone)
    return Surface(paint, solid)


def _edge(space: Space) -> float:
    """Width of an antialiased edge in periods."""
    return 2.0 * space.pixel


def _hexagons(u: Field, v: Field) -> tuple[Field, Field, Index, Index]:
    """Position inside the hexagon of a honeycomb of unit pitch, and two numbers that name it."""
    v = v * np.float32(1 / _ROOT3)
    first_u, first_v = centred(u), centred(v)
    second_u, second_v = centred(u + np.float32(0.5)), centred(v + np.float32(0.5))
    first = first_u * first_u + 3 * first_v * first_v
    other = second_u * second_u + 3 * second_v * second_v
    nearer = first < other
    column = np.where(nearer, whole(u), whole(u + np.float32(0.5)))
    row = np.where(nearer, whole(v) * 2, whole(v + np.float32(0.5)) * 2 + 1)
    inner_v = np.where(nearer, first_v, second_v) * np.float32(_ROOT3)
    return np.where(nearer, first_u, second_u), inner_v, column, row


def _rim(inner_u: Field, inner_v: Field) -> Field:
    """Distance to the rim of the hexagon."""
    across = np.abs(inner_u)
    slanted = across * np.float32(0.5) + np.abs(inner_v) * np.float32(_ROOT3 / 2)
    result: Field = np.float32(0.5) - np.maximum(across, slanted)
    return result


def wire_mesh(draw: Draws, space: Space) -> Surface:
    """Thin wires in plain weave with open squares."""
    radius = np.float32(draw.uniform(0.14, 0.26))
    across, along = np.abs(centred(space.u)), np.abs(centred(space.v))
    warp = 1 - step(across, radius, _edge(space))
    weft = 1 - step(along, radius, _edge(space))
    over = ((whole(space.u) + whole(space.v)) & 1).astype(np.float32)
    high = mix(weft, warp, over)
    solid = np.maximum(warp, weft)
    height = np.maximum(high, solid * np.float32(0.55)) * (1 - (across * along) * np.float32(2))
    surface = _sheet(draw, space, solid)
    return Surface(surface.paint * (np.float32(0.7) + np.float32(0.3) * height), height)


def hex_mesh(draw: Draws, space: Space) -> Surface:
    """Honeycomb of thin walls."""
    inner_u, inner_v, _, _ = _hexagons(space.u, space.v)
    wall = 1 - step(_rim(inner_u, inner_v), draw.uniform(0.06, 0.13), _edge(space))
    return _sheet(draw, space, wall)


def diamond_mesh(draw: Draws, space: Space) -> Surface:
    """Expanded metal: lozenge openings twice as wide as high."""
    v = space.v * np.float32(1.9)
    first, second = np.abs(centred(space.u + v)), np.abs(centred(space.u - v + np.float32(128)))
    opening = np.maximum(first, second)
    solid = step(opening, draw.uniform(0.27, 0.38), _edge(space) * 1.6)
    return _sheet(draw, space, solid)


def perforated_square(draw: Draws, space: Space) -> Surface:
    """Round holes on a square lattice."""
    u, v = centred(space.u), centred(space.v)
    return _sheet(draw, space, step(np.sqrt(u * u + v * v), draw.uniform(0.22, 0.38), _edge(space)))


def perforated_staggered(draw: Draws, space: Space) -> Surface:
    """Round holes on a triangular lattice."""
    u, v, _, _ = _hexagons(space.u, space.v)
    return _sheet(draw, space, step(np.sqrt(u * u + v * v), draw.uniform(0.22, 0.38), _edge(space)))


def slotted(draw: Draws, space: Space) -> Surface:
    """Oblong holes in staggered rows."""
    row = whole(space.v)
    u = centred(space.u * np.float32(0.5) + (row & 1).astype(np.float32) * np.float32(0.5)) * np.float32(2)
    v = centred(space.v)
    u = np.maximum(np.abs(u) - np.float32(draw.uniform(0.3, 0.5)), 0)
    return _sheet(draw, space, step(np.sqrt(u * u + v * v), draw.uniform(0.2, 0.33), _edge(space)))


def _ink(draw: Draws, coverage: Field) -> Surface:
    """Flat ink of a drawn density."""
    density = np.float32(draw.uniform(0.3, 0.9))
    return Surface(np.float32(0.9) - density * coverage, None)


def _tone(draw: Draws, low: float, high: float) -> Field:
    """A slowly varying picture for a screen to print, between `low` and `high`."""
    field = fractal(draw, 0.25, finest=56) * np.float32(0.2) + np.float32(0.5)
    result: Field = np.clip(field, 0, 1) * np.float32(high - low) + np.float32(low)
    return result


def dot_screen(draw: Draws, space: Space) -> Surface:
    """Halftone dots on a square lattice, larger where the printed picture is darker."""
    threshold = (wave(space.u) + wave(space.v)) * np.float32(0.25) + np.float32(0.5)
    return _ink(draw, step(_tone(draw, 0.15, 0.75), threshold, 3 * space.pixel))


def line_screen(draw: Draws, space: Space) -> Surface:
    """Halftone lines, thicker where the printed picture is darker."""
    threshold = wave(space.u) * np.float32(0.5) + np.float32(0.5)
    return _ink(draw, step(_tone(draw, 0.1, 0.8), threshold, 4 * space.pixel))


def stochastic_screen(draw: Draws, space: Space) -> Surface:
    """Halftone dots scattered without a lattice."""
    cells = voronoi(draw, space.u, space.v, 0.85)
    return _ink(draw, 1 - step(cells.first, _tone(draw, 0.16, 0.44), _edge(space)))


def _crossed(draw: Draws, space: Space, half: float) -> Surface:
    """Two line screens at an angle whose half-angle tangent is about `half`."""
    half = half * draw.uniform(0.9, 1.1)
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    second, _ = turned(space, cosine, sine)
    width = 4 * space.pixel
    cover = draw.uniform(0.25, 0.5)
    lines = step(np.float32(0.5) * wave(space.u) + np.float32(0.5), 1 - cover, width)
    others = step(np.float32(0.5) * wave(second) + np.float32(0.5), 1 - cover, width)
    return _ink(draw, np.float32(0.6) * (lines + others) - np.float32(0.2) * lines * others)


def crossed_lines_20(draw: Draws, space: Space) -> Surface:
    """Two line screens about 20° apart."""
    return _crossed(draw, space, 0.1763)


def crossed_lines_40(draw: Draws, space: Space) -> Surface:
    """Two line screens about 40° apart."""
    return _crossed(draw, space, 0.3640)


def guilloche(draw: Draws, space: Space) -> Surface:
    """Thin security-print lines that swing together."""
    swing = np.float32(draw.uniform(0.5, 0.9))
    lines = wave(space.u + swing * wave(space.v * np.float32(draw.uniform(0.25, 0.4))))
    return _ink(draw, step(lines, draw.uniform(0.1, 0.6), 8 * space.pixel))


def _blocks(draw: Draws, column: Index, row: Index, rim: Field, space: Space, joint: float) -> Surface:
    """Blocks of uneven tone with a joint of another tone around them."""
    face = step(rim, joint, _edge(space))
    uneven = cell_noise(draw, column, row) * np.float32(draw.uniform(0.05, 0.3))
    body = np.float32(draw.uniform(0.45, 0.7)) + uneven
    ground = np.float32(draw.uniform(0.05, 0.3) if draw.chance(0.6) else draw.uniform(0.8, 0.95))
    height = np.minimum(rim * np.float32(6), 1) * np.float32(0.4) + face * np.float32(0.6)
    return Surface(mix(ground, body, face), height)


def _bricks(draw: Draws, space: Space, aspect: float, shift: float) -> Surface:
    row = whole(space.v)
    u = space.u * np.float32(1 / aspect) + (row & 1).astype(np.float32) * np.float32(shift)
    across = (np.float32(0.5) - np.abs(centred(u))) * np.float32(aspect)
    rim = np.minimum(across, np.float32(0.5) - np.abs(centred(space.v)))
    return _blocks(draw, whole(u), row, rim, space, draw.uniform(0.05, 0.11))


def brick_running(draw: Draws, space: Space) -> Surface:
    """Bricks with each row shifted by half a brick."""
    return _bricks(draw, space, draw.uniform(1.9, 2.4), 0.5)


def brick_stack(draw: Draws, space: Space) -> Surface:
    """Bricks with aligned joints."""
    return _bricks(draw, space, draw.uniform(1.9, 2.4), 0.0)


def tile_square(draw: Draws, space: Space) -> Surface:
    """Square tiles."""
    return _bricks(draw, space, 1.0, 0.0)


def parquet(draw: Draws, space: Space) -> Surface:
    """Squares of three strips that lie crosswise to those of the next square."""
    square_u, square_v = whole(space.u), whole(space.v)
    turn = ((square_u + square_v) & 1).astype(np.float32)
    along, across = mix(space.u, space.v, turn), mix(space.v, space.u, turn)
    strip = across * np.float32(3)
    rim = np.minimum(np.float32(0.5) - np.abs(centred(along)), (np.float32(0.5) - np.abs(centred(strip))) / 3)
    return _blocks(draw, square_u, square_v * 3 + whole(strip), rim, space, draw.uniform(0.02, 0.05))


def tile_hex(draw: Draws, space: Space) -> Surface:
    """Hexagonal tiles."""
    inner_u, inner_v, column, row = _hexagons(space.u, space.v)
    return _blocks(draw, column, row, _rim(inner_u, inner_v), space, draw.uniform(0.03, 0.08))


def tile_triangle(draw: Draws, space: Space) -> Surface:
    """Triangular tiles."""
    a = space.u + space.v * np.float32(1 / _ROOT3)
    b = space.v * np.float32(2 / _ROOT3)
    upper = (a - np.floor(a) + b - np.floor(b) > 1).astype(np.intp)
    diagonal = a + b
    rim = np.float32(0.5) - np.maximum(np.abs(centred(diagonal)), np.maximum(np.abs(centred(a)), np.abs(centred(b))))
    return _blocks(draw, whole(a) * 2 + upper, whole(b), rim, space, draw.uniform(0.025, 0.06))


def scallop(draw: Draws, space: Space) -> Surface:
    """Round scales, each row over the joints of the next."""
    v = space.v * np.float32(2)
    row = whole(v)
    inner = v - np.floor(v)
    shift = (row & 1).astype(np.float32) * np.float32(0.5)
    own_u, other_u = centred(space.u + shift), centred(space.u + np.float32(0.5) - shift)
    # A scale hangs from its row into the next one; where it ends, the scale below shows.
    hanging = np.sqrt(other_u * other_u + np.float32(0.25) * inner * inner)
    covered = hanging < np.float32(0.5)
    below = np.sqrt(own_u * own_u + np.float32(0.25) * (inner + 1) * (inner + 1))
    rim = np.where(covered, np.float32(0.5) - hanging, np.float32(1.1) - below)
    column = np.where(covered, whole(space.u + np.float32(0.5) - shift), whole(space.u + shift))
    return _blocks(draw, column, row - covered.astype(np.intp), np.maximum(rim, 0), space, draw.uniform(0.03, 0.07))
