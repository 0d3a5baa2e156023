"""What every operator's lowering works with: where values lie, new buffers, copies between layouts, launches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import msgspec
import numpy as np

from bench.backends.opencl.device import Traits
from bench.backends.opencl.expressions import C_TYPES, Program, copying
from bench.backends.opencl.graph import Array, Graph, Lacking, Tensor
from bench.backends.opencl.kernels.elementwise import VECTOR, elementwise
from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import (
    BLOCK,
    Geometry,
    View,
    blocked_parts,
    blocked_view,
    contiguous,
    geometry_view,
    merged,
    picture,
    planar_view,
)
from bench.backends.opencl.plan import Argument, Buffer, Launch, Step, Weight, nbytes
from bench.backends.opencl.tiles import Tiles

# A work-item of an element-wise kernel has this many elements to do at least, and each core some work-items.
_LEAST_PART, _ITEMS_A_CORE = 4096, 4
# Top, left, bottom, right.
Border = tuple[int, int, int, int]


class Home(msgspec.Struct, frozen=True):
    """Where a value lies: row-major without a geometry."""

    place: Buffer | Weight
    geometry: Geometry | None = None


class Builder:
    """Collects the steps of one plan while nodes are gone through in their order."""

    def __init__(self, graph: Graph, traits: Traits, tiles: Tiles, wanted: dict[str, Geometry], samples: int) -> None:
        self.graph, self.traits, self.tiles, self.samples = graph, traits, tiles, samples
        # Geometry that a value should have because of who reads it.
        self.wanted = wanted
        self.steps: list[Step] = []
        self.weights: dict[str, Callable[[], Array]] = {}
        self._homes: dict[str, list[Home]] = {}
        self._settled: list[str] = []
        self._count = 0
        self.label = ""

    # ------------------------------------------------------------------------------------------------- memory

    def buffer(self, size: int, sharing: str = "") -> Buffer:
        """New memory of `size` bytes, at least one."""
        self._count += 1
        return Buffer(self._count, max(size, 1), sharing)

    def weight(self, key: str, make: Callable[[], Array]) -> Weight:
        """Memory that holds what `make` returns, which is called once for all batches and sessions."""
        self.weights.setdefault(key, make)
        return Weight(key)

    def settle(self, name: str, home: Home) -> None:
        """Say where a value lies, or lies as well."""
        self._homes.setdefault(name, []).append(home)
        self._settled.append(name)

    def mark(self) -> tuple[int, int]:
        """Where `go_back` goes back to."""
        return len(self.steps), len(self._settled)

    def go_back(self, mark: tuple[int, int]) -> None:
        """Take back what has been done since, for a node that turned out to be the host's."""
        del self.steps[mark[0] :]
        for name in reversed(self._settled[mark[1] :]):
            self._homes[name].pop()
            if not self._homes[name]:
                del self._homes[name]
        del self._settled[mark[1] :]

    def new_plain(self, name: str) -> Buffer:
        """Memory for a value, row-major. Raises Lacking for types that C does not have."""
        tensor = self.graph.tensor(name)
        if tensor.dtype not in C_TYPES:
            raise Lacking(f"elements of type {tensor.dtype}")
        made = self.buffer(nbytes(tensor.dtype, self.graph.shape(name)))
        self.settle(name, Home(made))
        return made

    def new_blocked(self, name: str, geometry: Geometry, filled: bool = True) -> Buffer:
        """Memory for a picture in blocks; `filled` where all lanes of the last block get written, too."""
        dtype = self.graph.dtype(name)
        sharing = geometry.sharing + ("" if dtype == "float32" or not geometry.sharing else f" {dtype}")
        if sharing and not filled:
            sharing += " unfilled"
        made = self.buffer(np.dtype(dtype).itemsize * self.samples * geometry.sample, sharing)
        self.settle(name, Home(made, geometry))
        return made

    # --------------------------------------------------------------------------------------------- where values lie

    def home(self, name: str) -> Home:
        """Where a value lies, as it was made. Raises Lacking for what only the host has."""
        constant = self.graph.constants.get(name)
        if constant is not None:
            return Home(self.constant(name))
        if name not in self._homes:
            raise Lacking("an operand that only the host has")
        return self._homes[name][0]

    def constant(self, name: str) -> Weight:
        """A constant, as it is."""
        value = self.graph.constants[name]
        if str(value.dtype) not in C_TYPES:
            raise Lacking(f"elements of type {value.dtype}")
        return self.weight(name, lambda: value)

    def plain(self, name: str) -> Buffer | Weight:
        """A value row-major, copied from blocks where it only lies there."""
        home = self.home(name)
        lies: list[Home] = [home, *self._homes.get(name, [])]
        for one in lies:
            if one.geometry is None or one.geometry.is_plain:
                return one.place
        target = self.new_plain(name)
        self._unpack(home, target, name)
        return target

    def blocked(self, name: str, block: int = BLOCK, border: Border = (0, 0, 0, 0)) -> Home:
        """A picture in blocks with at least a border (top, left, bottom, right), copied where it must be."""
        self.home(name)
        for one in self._homes.get(name, ()):
            if one.geometry is not None and one.geometry.block == block and _reaches(one.geometry, border):
                return one
        samples, channels, height, width = picture(self.graph.shape(name))
        wanted = self.wanted.get(name)
        sides = border
        if wanted is not None and wanted.block == block:
            sides = _widest(border, _sides(wanted))
        geometry = Geometry(channels, height, width, block, *sides)
        source = self.plain(name)
        if geometry.is_plain:
            return Home(source, geometry)
        target = self.new_blocked(name, geometry, filled=False)
        sizes = samples, channels, height, width
        program = copying(self.graph.dtype(name))
        self.map_picture(program, sizes, [(source, View(0, contiguous(sizes)))], target, geometry)
        return Home(target, geometry)

    def _unpack(self, home: Home, target: Buffer, name: str) -> None:
        source, geometry, program = home.place, home.geometry, copying(self.graph.dtype(name))
        assert geometry is not None
        samples, channels, height, width = sizes = picture(self.graph.shape(name))
        plain = View(0, contiguous(sizes))
        if geometry.block == 1:
            self.map(program, sizes, [(source, planar_view(geometry))], target, plain)
            return
        for first, blocks, lanes in blocked_parts(channels):
            parts = samples, blocks, height, width, lanes
            # Written row by row: the last axis is the one that is contiguous in the result.
            order = (0, 1, 4, 2, 3)
            views = [_turned(view, order) for view in (geometry_view(geometry, first), blocked_view(plain, first))]
            self.map(program, [parts[axis] for axis in order], [(source, views[0])], target, views[1])

    # -------------------------------------------------------------------------------------------------- launches

    def launch(
        self,
        kernel: Kernel,
        arguments: Sequence[Argument],
        size: Sequence[int],
        writes: Buffer,
        macs: int = 0,
        tiled: tuple[str, Tile | None] = ("", None),
    ) -> None:
        """Add a step; one that has nothing to do is left out."""
        if prod(size) == 0:
            return
        key, tile = tiled
        made = Launch(
            kernel=kernel,
            arguments=tuple(arguments),
            size=tuple(size),
            writes=writes,
            label=self.label,
            macs=macs,
            key=key,
            tile=tile,
        )
        self.steps.append(made)

    def map(
        self,
        program: Program,
        sizes: Sequence[int],
        operands: Sequence[tuple[Buffer | Weight, View]],
        target: Buffer,
        view: View,
    ) -> None:
        """A program for each element of an iteration."""
        if prod(sizes) == 0:
            return
        axes, views = merged(sizes, [*(one for _, one in operands), view])
        inner, rows, outer = axes[-1], axes[-2] if len(axes) > 1 else 1, prod(axes[:-2])
        part, several = self._shares(inner, rows, outer)
        made = elementwise(program, axes, views)
        places = [place for place, _ in operands]
        numbers = [*(one.offset for one in views), inner, rows, part, several]
        size = -(-inner // part), -(-rows // several), outer
        self.launch(made, [*places, target, *numbers], size, target)

    def map_picture(
        self,
        program: Program,
        sizes: tuple[int, int, int, int],
        operands: Sequence[tuple[Buffer | Weight, View | Geometry]],
        target: Buffer,
        geometry: Geometry,
    ) -> None:
        """A program for each element of a picture, into blocks; operands lie in blocks, or where a plain view says."""
        samples, channels, height, width = sizes
        if geometry.block == 1:
            views = [(place, planar_view(v) if isinstance(v, Geometry) else v) for place, v in operands]
            self.map(program, sizes, views, target, planar_view(geometry))
            return
        for first, blocks, lanes in blocked_parts(channels):
            parted = [
                (place, geometry_view(v, first) if isinstance(v, Geometry) else blocked_view(v, first))
                for place, v in operands
            ]
            self.map(program, (samples, blocks, height, width, lanes), parted, target, geometry_view(geometry, first))

    def _shares(self, inner: int, rows: int, outer: int) -> tuple[int, int]:
        """How much of the innermost axis and of the one before a work-item does."""
        items = max(1, min(inner * rows * outer // _LEAST_PART, self.traits.units * _ITEMS_A_CORE))
        if rows * outer >= items:
            return inner, max(1, min(rows, rows * outer // items))
        part = -(-inner // max(1, items // (rows * outer)))
        return -(-part // VECTOR) * VECTOR, 1

    def shape(self, name: str) -> tuple[int, ...]:
        return self.graph.shape(name)

    def tensor(self, name: str) -> Tensor:
        return self.graph.tensor(name)

    def needs(self, condition: bool, what: str) -> None:
        """Raises Lacking with `what` where a condition does not hold."""
        if not condition:
            raise Lacking(what)

    def floats(self, *names: str) -> None:
        """Raises Lacking where a value is not float32."""
        for name in names:
            self.needs(self.graph.dtype(name) == "float32", f"elements of type {self.graph.dtype(name)}")

    def constant_or_lacking(self, name: str, what: str) -> Array:
        """A constant's value. Raises Lacking where the value depends on the data."""
        if name not in self.graph.constants:
            raise Lacking(f"{what} that depend on the data")
        return self.graph.constants[name]


def in_lanes(values: Array, count: int) -> Array:
    """Numbers a channel, filled up with zeros to `count`."""
    full = np.zeros(count, np.float32)
    full[: values.size] = values.ravel()
    return full


def _sides(geometry: Geometry) -> Border:
    return geometry.top, geometry.left, geometry.bottom, geometry.right


def _widest(one: Border, other: Border) -> Border:
    return max(one[0], other[0]), max(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _reaches(geometry: Geometry, border: Border) -> bool:
    return all(there >= asked for there, asked in zip(_sides(geometry), border, strict=True))


def _turned(view: View, order: Sequence[int]) -> View:
    return View(view.offset, tuple(view.strides[axis] for axis in order))
