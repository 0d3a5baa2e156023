"""Largest or mean value of windows of a picture in blocks of channels."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.backends.opencl.kernels.source import Kernel, kernel, read, written
from bench.backends.opencl.layout import BLOCK, Geometry


class Pooling(msgspec.Struct, frozen=True):
    """Sizes are (vertical, horizontal), `pads` top, left, bottom, right; `mean` or else the largest.

    `padding_counts`: zeros around the picture count in a mean, but not what a window reaches beyond them.
    """

    source: Geometry
    result: Geometry
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    mean: bool = False
    padding_counts: bool = False


def pooling(layer: Pooling) -> Kernel:
    """Arguments: input, result. Global size: rows of the result, blocks, samples."""
    return kernel("pool", [read("float8", "x"), written("float8", "r")], _body(layer))


def _body(layer: Pooling) -> Iterator[str]:
    source, result = layer.source, layer.result
    parts = BLOCK // 8
    start = "0.0f" if layer.mean else "-INFINITY"
    yield "const int y=get_global_id(0), block=get_global_id(1); const long n=get_global_id(2);"
    yield f"__global const float8* in=x+((n*{source.blocks}+block)*{source.plane}+{source.first})/8;"
    yield f"__global float8* out=r+((n*{result.blocks}+block)*{result.plane}+{result.first})/8;"
    yield f"const int top=y*{layer.strides[0]}-{layer.pads[0]};"
    yield f"for(int ox=0;ox<{result.width};ox++) for(int h=0;h<{parts};h++){{"
    yield f"const int left=ox*{layer.strides[1]}-{layer.pads[1]};"
    yield f"float8 c=(float8)({start}); int count=0;"
    yield f"for(int ky=0;ky<{layer.kernel[0]};ky++){{ const int iy=top+ky*{layer.dilations[0]};"
    yield f"if(iy>={source.height}+{layer.pads[2]}) break;"
    yield f"for(int kx=0;kx<{layer.kernel[1]};kx++){{ const int ix=left+kx*{layer.dilations[1]};"
    yield f"if(ix>={source.width}+{layer.pads[3]}) break;"
    yield f"if(iy<0||ix<0||iy>={source.height}||ix>={source.width}){{ count+={int(layer.padding_counts)}; continue; }}"
    yield f"const float8 v=in[((long)iy*{source.columns}+ix)*{parts}+h]; count++;"
    yield "c+=v;" if layer.mean else "c=((c<v)|(v!=v))?v:c;"
    yield "}}"
    value = "c/(float)max(count,1)" if layer.mean else "c"
    yield f"out[((long)y*{result.columns}+ox)*{parts}+h]={value};"
    yield "}"
