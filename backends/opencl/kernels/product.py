"""Matrix products: rows as they lie, times a matrix that is packed in columns of sixteen."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.source import Kernel, kernel, read, written
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import BLOCK

_UNROLL = 4
# Fewer accumulators than this wait for one another; each is then split in four.
_ENOUGH = 8


class Product(msgspec.Struct, frozen=True):
    """(batch, rows, depth) times (batch, depth, columns); a side that is the same for all of a batch is `shared`."""

    depth: int
    columns: int
    left_shared: bool = False
    right_shared: bool = True

    @property
    def blocks(self) -> int:
        return -(-self.columns // BLOCK)


def packed_matrix(matrix: NDArray[np.float32], tile: Tile) -> NDArray[np.float32]:
    """[depth][column] as [blocks][depth][block][lane]; columns are filled up with zeros."""
    depth, columns = matrix.shape
    blocks = -(-columns // BLOCK)
    full = np.zeros((depth, blocks * BLOCK), np.float32)
    full[:, :columns] = matrix
    return np.ascontiguousarray(full.reshape(depth, -1, tile.blocks, BLOCK).transpose(1, 0, 2, 3))


def product(layer: Product, tile: Tile, epilogue: Epilogue) -> Kernel:
    """Arguments: left, packed right, the epilogue's operands, result, number of rows, `tile.strips`.

    Global size: groups of `tile.strips` times `tile.pixels` rows, groups of blocks, batch.
    """
    parameters = [read("float", "x"), read("float", "w"), *epilogue.parameters(), written("float", "r")]
    made = kernel("product", [*parameters, "const int rows", "const int strips"], _body(layer, tile, epilogue))
    return Kernel(made.name, _HELP[tile.width] + made.source, made.parameters)


def product_size(layer: Product, tile: Tile, rows: int, batch: int) -> tuple[int, int, int]:
    return -(-rows // (tile.pixels * tile.strips)), layer.blocks // tile.blocks, batch


def _help(width: int) -> str:
    """Vectors of the last columns, of which only some are there; guarded, for several kernels bring them."""
    body = "float t[8]; for(int i=0;i<8;i++) t[i]=i<n?p[i]:0.0f; return vload8(0,t);"
    eight = (
        "#ifndef EIGHT\n#define EIGHT\n"
        f"inline float8 get8(__global const float* p, int n) {{ if(n>=8) return vload8(0,p); {body} }}\n"
        "inline void put8(float8 v, __global float* p, int n) {\n"
        " if(n>=8) { vstore8(v,0,p); return; } float t[8]; vstore8(v,0,t); for(int i=0;i<n;i++) p[i]=t[i]; }\n"
        "#endif\n"
    )
    if width == 8:
        return eight
    return eight + (
        "#ifndef SIXTEEN\n#define SIXTEEN\n"
        "inline float16 get16(__global const float* p, int n) { return (float16)(get8(p,n),get8(p+8,n-8)); }\n"
        "inline void put16(float16 v, __global float* p, int n) { put8(v.lo,p,n); if(n>8) put8(v.hi,p+8,n-8); }\n"
        "#endif\n"
    )


_HELP = {width: _help(width) for width in (8, 16)}


def _body(layer: Product, tile: Tile, epilogue: Epilogue) -> Iterator[str]:
    vector, parts = tile.vector, tile.parts
    split = 1 if tile.pixels * tile.blocks * parts >= _ENOUGH else _UNROLL
    places = [(r, q, h) for r in range(tile.pixels) for q in range(tile.blocks) for h in range(parts)]
    yield "const int group=get_global_id(1); const long n=get_global_id(2);"
    yield f"const int tiles=(rows+{tile.pixels - 1})/{tile.pixels};"
    yield "const int last=min((int)get_global_id(0)*strips+strips,tiles);"
    yield "for(int strip=get_global_id(0)*strips;strip<last;strip++){"
    yield f"const int row=min(strip*{tile.pixels},rows-{tile.pixels});"
    left = "0" if layer.left_shared else "n*rows"
    yield f"__global const float* a=x+({left}+row)*{layer.depth};"
    right = "" if layer.right_shared else f"n*{layer.blocks * layer.depth * BLOCK}+"
    right += f"(long)group*{layer.depth * tile.blocks * BLOCK}"
    yield f"__global const {vector}* wp=(__global const {vector}*)(w+{right});"
    for r, q, h in places:
        yield "".join(f"{vector} c{r}_{q}_{h}_{s}=({vector})(0.0f);" for s in range(split))
    yield "int k=0;"
    yield f"for(;k+{_UNROLL}<={layer.depth};k+={_UNROLL}){{"
    for u in range(_UNROLL):
        yield from _multiplied(layer, tile, u, u % split)
    yield f"wp+={_UNROLL * tile.blocks * parts};}}"
    if layer.depth % _UNROLL:
        yield f"for(;k<{layer.depth};k++){{"
        yield from _multiplied(layer, tile, 0, 0)
        yield f"wp+={tile.blocks * parts};}}"
    for r, q, h in places:
        sums = "+".join(f"c{r}_{q}_{h}_{s}" for s in range(split))
        yield f"{{const {vector} c={sums};"
        yield f"const int column=(group*{tile.blocks}+{q})*{BLOCK}+{h * tile.width}, left={layer.columns}-column;"
        yield f"const long o=(n*rows+row+{r})*{layer.columns}+column;"

        def load(k: int) -> str:
            if epilogue.others[k]:
                return f"get{tile.width}(e{k}+o,left)"
            return f"*(__global const {vector}*)(e{k}+column)"

        lines, name = epilogue.applied("c", tile.width, load, "t")
        yield from lines
        yield f"put{tile.width}({name},r+o,left);}}"
    yield "}"


def _multiplied(layer: Product, tile: Tile, u: int, s: int) -> Iterator[str]:
    """One column of the left side times one row of the right."""
    yield "{"
    for q in range(tile.blocks):
        for h in range(tile.parts):
            yield f"const {tile.vector} w{q}_{h}=wp[{(u * tile.blocks + q) * tile.parts + h}];"
    for r in range(tile.pixels):
        products = "".join(f"c{r}_{q}_{h}_{s}+=v*w{q}_{h};" for q in range(tile.blocks) for h in range(tile.parts))
        yield f"{{const float v=a[k+{u}+{r * layer.depth}];{products}}}"
    yield "}"
