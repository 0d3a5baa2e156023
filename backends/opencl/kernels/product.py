"""Matrix products: rows as they lie, times a matrix that is packed in columns of sixteen."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from bench.backends.opencl.graph import Array
from bench.backends.opencl.kernels.arithmetic import FLOATS, Arithmetic
from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.source import Kernel, kernel, read, written
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import BLOCK

_UNROLL = 4
# Fewer accumulators than this wait for one another; each is then split in four.
_ENOUGH = 8


class Product(msgspec.Struct, frozen=True):
    """(batch, rows, depth) times (batch, depth, columns); a side that is the same for all of a batch is `shared`.

    `depth` counts what is multiplied at once: numbers, or pairs of them.
    """

    depth: int
    columns: int
    left_shared: bool = False
    right_shared: bool = True

    @property
    def blocks(self) -> int:
        return -(-self.columns // BLOCK)


def packed_matrix(matrix: Array, tile: Tile) -> Array:
    """[depth][column] as [blocks][depth][block][lane]; columns are filled up with zeros."""
    depth, columns = matrix.shape
    blocks = -(-columns // BLOCK)
    full = np.zeros((depth, blocks * BLOCK), matrix.dtype)
    full[:, :columns] = matrix
    return np.ascontiguousarray(full.reshape(depth, -1, tile.blocks, BLOCK).transpose(1, 0, 2, 3))


def packed_pairs_of_rows(matrix: Array, tile: Tile) -> Array:
    """As `packed_matrix`, of short numbers, with those of two neighbouring rows side by side."""
    packed = packed_matrix(matrix, tile)
    blocks, depth = packed.shape[:2]
    return np.ascontiguousarray(packed.reshape(blocks, depth // 2, 2, tile.blocks, BLOCK).transpose(0, 1, 3, 4, 2))


def product(layer: Product, tile: Tile, epilogue: Epilogue, kind: Arithmetic = FLOATS) -> Kernel:
    """Arguments: left, packed right, the epilogue's operands, result, number of rows, `tile.strips`.

    Global size: groups of `tile.strips` times `tile.pixels` rows, groups of blocks, batch.
    """
    parameters = [read(kind.taken, "x"), read(kind.taken, "w"), *epilogue.parameters(), written(epilogue.ctype, "r")]
    parameters += ["const int rows", "const int strips"]
    before = kind.functions + "".join(_read(one, tile.width) for one in epilogue.large())
    before += _written(epilogue.ctype, tile.width)
    return kernel(kind.kernel("product"), parameters, _body(layer, tile, epilogue, kind), before)


def product_size(layer: Product, tile: Tile, rows: int, batch: int) -> tuple[int, int, int]:
    return -(-rows // (tile.pixels * tile.strips)), layer.blocks // tile.blocks, batch


def _read(ctype: str, width: int) -> str:
    """Vectors of the last columns, of which only some are there; guarded, for several kernels bring them."""
    name, guard = f"get_{ctype}", f"GET_{ctype.upper()}"
    eight = (
        f"#ifndef {guard}8\n#define {guard}8\n"
        f"inline {ctype}8 {name}8(__global const {ctype}* p, int n) {{\n"
        f" if(n>=8) return vload8(0,p); {ctype} t[8]; for(int i=0;i<8;i++) t[i]=i<n?p[i]:({ctype})0;"
        " return vload8(0,t); }\n"
        "#endif\n"
    )
    if width == 8:
        return eight
    return eight + (
        f"#ifndef {guard}16\n#define {guard}16\n"
        f"inline {ctype}16 {name}16(__global const {ctype}* p, int n) {{\n"
        f" return ({ctype}16)({name}8(p,n),{name}8(p+8,n-8)); }}\n"
        "#endif\n"
    )


def _written(ctype: str, width: int) -> str:
    """The same for what is stored, whatever it is of."""
    name, guard = f"put_{ctype}", f"PUT_{ctype.upper()}"
    eight = (
        f"#ifndef {guard}8\n#define {guard}8\n"
        f"inline void {name}8({ctype}8 v, __global {ctype}* p, int n) {{\n"
        f" if(n>=8) {{ vstore8(v,0,p); return; }} {ctype} t[8]; vstore8(v,0,t); for(int i=0;i<n;i++) p[i]=t[i]; }}\n"
        "#endif\n"
    )
    if width == 8:
        return eight
    return eight + (
        f"#ifndef {guard}16\n#define {guard}16\n"
        f"inline void {name}16({ctype}16 v, __global {ctype}* p, int n) {{\n"
        f" {name}8(v.lo,p,n); if(n>8) {name}8(v.hi,p+8,n-8); }}\n"
        "#endif\n"
    )


def _body(layer: Product, tile: Tile, epilogue: Epilogue, kind: Arithmetic) -> Iterator[str]:
    vector, total, parts = f"{kind.taken}{tile.width}", f"{kind.total}{tile.width}", tile.parts
    split = 1 if tile.pixels * tile.blocks * parts >= _ENOUGH else _UNROLL
    places = [(r, q, h) for r in range(tile.pixels) for q in range(tile.blocks) for h in range(parts)]
    yield "const int group=get_global_id(1); const long n=get_global_id(2);"
    yield f"const int tiles=(rows+{tile.pixels - 1})/{tile.pixels};"
    yield "const int last=min((int)get_global_id(0)*strips+strips,tiles);"
    yield "for(int strip=get_global_id(0)*strips;strip<last;strip++){"
    yield f"const int row=min(strip*{tile.pixels},rows-{tile.pixels});"
    left = "0" if layer.left_shared else "n*rows"
    yield f"__global const {kind.taken}* a=x+({left}+row)*{layer.depth};"
    right = "" if layer.right_shared else f"n*{layer.blocks * layer.depth * BLOCK}+"
    right += f"(long)group*{layer.depth * tile.blocks * BLOCK}"
    yield f"__global const {vector}* wp=(__global const {vector}*)(w+{right});"
    for r, q, h in places:
        yield "".join(f"{total} c{r}_{q}_{h}_{s}=({total})(0);" for s in range(split))
    yield "int k=0;"
    yield f"for(;k+{_UNROLL}<={layer.depth};k+={_UNROLL}){{"
    for u in range(_UNROLL):
        yield from _multiplied(layer, tile, kind, u, u % split)
    yield f"wp+={_UNROLL * tile.blocks * parts};}}"
    if layer.depth % _UNROLL:
        yield f"for(;k<{layer.depth};k++){{"
        yield from _multiplied(layer, tile, kind, 0, 0)
        yield f"wp+={tile.blocks * parts};}}"
    for r, q, h in places:
        sums = "+".join(f"c{r}_{q}_{h}_{s}" for s in range(split))
        yield f"{{const {total} c={sums};"
        yield f"const int column=(group*{tile.blocks}+{q})*{BLOCK}+{h * tile.width}, left={layer.columns}-column;"
        yield f"const long o=(n*rows+row+{r})*{layer.columns}+column;"

        def load(k: int, ctype: str) -> str:
            if epilogue.others[k]:
                return f"get_{ctype}{tile.width}(e{k}+o,left)"
            return f"*(__global const {ctype}{tile.width}*)(e{k}+column)"

        lines, name = epilogue.applied("c", tile.width, load, "t")
        yield from lines
        yield f"put_{epilogue.ctype}{tile.width}({name},r+o,left);}}"
    yield "}"


def _multiplied(layer: Product, tile: Tile, kind: Arithmetic, u: int, s: int) -> Iterator[str]:
    """One column of the left side times one row of the right."""
    yield "{"
    for q in range(tile.blocks):
        for h in range(tile.parts):
            weights = kind.summed(kind.taken, f"wp[{(u * tile.blocks + q) * tile.parts + h}]", tile.width)
            yield f"const {kind.total}{tile.width} w{q}_{h}={weights};"
    for r in range(tile.pixels):
        places = [(q, h) for q in range(tile.blocks) for h in range(tile.parts)]
        products = "".join(kind.added(f"c{r}_{q}_{h}_{s}", "v", f"w{q}_{h}") for q, h in places)
        yield f"{{const {kind.total} v=a[k+{u}+{r * layer.depth}];{products}}}"
    yield "}"
