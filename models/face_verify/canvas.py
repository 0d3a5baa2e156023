"""The flat map on which a face is painted, and the soft shapes it is painted with, for a batch of faces at once.

Only sums, products, quotients, square roots and table look-ups in float32: every IEEE machine paints the same bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# All are float32. Any: the stubs of numpy take sums of such arrays and Python numbers for float64.
Field = NDArray[np.floating[Any]]
# One number a face, each (faces, 1, 1), by name.
Look = dict[str, Field]

# The map: half the width of a face is about 1, u to the right, v down, the eyes near v = -0.1, the chin near 1.2.
ROWS, COLUMNS, SCALE = 136, 112, 44.0
_U: Field = (np.arange(COLUMNS, dtype=np.float32) - np.float32(55.5)) * np.float32(1 / SCALE)
_V: Field = (np.arange(ROWS, dtype=np.float32) - np.float32(68)) * np.float32(1 / SCALE)
ROW_OF_ZERO, COLUMN_OF_ZERO = 68.0, 55.5


class Window(NamedTuple):
    """A part of the map: coordinates u (1, 1, w), v (1, h, 1); `mirrored` ones are painted on both sides."""

    rows: slice
    columns: slice
    u: Field
    v: Field
    mirrored: bool


def window(left: float, right: float, top: float, bottom: float, mirrored: bool = False) -> Window:
    """The window between four map coordinates; a mirrored one lies on the side of positive u."""
    first, last = (int(np.searchsorted(_U, end)) for end in (left, right))
    upper, lower = (int(np.searchsorted(_V, end)) for end in (top, bottom))
    rows, columns = slice(upper, lower), slice(first, last)
    return Window(rows, columns, _U[None, None, columns], _V[None, rows, None], mirrored)


WHOLE = window(-9.0, 9.0, -9.0, 9.0)


def mirrored(columns: slice) -> slice:
    """The columns on the other side of the face."""
    return slice(COLUMNS - columns.stop, COLUMNS - columns.start)


def parts(plane: Field, place: Window) -> list[Field]:
    """Views (faces, h, w) of a plane in a window: one, or the right and the mirrored left one."""
    right = plane[:, place.rows, place.columns]
    if not place.mirrored:
        return [right]
    left = plane[:, place.rows, mirrored(place.columns)]
    return [right, left[:, :, ::-1]]


def add(plane: Field, place: Window, amount: Field) -> None:
    """Add to a plane within a window."""
    for part in parts(plane, place):
        part += amount


def cover(plane: Field, place: Window, value: Field | float, share: Field) -> None:
    """Replace `share` of a plane by `value` within a window."""
    for part in parts(plane, place):
        part += (value - part) * share


def edge(distance: Field) -> Field:
    """1 where a map distance is positive, 0 where it is negative, with a ramp one map pixel wide."""
    ramp = distance * np.float32(SCALE)
    ramp += np.float32(0.5)
    np.clip(ramp, 0, 1, out=ramp)
    return ramp


def line(distance: Field, width: float | Field) -> Field:
    """1 on a line, falling to 0 at `width` on both sides of it."""
    result = np.abs(distance)
    result /= width
    np.subtract(np.float32(1), result, out=result)
    np.clip(result, 0, 1, out=result)
    return result


def bump(x: Field) -> Field:
    """A smooth bell: 1 at 0, and 0 from ±1 on."""
    result = 1 - x * x
    np.maximum(result, 0, out=result)
    result *= result
    return result


def ramp(x: Field) -> Field:
    """x, held between 0 and 1."""
    result: Field = np.clip(x, 0, 1)
    return result


def choose(look: Look, faces: NDArray[np.intp]) -> Look:
    """The numbers of some of the faces."""
    return {name: values[faces] for name, values in look.items()}
