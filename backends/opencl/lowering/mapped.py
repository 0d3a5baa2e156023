"""Element-wise programs, in the layout that their largest operands have or their readers want."""

from __future__ import annotations

from bench.backends.opencl.graph import Node
from bench.backends.opencl.layout import BLOCK, Geometry, View, broadcast, contiguous, picture
from bench.backends.opencl.lowering.builder import Builder
from bench.backends.opencl.plan import Buffer, Weight


def lower_mapped(build: Builder, node: Node) -> None:
    """A program for each element of its result."""
    assert node.program is not None
    geometry = _geometry(build, node)
    shape = build.shape(node.output)
    if geometry is None:
        operands = [(build.plain(name), broadcast(build.shape(name), shape)) for name in node.inputs]
        target = build.new_plain(node.output)
        build.map(node.program, shape, operands, target, View(0, contiguous(shape)))
        return
    sizes = picture(shape)
    placed = [_placed(build, name, sizes, len(shape)) for name in node.inputs]
    target = build.new_blocked(node.output, geometry, filled=False)
    build.map_picture(node.program, sizes, placed, target, geometry)


def _geometry(build: Builder, node: Node) -> Geometry | None:
    """Blocks where an operand of the result's shape lies in blocks, or where the readers want them."""
    shape = build.shape(node.output)
    if len(shape) not in (3, 4) or build.graph.dtype(node.output) not in ("float32", "int16", "half"):
        return None
    wanted = build.wanted.get(node.output)
    homes = [build.home(name).geometry for name in node.inputs if build.shape(name) == shape]
    lies_in_blocks = any(one is not None and one.block == BLOCK for one in homes)
    if lies_in_blocks and (wanted is None or wanted.block != BLOCK):
        return Geometry(*picture(shape)[1:])
    return wanted


def _placed(
    build: Builder, name: str, sizes: tuple[int, int, int, int], rank: int
) -> tuple[Buffer | Weight, View | Geometry]:
    """An operand where it lies, if that is as large as the result; repeated from its row-major form otherwise."""
    shape = build.shape(name)
    full = (*[1] * (rank - len(shape)), *shape)
    same = picture(full) == sizes
    home = build.home(name)
    if same and home.geometry is not None and home.geometry.block == BLOCK:
        return home.place, home.geometry
    return build.plain(name), broadcast(picture(full), sizes)
