"""Convolution, and transposed convolution, of any number of axes, groups and weights, where no fast form fits.

One work-item computes one element and checks every tap: slow, and right for all that ONNX allows.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.backends.opencl.kernels.source import Kernel, decoded, kernel, read, written


class PlainConvolution(msgspec.Struct, frozen=True):
    """Channels in and out, spatial sizes in and out; `pads` those before each axis."""

    channels: tuple[int, int]
    source: tuple[int, ...]
    result: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    groups: int = 1
    transposed: bool = False
    biased: bool = False


def plain_convolution(layer: PlainConvolution) -> Kernel:
    """Arguments: input, weights, bias where there is one, result; all row-major. Global size: all elements."""
    names = ["x", "w", *(["b"] if layer.biased else [])]
    return kernel("anyconv", [read("float", name) for name in names] + [written("float", "r")], _body(layer))


def _body(layer: PlainConvolution) -> Iterator[str]:
    (inside, outside), axes = layer.channels, range(len(layer.source))
    group_in, group_out = inside // layer.groups, outside // layer.groups
    yield "const int item=get_global_id(0);"
    yield from decoded("item", [1, outside, *layer.result], "d")
    yield f"const int group=d1/{group_out};"
    yield f"float c={'b[d1]' if layer.biased else '0.0f'};"
    yield f"for(int i=0;i<{group_in};i++){{"
    source, taps = (
        f"((long)d0*{inside}+group*{group_in}+i)",
        (
            # Transposed weights are [in][out of a group]; others [out][in of a group].
            f"((long)(group*{group_in}+i)*{group_out}+d1%{group_out})"
            if layer.transposed
            else f"((long)d1*{group_in}+i)"
        ),
    )
    for a in axes:
        yield f"for(int k{a}=0;k{a}<{layer.kernel[a]};k{a}++){{"
        place = f"d{a + 2}*{layer.strides[a]}+k{a}*{layer.dilations[a]}-{layer.pads[a]}"
        if layer.transposed:
            yield f"const int u{a}=d{a + 2}+{layer.pads[a]}-k{a}*{layer.dilations[a]};"
            yield f"if(u{a}<0||u{a}%{layer.strides[a]}) continue;"
            place = f"u{a}/{layer.strides[a]}"
        yield f"const int p{a}={place}; if(p{a}<0||p{a}>={layer.source[a]}) continue;"
        source = f"({source}*{layer.source[a]}+p{a})"
        taps = f"({taps}*{layer.kernel[a]}+k{a})"
    yield f"c+=x[{source}]*w[{taps}];"
    yield "}" * (len(axes) + 1)
    yield "r[item]=c;"
