"""Winograd's F(2x2, 3x3): four results of a 3x3 convolution from sixteen products instead of thirty-six.

Pictures are cut into squares of four by four pixels that overlap by two, each square is turned into sixteen numbers a
channel (`winograd_in`), these are multiplied by sixteen matrices, each for itself (`products`: a convolution of single
pixels), and come back as two by two results (`winograd_out`). Lavin and Gray, Fast Algorithms for Convolutional Neural
Networks (2016), section 4.1, whose matrices B, G and A these are. Sums are other ones than those of the direct way:
results differ in the last bits of fp32.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.opencl.kernels.convolution import Convolution, packed_weights
from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.source import Kernel, kernel, read, written
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import BLOCK, Geometry

POINTS = 16
_WIDTH = 8
_PARTS = BLOCK // _WIDTH
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


class Winograd(msgspec.Struct, frozen=True):
    """A 3x3 convolution of stride one, in blocks of channels and without groups, cut into squares."""

    layer: Convolution

    @property
    def down(self) -> int:
        """Squares below one another."""
        return -(-self.layer.result.height // 2)

    @property
    def across(self) -> int:
        """Squares beside one another."""
        return -(-self.layer.result.width // 2)

    @property
    def products(self) -> Convolution:
        """The sixteen products, as a convolution of sixteen pictures of one row that have weights of their own."""
        one_row = {"height": 1, "width": self.down * self.across}
        return Convolution(
            source=Geometry(channels=self.layer.source.channels, block=BLOCK, **one_row),
            result=Geometry(channels=self.layer.result.channels, **one_row),
            kernel=(1, 1),
            matrices=POINTS,
        )

    def nbytes(self, channels: Geometry, samples: int) -> int:
        """Memory of what goes into the products, or comes out of them."""
        return 4 * samples * POINTS * channels.blocks * self.down * self.across * BLOCK

    def size(self, side: Geometry, samples: int) -> tuple[int, int, int]:
        """Global size of the kernel on that side of the products."""
        return self.down, side.blocks, samples


def possible(layer: Convolution) -> bool:
    """Whether a layer is what `Winograd` takes."""
    plain = layer.strides == layer.dilations == (1, 1) and layer.groups == 1
    return plain and layer.kernel == (3, 3) and layer.source.block == BLOCK


def turned_weights(weights: NDArray[np.float32], products: Convolution, tile: Tile) -> NDArray[np.float32]:
    """[out][in][3][3] as sixteen matrices, packed as `packed_weights` packs one."""
    turned = np.einsum("ia,ocab,jb->ijoc", _G, weights.astype(np.float64), _G).astype(np.float32)
    matrices = turned.reshape(POINTS, *weights.shape[:2], 1, 1)
    return np.stack([packed_weights(matrix, products, tile) for matrix in matrices])


def winograd_in(one: Winograd) -> Kernel:
    """Arguments: input, numbers of the squares. Size: `Winograd.size` of the source."""
    parameters = [read("float8", "x"), written("float8", "r")]
    return kernel("winograd_in", parameters, _turned_in(one))


def winograd_out(one: Winograd, epilogue: Epilogue) -> Kernel:
    """Arguments: products, bias, the epilogue's operands, result. Size: `Winograd.size` of the result."""
    parameters = [read("float8", "x"), read("float8", "b"), *epilogue.parameters(), written(epilogue.ctype, "r")]
    return kernel("winograd_out", parameters, _turned_out(one, epilogue))


def _square(one: Winograd, blocks: int, point: int) -> str:
    """Where a number of the square at (ty, tx) lies, in vectors."""
    squares = one.down * one.across
    return f"(((n*{POINTS}+{point})*{blocks}+block)*{squares}+ty*{one.across}+tx)*{_PARTS}+h"


def _over_squares(one: Winograd) -> Iterator[str]:
    yield "const int ty=get_global_id(0), block=get_global_id(1); const long n=get_global_id(2);"
    yield f"for(int tx=0;tx<{one.across};tx++) for(int h=0;h<{_PARTS};h++){{"


def _turned_in(one: Winograd) -> Iterator[str]:
    source, pads = one.layer.source, one.layer.pads
    yield from _over_squares(one)
    yield f"__global const float8* in=x+(n*{source.blocks}+block)*{source.plane // _WIDTH}+h;"
    first = (source.top - pads[0], source.left - pads[1])
    for i in range(4):
        row = _within(f"2*ty+{first[0] + i}", 2 * one.down - 2 + first[0] + i, source.rows)
        yield f"const long y{i}=(long)({row})*{source.columns};"
        column = _within(f"2*tx+{first[1] + i}", 2 * one.across - 2 + first[1] + i, source.columns)
        yield f"const int x{i}={column};"
    for j in range(4):
        for i in range(4):
            yield f"const float8 d{i}{j}=in[(y{i}+x{j})*{_PARTS}];"
        yield f"const float8 a0{j}=d0{j}-d2{j}, a1{j}=d1{j}+d2{j}, a2{j}=d2{j}-d1{j}, a3{j}=d1{j}-d3{j};"
    for i in range(4):
        sums = (f"a{i}0-a{i}2", f"a{i}1+a{i}2", f"a{i}2-a{i}1", f"a{i}1-a{i}3")
        for j, one_sum in enumerate(sums):
            yield f"r[{_square(one, source.blocks, 4 * i + j)}]={one_sum};"
    yield "}"


def _within(index: str, most: int, count: int) -> str:
    """An index that may lead behind the picture, where squares reach beyond it: what they read there goes nowhere."""
    return index if most < count else f"min({index},{count - 1})"


def _turned_out(one: Winograd, epilogue: Epilogue) -> Iterator[str]:
    result = one.layer.result
    yield from _over_squares(one)
    for i in range(4):
        for j in range(4):
            yield f"const float8 m{i}{j}=x[{_square(one, result.blocks, 4 * i + j)}];"
    for j in range(4):
        yield f"const float8 s0{j}=m0{j}+m1{j}+m2{j}, s1{j}=m1{j}-m2{j}-m3{j};"
    yield f"const float8 bias=b[block*{_PARTS}+h];"
    for i in range(2):
        for j, one_sum in enumerate((f"s{i}0+s{i}1+s{i}2", f"s{i}1-s{i}2-s{i}3")):
            beyond = [
                f"2*{index}+1<{count}"
                for index, count, far in (("ty", result.height, i), ("tx", result.width, j))
                if far and count % 2
            ]
            yield f"if({'&&'.join(beyond)})" if beyond else ""
            yield f"{{const float8 c={one_sum}+bias;"
            yield from _stored(one, epilogue, i, j)
            yield "}"
    yield "}"


def _stored(one: Winograd, epilogue: Epilogue, i: int, j: int) -> Iterator[str]:
    def load(k: int, ctype: str) -> str:
        other = epilogue.others[k]
        inside = _pixel(other, i, j) if isinstance(other, Geometry) else f"block*{BLOCK}+h*{_WIDTH}"
        return f"*(__global const {ctype}{_WIDTH}*)(e{k}+{inside})"

    lines, name = epilogue.applied("c", _WIDTH, load, "t")
    yield from lines
    yield f"*(__global {epilogue.ctype}8*)(r+{_pixel(one.layer.result, i, j)})={name};"


def _pixel(geometry: Geometry, i: int, j: int) -> str:
    row = f"((n*{geometry.blocks}+block)*{geometry.rows}+2*ty+{i + geometry.top})*{geometry.columns}"
    return f"({row}+2*tx+{j + geometry.left})*{BLOCK}+h*{_WIDTH}"
