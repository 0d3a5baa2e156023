"""Largest or mean value of windows over any number of axes, row-major; one work-item computes one element."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.backends.opencl.kernels.source import Kernel, decoded, kernel, read, written


class PlainPooling(msgspec.Struct, frozen=True):
    """Sizes per spatial axis; `pads` before all axes, then behind them; `mean` and `padding_counts` as in Pooling."""

    source: tuple[int, ...]
    result: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    mean: bool = False
    padding_counts: bool = False


def plain_pooling(layer: PlainPooling) -> Kernel:
    """Arguments: input, result. Global size: all elements."""
    return kernel("anypool", [read("float", "x"), written("float", "r")], _body(layer))


def _body(layer: PlainPooling) -> Iterator[str]:
    axes = range(len(layer.source))
    yield "const int item=get_global_id(0);"
    yield from decoded("item", [1, *layer.result], "d")
    yield f"float c={'0.0f' if layer.mean else '-INFINITY'}; int count=0;"
    place = "(long)d0"
    for a in axes:
        yield f"for(int k{a}=0;k{a}<{layer.kernel[a]};k{a}++){{"
        yield f"const int p{a}=d{a + 1}*{layer.strides[a]}+k{a}*{layer.dilations[a]}-{layer.pads[a]};"
        yield f"if(p{a}>={layer.source[a] + layer.pads[a + len(axes)]}) break;"
        place = f"({place}*{layer.source[a]}+p{a})"
    outside = "||".join(f"p{a}<0||p{a}>={layer.source[a]}" for a in axes)
    yield f"if({outside}){{ count+={int(layer.padding_counts)}; continue; }}"
    yield f"const float v=x[{place}]; count++;"
    yield "c+=v;" if layer.mean else "c=(c<v||v!=v)?v:c;"
    yield "}" * len(axes)
    yield f"r[item]={'c/(float)max(count,1)' if layer.mean else 'c'};"
