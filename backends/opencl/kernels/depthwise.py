"""Convolution of each channel by itself, sixteen channels side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.backends.opencl.graph import Array
from bench.backends.opencl.kernels.arithmetic import FLOATS, Arithmetic
from bench.backends.opencl.kernels.convolution import Convolution
from bench.backends.opencl.kernels.epilogue import Epilogue
from bench.backends.opencl.kernels.source import Kernel, kernel, read, written
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import BLOCK, Geometry

# Kernels up to this many taps are written out, larger ones go round a loop.
_WRITTEN_OUT = 49


def packed_taps(weights: Array, layer: Convolution) -> Array:
    """[channel][1][vertical][horizontal] as [block][vertical][horizontal][lane]."""
    full = np.zeros((layer.result.blocks * BLOCK, layer.kernel[0] * layer.kernel[1]), weights.dtype)
    full[: len(weights)] = weights.reshape(len(weights), -1)
    return np.ascontiguousarray(full.reshape(-1, BLOCK, full.shape[1]).transpose(0, 2, 1))


def depthwise(layer: Convolution, tile: Tile, epilogue: Epilogue, kind: Arithmetic = FLOATS) -> Kernel:
    """Arguments: input, taps, bias, the epilogue's operands, result, `tile.strips`.

    Global size: groups of `tile.strips` rows, blocks, samples. `tile.pixels` are computed at once.
    """
    parameters = [read(kind.lane, "x"), read(kind.lane, "w"), read(kind.total, "b"), *epilogue.parameters()]
    parameters += [written(epilogue.ctype, "r"), "const int strips"]
    return kernel(kind.kernel("depthwise"), parameters, _body(layer, tile, epilogue, kind))


def depthwise_size(layer: Convolution, tile: Tile, samples: int) -> tuple[int, int, int]:
    return -(-layer.result.height // tile.strips), layer.result.blocks, samples


def _body(layer: Convolution, tile: Tile, epilogue: Epilogue, kind: Arithmetic) -> Iterator[str]:
    source, result, parts = layer.source, layer.result, tile.parts
    taken, vector = f"{kind.lane}{tile.width}", f"{kind.total}{tile.width}"
    yield "const int block=get_global_id(1), n=get_global_id(2);"
    yield f"const int end=min((int)get_global_id(0)*strips+strips,{result.height});"
    yield "for(int y=get_global_id(0)*strips;y<end;y++){"
    yield f"for(int h=0;h<{parts};h++){{"
    taps = layer.kernel[0] * layer.kernel[1] * parts
    yield f"__global const {taken}* wp=(__global const {taken}*)w+block*{taps}+h;"
    row = f"y*{layer.strides[0]}+{source.top - layer.pads[0]}"
    start = f"((long)n*{source.blocks}+block)*{source.plane}+(long)({row})*{source.columns * BLOCK}"
    yield f"__global const {kind.lane}* in=x+{start}+{(source.left - layer.pads[1]) * BLOCK}+h*{tile.width};"
    yield f"for(int strip=0;strip<{result.width};strip+={tile.pixels}){{"
    yield f"const int at=min(strip,{result.width - tile.pixels});"
    for r in range(tile.pixels):
        yield f"{vector} c{r}=((__global const {vector}*)b)[block*{parts}+h];"
    yield from _taps(layer, tile, kind)
    yield f"const long o={_pixel(result)}+h*{tile.width};"
    for k, other in enumerate(epilogue.others):
        if isinstance(other, Geometry):
            yield f"const long o{k}={_pixel(other)}+h*{tile.width};"
    for r in range(tile.pixels):

        def load(k: int, ctype: str, r: int = r) -> str:
            alike = isinstance(epilogue.others[k], Geometry)
            inside = f"e{k}+o{k}+{r * BLOCK}" if alike else f"e{k}+block*{BLOCK}+h*{tile.width}"
            return f"*(__global const {ctype}{tile.width}*)({inside})"

        lines, name = epilogue.applied(f"c{r}", tile.width, load, f"t{r}_")
        yield from lines
        yield f"*(__global {epilogue.ctype}{tile.width}*)(r+o+{r * BLOCK})={name};"
    yield "}}}"


def _taps(layer: Convolution, tile: Tile, kind: Arithmetic) -> Iterator[str]:
    taken, vector = f"{kind.lane}{tile.width}", f"{kind.total}{tile.width}"

    def got(text: str) -> str:
        return kind.summed(kind.lane, text, tile.width)

    (high, wide), step = layer.kernel, layer.dilations[1]
    stride, columns = layer.strides[1], layer.source.columns
    place = f"in+((long)at*{stride})*{BLOCK}"
    if high * wide > _WRITTEN_OUT:
        yield f"for(int ky=0;ky<{high};ky++) for(int kx=0;kx<{wide};kx++){{"
        yield f"__global const {kind.lane}* a={place}+(ky*{layer.dilations[0] * columns}+kx*{step})*{BLOCK};"
        yield f"const {vector} k={got(f'wp[(ky*{wide}+kx)*{tile.parts}]')};"
        for r in range(tile.pixels):
            value = got(f"*(__global const {taken}*)(a+{r * stride * BLOCK})")
            yield f"c{r}+=k*({value});"
        yield "}"
        return
    for ky in range(high):
        yield f"{{__global const {kind.lane}* a={place}+{ky * layer.dilations[0] * columns * BLOCK};"
        for kx in range(wide):
            yield f"const {vector} k{kx}={got(f'wp[{(ky * wide + kx) * tile.parts}]')};"
        # Each pixel of the input is read once for all the results that it goes into.
        for column in range((tile.pixels - 1) * stride + (wide - 1) * step + 1):
            reached = [(r, kx) for r in range(tile.pixels) for kx in range(wide) if r * stride + kx * step == column]
            if reached:
                sums = "".join(f"c{r}+=v*k{kx};" for r, kx in reached)
                value = got(f"*(__global const {taken}*)(a+{column * BLOCK})")
                yield f"{{const {vector} v={value};{sums}}}"
        yield "}"


def _pixel(geometry: Geometry) -> str:
    row = f"(((long)n*{geometry.blocks}+block)*{geometry.rows}+y+{geometry.top})*{geometry.columns}"
    return f"({row}+at+{geometry.left})*{BLOCK}"
