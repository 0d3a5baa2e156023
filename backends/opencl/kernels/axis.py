"""What looks elements up along one axis: gathering by given places, and weighted sums of a few (resizing)."""

from __future__ import annotations

from bench.backends.opencl.expressions import C_TYPES
from bench.backends.opencl.kernels.source import Kernel, kernel, read, written


def gather(dtype: str, index: str, length: int, inner: int, count: int) -> Kernel:
    """Result (outer, count, inner) from input (outer, length, inner) at `count` places; negative ones from the end.

    Arguments: input, places, result.
    Global size: places, outer.
    """
    ctype = C_TYPES[dtype]
    body = [
        "const int k=get_global_id(0); const long n=get_global_id(1);",
        _inside("places[k]", length),
        f"__global const {ctype}* p=x+(n*{length}+at)*{inner}; __global {ctype}* q=r+(n*{count}+k)*{inner};",
        f"for(int i=0;i<{inner};i++) q[i]=p[i];",
    ]
    return kernel("gather", [read(ctype, "x"), read(C_TYPES[index], "places"), written(ctype, "r")], body)


def gather_elements(dtype: str, index: str, length: int, sizes: tuple[int, int], steps: tuple[int, int]) -> Kernel:
    """Result (outer, a, b), whose places along the axis of `length` stand in a tensor of the result's shape.

    `sizes` (a, b); `steps` of the input's outer and inner part. Arguments: input, places, result. Size: all elements.
    """
    ctype = C_TYPES[dtype]
    body = [
        "const long item=get_global_id(0);",
        _inside("places[item]", length),
        f"const long n=item/{sizes[0] * sizes[1]}, i=item%{sizes[1]};",
        f"r[item]=x[n*{steps[0]}+at*{steps[1]}+i];",
    ]
    return kernel("elements", [read(ctype, "x"), read(C_TYPES[index], "places"), written(ctype, "r")], body)


def weighted(length: int, inner: int, count: int, taps: int) -> Kernel:
    """Result (outer, count, inner): each place a sum of `taps` elements along the axis, with weights.

    Arguments: input, places (int32: count, taps), weights (float32, the same), result. Global size: places, outer.
    """
    body = [
        "const int k=get_global_id(0); const long n=get_global_id(1);",
        f"__global float* q=r+(n*{count}+k)*{inner};",
        f"for(int i=0;i<{inner};i++){{ float c=0.0f;",
        f"for(int t=0;t<{taps};t++) c+=w[k*{taps}+t]*x[(n*{length}+places[k*{taps}+t])*{inner}+i];",
        "q[i]=c; }",
    ]
    return kernel(
        "weighted", [read("float", "x"), read("int", "places"), read("float", "w"), written("float", "r")], body
    )


def _inside(place: str, length: int) -> str:
    """A place `at` of an axis: negative ones count from the end, those outside become the nearest that is inside."""
    return f"long at={place}; at=at<0?at+{length}:at; at=at<0?0:(at>={length}?{length - 1}:at);"
