"""Direct convolution of pictures in blocks of channels, any kernel, stride, dilation and groups of whole blocks.

A work-item holds a strip of pixels times some blocks of channels in registers, each a variable with a name (a private
array would spill), and goes through the input's channels once. The border of zeros around the input saves every check.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from bench.backends.opencl.graph import Array
from bench.backends.opencl.kernels.arithmetic import FLOATS, Arithmetic
from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.source import Kernel, kernel, read, written
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import BLOCK, Geometry

_UNROLL = 4
# Taps of a row that are written out one by one: the hundreds of a window of sound would not fit the instruction cache.
_MOST_SPELT_OUT = 16


class Convolution(msgspec.Struct, frozen=True):
    """One layer; sizes are (vertical, horizontal), `pads` those at the top and at the left.

    With several `matrices` samples take these in turn: each has weights for all groups.
    """

    source: Geometry
    result: Geometry
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)
    groups: int = 1
    matrices: int = 1

    @property
    def source_blocks(self) -> int:
        """Of one group."""
        return self.source.blocks // self.groups

    @property
    def result_blocks(self) -> int:
        """Of one group."""
        return self.result.blocks // self.groups

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample, without those of filled-up channels."""
        pixels = self.result.height * self.result.width
        return pixels * self.result.channels * self.source.channels // self.groups * self.kernel[0] * self.kernel[1]

    def flattened(self, others: tuple[Geometry | bool | None, ...]) -> Convolution:
        """Where each pixel is by itself, the same with the whole picture as one row: strips then run over row ends."""
        simple = self.kernel == self.strides == (1, 1) and not self.source.bordered and not self.result.bordered
        if not simple or self.pads != (0, 0) or any(isinstance(o, Geometry) and o.bordered for o in others):
            return self
        source, result = (
            msgspec.structs.replace(one, height=1, width=one.height * one.width) for one in (self.source, self.result)
        )
        return msgspec.structs.replace(self, source=source, result=result)

    def strips(self, tile: Tile) -> int:
        """Strips of one sample and block."""
        return -(-self.result.width // tile.pixels) * self.result.height

    def size(self, tile: Tile, samples: int) -> tuple[int, int, int]:
        """Global size."""
        return -(-self.strips(tile) // tile.strips), self.result.blocks // tile.blocks, samples


def packed_weights(weights: Array, layer: Convolution, tile: Tile) -> Array:
    """[out][in][vertical][horizontal] as [blocks out][blocks in][vertical][horizontal][lane in][block][lane out]."""
    inside = layer.source.block
    out = layer.result.blocks * BLOCK
    full = np.zeros((out, layer.source_blocks * inside, *layer.kernel), weights.dtype)
    full[: weights.shape[0], : weights.shape[1]] = weights.reshape(*weights.shape[:2], *layer.kernel)
    parted = full.reshape(-1, tile.blocks, BLOCK, layer.source_blocks, inside, *layer.kernel)
    return np.ascontiguousarray(parted.transpose(0, 3, 5, 6, 4, 1, 2))


def packed_pairs(weights: Array, layer: Convolution, tile: Tile) -> Array:
    """As `packed_weights`, of short numbers, with those of two neighbouring lanes in side by side."""
    packed = packed_weights(weights, layer, tile)
    paired = packed.reshape(*packed.shape[:4], -1, 2, *packed.shape[5:])
    return np.ascontiguousarray(np.moveaxis(paired, 5, -1))


def convolution(layer: Convolution, tile: Tile, epilogue: Epilogue, kind: Arithmetic = FLOATS) -> Kernel:
    """Arguments: input, weights, bias, the epilogue's operands, result, `tile.strips`. Size: `Convolution.size`."""
    parameters = [read(kind.taken, "x"), read(kind.taken, "w"), read(kind.total, "b"), *epilogue.parameters()]
    parameters += [written(epilogue.ctype, "r"), "const int strips"]
    return kernel(kind.kernel("conv"), parameters, _body(layer, tile, epilogue, kind), kind.functions)


def _body(layer: Convolution, tile: Tile, epilogue: Epilogue, kind: Arithmetic) -> Iterator[str]:
    source, result = layer.source, layer.result
    vector, total = f"{kind.taken}{tile.width}", f"{kind.total}{tile.width}"
    in_row = -(-result.width // tile.pixels)
    yield "const int group=get_global_id(1), n=get_global_id(2);"
    yield f"const int last=min((int)get_global_id(0)*strips+strips,{in_row * result.height});"
    yield "for(int strip=get_global_id(0)*strips;strip<last;strip++){"
    # The last strip of a row is moved back to end with it: a few pixels are computed twice, to the same numbers.
    yield f"const int y=strip/{in_row}, at=min((strip%{in_row})*{tile.pixels},{result.width - tile.pixels});"
    block = f"n*{source.blocks}"
    if layer.groups > 1:
        block += f"+group*{tile.blocks}/{layer.result_blocks}*{layer.source_blocks}"
    row = f"y*{layer.strides[0]}+{source.top - layer.pads[0]}"
    column = f"at*{layer.strides[1]}+{source.left - layer.pads[1]}"
    lanes = source.block // kind.many
    yield f"__global const {kind.taken}* in=x+(long)({block})*{source.plane // kind.many}"
    yield f" +(({row})*{source.columns}+{column})*{lanes};"
    taps = layer.kernel[0] * layer.kernel[1] * lanes
    matrix = f"n%{layer.matrices}*{result.blocks // tile.blocks}+" if layer.matrices > 1 else ""
    yield f"__global const {vector}* wp=(__global const {vector}*)(w+(long)({matrix}group)*"
    yield f" {layer.source_blocks * taps * tile.blocks * BLOCK});"
    for r, q, h in _places(tile):
        bias = f"((__global const {total}*)b)[(group*{tile.blocks}+{q})*{tile.parts}+{h}]"
        yield f"{total} c{r}_{q}_{h}={bias};"
    yield from _products(layer, tile, kind)
    yield from _stores(layer, tile, epilogue)
    yield "}"


def _places(tile: Tile) -> Iterator[tuple[int, int, int]]:
    """Pixel, block and part of every accumulator."""
    return ((r, q, h) for r in range(tile.pixels) for q in range(tile.blocks) for h in range(tile.parts))


def _products(layer: Convolution, tile: Tile, kind: Arithmetic) -> Iterator[str]:
    source, (high, wide) = layer.source, layer.kernel
    lanes = source.block // kind.many
    yield f"for(int block=0;block<{layer.source_blocks};block++){{"
    yield f"for(int ky=0;ky<{high};ky++){{"
    row = f"in+(long)block*{source.plane // kind.many}+ky*{layer.dilations[0] * source.columns * lanes}"
    step = layer.dilations[1] * lanes
    if source.block == 1:
        yield f"__global const float* a={row};"
        whole = wide - wide % _UNROLL if wide > _MOST_SPELT_OUT else 0
        if whole:
            yield f"for(int kx=0;kx<{whole};kx+={_UNROLL}){{"
            for u in range(_UNROLL):
                yield from _multiplied(layer, tile, kind, u, f"kx*{step}+{u * step}")
            yield f"wp+={_UNROLL * tile.blocks * tile.parts};}}"
        for kx in range(whole, wide):
            yield from _multiplied(layer, tile, kind, kx - whole, str(kx * step))
        yield f"wp+={(wide - whole) * tile.blocks * tile.parts};"
    else:
        yield f"for(int kx=0;kx<{wide};kx++){{"
        yield f"__global const {kind.taken}* a={row}+kx*{step};"
        yield f"for(int i=0;i<{lanes};i+={_UNROLL}){{"
        for u in range(_UNROLL):
            yield from _multiplied(layer, tile, kind, u, f"i+{u}")
        yield f"wp+={_UNROLL * tile.blocks * tile.parts};"
        yield "}}"
    yield "}}"


def _multiplied(layer: Convolution, tile: Tile, kind: Arithmetic, lane: int, place: str) -> Iterator[str]:
    """One input channel (or pair of them, or tap) of every pixel of the strip, times its weights."""
    yield "{"
    for q in range(tile.blocks):
        for h in range(tile.parts):
            weights = kind.summed(kind.taken, f"wp[{(lane * tile.blocks + q) * tile.parts + h}]", tile.width)
            yield f"const {kind.total}{tile.width} w{q}_{h}={weights};"
    step = layer.strides[1] * layer.source.block // kind.many
    for r in range(tile.pixels):
        places = [(q, h) for q in range(tile.blocks) for h in range(tile.parts)]
        products = "".join(kind.added(f"c{r}_{q}_{h}", "v", f"w{q}_{h}") for q, h in places)
        yield f"{{const {kind.total} v=a[{place}+{r * step}];{products}}}"
    yield "}"


def _stores(layer: Convolution, tile: Tile, epilogue: Epilogue) -> Iterator[str]:
    result = layer.result
    for q in range(tile.blocks):
        block = f"(group*{tile.blocks}+{q})"
        yield f"{{const long o={_pixel(result, block)};"
        for k, other in enumerate(epilogue.others):
            if isinstance(other, Geometry):
                yield f"const long o{k}={_pixel(other, block)};"
        for r in range(tile.pixels):
            for h in range(tile.parts):
                at = r * BLOCK + h * tile.width

                def load(k: int, ctype: str, at: int = at, h: int = h, block: str = block) -> str:
                    inside = (
                        f"e{k}+o{k}+{at}"
                        if isinstance(epilogue.others[k], Geometry)
                        else (f"e{k}+{block}*{BLOCK}+{h * tile.width}")
                    )
                    return f"*(__global const {ctype}{tile.width}*)({inside})"

                lines, name = epilogue.applied(f"c{r}_{q}_{h}", tile.width, load, f"t{r}_{h}_")
                yield from lines
                yield f"*(__global {epilogue.ctype}{tile.width}*)(r+o+{at})={name};"
        yield "}"


def _pixel(geometry: Geometry, block: str) -> str:
    """Where the strip's first pixel lies in a picture of the result's shape."""
    row = f"((long)(n*{geometry.blocks}+{block})*{geometry.rows}+y+{geometry.top})*{geometry.columns}"
    return f"({row}+at+{geometry.left})*{BLOCK}"
