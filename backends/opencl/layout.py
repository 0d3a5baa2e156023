"""How values lie in the device's memory: plain (row-major), or in blocks of channels with a border of zeros."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import msgspec

BLOCK = 16


class Geometry(msgspec.Struct, frozen=True):
    """A picture in blocks of `block` channels (16, or 1: planes) with a border of zeros around each plane.

    Memory is [sample][block][top + height + bottom][left + width + right][channel in block]. A sequence is a picture
    of height 1. Channels that fill up the last block hold finite numbers that nothing may depend on.
    """

    channels: int
    height: int
    width: int
    block: int = BLOCK
    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    @property
    def blocks(self) -> int:
        return -(-self.channels // self.block)

    @property
    def rows(self) -> int:
        return self.top + self.height + self.bottom

    @property
    def columns(self) -> int:
        return self.left + self.width + self.right

    @property
    def plane(self) -> int:
        """Elements of one block of channels."""
        return self.rows * self.columns * self.block

    @property
    def sample(self) -> int:
        """Elements of one sample."""
        return self.blocks * self.plane

    @property
    def first(self) -> int:
        """Where the first pixel lies, behind the border."""
        return (self.top * self.columns + self.left) * self.block

    @property
    def bordered(self) -> bool:
        return bool(self.top or self.left or self.bottom or self.right)

    @property
    def is_plain(self) -> bool:
        """Whether the memory is the same as row-major [sample][channel][row][column]."""
        one_pixel = self.height == self.width == 1 and self.channels % self.block == 0
        return not self.bordered and (self.block == 1 or one_pixel)

    @property
    def sharing(self) -> str:
        """Which buffers may lie in the same memory: border and filling stay what they are; "" for any."""
        if not self.bordered and self.channels % self.block == 0:
            return ""
        return "x".join(str(one) for one in msgspec.structs.astuple(self))


class View(msgspec.Struct, frozen=True):
    """Where the elements of an iteration lie in a buffer: a first one, and a step per axis; 0 repeats."""

    offset: int
    strides: tuple[int, ...]


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides, in elements."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def broadcast(shape: Sequence[int], target: Sequence[int]) -> View:
    """A plain tensor as it is repeated to a shape."""
    full = (*[1] * (len(target) - len(shape)), *shape)
    axes = zip(full, target, contiguous(full), strict=True)
    return View(0, tuple(0 if size == 1 and wide != 1 else step for size, wide, step in axes))


def picture(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Samples, channels, height and width of a tensor of three or four axes."""
    samples, channels, *pixels = shape
    height, width = pixels if len(pixels) == 2 else (1, *pixels)
    return samples, channels, height, width


def blocked_parts(channels: int) -> list[tuple[int, int, int]]:
    """First channel, blocks and lanes of the parts of a picture in blocks: whole blocks, the rest."""
    whole, rest = divmod(channels, BLOCK)
    parts = [(0, whole, BLOCK)] if whole else []
    return [*parts, (whole * BLOCK, 1, rest)] if rest else parts


def blocked_view(view: View, first: int) -> View:
    """A view over (sample, channel, row, column) as one over (sample, block, row, column, lane) from a channel on."""
    sample, channel, row, column = view.strides
    return View(view.offset + first * channel, (sample, BLOCK * channel, row, column, channel))


def geometry_view(geometry: Geometry, first: int) -> View:
    """A blocked picture over (sample, block, row, column, lane) from a channel on."""
    assert geometry.block == BLOCK
    offset = geometry.first + first // BLOCK * geometry.plane
    return View(offset, (geometry.sample, geometry.plane, geometry.columns * BLOCK, BLOCK, 1))


def planar_view(geometry: Geometry) -> View:
    """Planes over (sample, channel, row, column)."""
    assert geometry.block == 1
    return View(geometry.first, (geometry.sample, geometry.plane, geometry.columns, 1))


def merged(sizes: Sequence[int], views: Sequence[View]) -> tuple[tuple[int, ...], list[View]]:
    """The same iteration with as few axes as can be: those of one step dropped, neighbours joined; one at least."""
    axes: list[tuple[int, list[int]]] = []
    for axis, size in enumerate(sizes):
        steps = [view.strides[axis] for view in views]
        if size == 1:
            continue
        if axes and all(outer == inner * size for outer, inner in zip(axes[-1][1], steps, strict=True)):
            axes[-1] = axes[-1][0] * size, steps
        else:
            axes.append((size, steps))
    axes = axes or [(1, [1] * len(views))]
    strides = zip(*(steps for _, steps in axes), strict=True) if views else []
    return (
        tuple(size for size, _ in axes),
        [View(view.offset, tuple(steps)) for view, steps in zip(views, strides, strict=True)],
    )
