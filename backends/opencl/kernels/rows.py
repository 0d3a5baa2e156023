"""What goes through whole rows: reductions, softmax, normalisation, the place of the largest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.backends.opencl.expressions import C_TYPES
from bench.backends.opencl.kernels.source import Kernel, decoded, kernel, offset, read, written

# First value, what an element adds to it, and what is made of the result; `n` is the number of elements.
_REDUCTIONS = {
    "Sum": ("0", "c+{x}", "c"),
    "Mean": ("0", "c+{x}", "c/{n}"),
    "Prod": ("1", "c*{x}", "c"),
    "SumSquare": ("0", "c+{x}*{x}", "c"),
    "L1": ("0", "c+({x}<0?-{x}:{x})", "c"),
    "L2": ("0", "c+{x}*{x}", "sqrt(c)"),
    "LogSum": ("0", "c+{x}", "log(c)"),
    "Max": ("{lowest}", "(c<{x}||{x}!={x})?{x}:c", "c"),
    "Min": ("{highest}", "(c>{x}||{x}!={x})?{x}:c", "c"),
}
REDUCTIONS = frozenset(_REDUCTIONS) | {"LogSumExp"}
WHOLE_REDUCTIONS = frozenset({"Sum", "Prod", "Max", "Min"})
# Sums of eight lanes side by side are faster and lose less than one running sum.
_LANES = {"Sum": "{x}", "Mean": "{x}", "SumSquare": "{x}*{x}", "L2": "{x}*{x}", "LogSum": "{x}"}
_LIMITS = {
    "float32": ("-INFINITY", "INFINITY"),
    "int32": ("INT_MIN", "INT_MAX"),
    "int64": ("LONG_MIN", "LONG_MAX"),
    "int8": ("CHAR_MIN", "CHAR_MAX"),
    "uint8": ("0", "UCHAR_MAX"),
}
REDUCIBLE = frozenset(_LIMITS)

Axes = Sequence[tuple[int, int]]


def reduction(how: str, dtype: str, kept: Axes, reduced: Axes) -> Kernel:
    """`kept` and `reduced`: (size, step in the input) of each axis, from the outside in; the result is contiguous.

    Arguments: input, result. Global size: all kept elements.
    """
    ctype = C_TYPES[dtype]
    return kernel("reduce", [read(ctype, "x"), written(ctype, "r")], _reduction(how, dtype, kept, reduced))


def _reduction(how: str, dtype: str, kept: Axes, reduced: Axes) -> Iterator[str]:
    ctype, (lowest, highest) = C_TYPES[dtype], _LIMITS[dtype]
    count = 1
    for size, _ in reduced:
        count *= size
    yield "const int item=get_global_id(0);"
    yield from decoded("item", [size for size, _ in kept], "d")
    place = offset((f"d{axis}", step) for axis, (_, step) in enumerate(kept))
    yield f"__global const {ctype}* p=x+{place};"
    if how == "LogSumExp":
        yield from _looped(f"{ctype} m={lowest};", "m=(m<{x}||{x}!={x})?{x}:m;", reduced)
        # Of infinities alone the difference has no meaning; the largest is then the answer.
        yield "const float shift=isinf(m)?0.0f:m;"
        yield from _looped("float c=0;", "c=c+exp({x}-shift);", reduced)
        yield "r[item]=log(c)+shift;"
        return
    start, step, end = _REDUCTIONS[how]
    if dtype == "float32" and how in _LANES and reduced and reduced[-1][1] == 1:
        yield from _in_lanes(_LANES[how], reduced)
    else:
        first = start.format(lowest=lowest, highest=highest)
        yield from _looped(f"{ctype} c={first};", f"c={step};", reduced)
    yield f"r[item]={end.format(n=f'({ctype}){count}')};"


def _looped(before: str, inside: str, reduced: Axes) -> Iterator[str]:
    yield before
    yield from (f"for(int i{axis}=0;i{axis}<{size};i{axis}++)" for axis, (size, _) in enumerate(reduced))
    place = offset((f"i{axis}", step) for axis, (_, step) in enumerate(reduced))
    yield f"{{{inside.format(x=f'p[{place}]')}}}"


def _in_lanes(term: str, reduced: Axes) -> Iterator[str]:
    *outer, (size, _) = reduced
    yield "float8 c8=(float8)(0.0f); float c=0;"
    yield from (f"for(int i{axis}=0;i{axis}<{long};i{axis}++)" for axis, (long, _) in enumerate(outer))
    yield f"{{__global const float* q=p+{offset((f'i{axis}', step) for axis, (_, step) in enumerate(outer))}; int i=0;"
    yield f"for(;i+8<={size};i+=8){{const float8 v=vload8(0,q+i); c8+={term.format(x='v')};}}"
    yield f"for(;i<{size};i++){{const float v=q[i]; c+={term.format(x='v')};}}}}"
    yield "c+=((c8.s0+c8.s1)+(c8.s2+c8.s3))+((c8.s4+c8.s5)+(c8.s6+c8.s7));"


def softmax(length: int, step: int, logarithm: bool, hard: bool = False) -> Kernel:
    """Along an axis of `length` whose elements lie `step` apart. Arguments: input, result. Size: all other elements."""
    body = [
        "const int item=get_global_id(0);",
        f"const long place=(long)(item/{step})*{length * step}+item%{step};",
        "__global const float* p=x+place; __global float* q=r+place;",
        "float m=-INFINITY;",
        f"for(int i=0;i<{length};i++) m=(m<p[i*{step}]||p[i*{step}]!=p[i*{step}])?p[i*{step}]:m;",
    ]
    if hard:
        body += ["int found=0;", f"for(int i=0;i<{length};i++){{"]
        body += [f"const int here=!found&&p[i*{step}]==m; q[i*{step}]=here?1.0f:0.0f; found|=here;}}"]
        return kernel("hardmax", [read("float", "x"), written("float", "r")], body)
    body.append("float c=0; int i=0;")
    if step == 1:
        body += [f"float8 c8=(float8)(0.0f); for(;i+8<={length};i+=8){{"]
        body += ["const float8 v=exp(vload8(0,p+i)-m); c8+=v;" + ("" if logarithm else "vstore8(v,0,q+i);") + "}"]
        body += ["c=((c8.s0+c8.s1)+(c8.s2+c8.s3))+((c8.s4+c8.s5)+(c8.s6+c8.s7));"]
    body += [
        f"for(;i<{length};i++){{const float v=exp(p[i*{step}]-m); c+=v;"
        + ("" if logarithm else f"q[i*{step}]=v;")
        + "}"
    ]
    if logarithm:
        body += ["const float l=log(c);", f"for(i=0;i<{length};i++) q[i*{step}]=p[i*{step}]-m-l;"]
    else:
        body += ["const float l=1.0f/c;", f"for(i=0;i<{length};i++) q[i*{step}]*=l;"]
    # The result is read again where it was written: not restrict against itself, but the same pointer throughout.
    return kernel("softmax", [read("float", "x"), written("float", "r")], body)


def normalisation(length: int, channel: str, epsilon: float) -> Kernel:
    """Rows of `length` brought to mean 0 and variance 1, then times gain plus bias.

    `channel` spells which gain and bias, of the row `item` and the place `i`. Arguments: input, gain, bias, result.
    Global size: rows.
    """
    total = "((c8.s0+c8.s1)+(c8.s2+c8.s3))+((c8.s4+c8.s5)+(c8.s6+c8.s7))"
    body = [
        "const int item=get_global_id(0);",
        f"__global const float* p=x+(long)item*{length}; __global float* q=r+(long)item*{length};",
        "float8 c8=(float8)(0.0f); float c=0; int i=0;",
        f"for(;i+8<={length};i+=8) c8+=vload8(0,p+i);",
        f"for(;i<{length};i++) c+=p[i];",
        f"const float mean=(c+{total})/{length}.0f;",
        "c8=(float8)(0.0f); c=0; i=0;",
        f"for(;i+8<={length};i+=8){{const float8 v=vload8(0,p+i)-mean; c8+=v*v;}}",
        f"for(;i<{length};i++){{const float v=p[i]-mean; c+=v*v;}}",
        f"const float k=1.0f/sqrt((c+{total})/{length}.0f+{float(epsilon).hex()}f);",
        f"for(i=0;i<{length};i++) q[i]=(p[i]-mean)*k*g[{channel}]+b[{channel}];",
    ]
    return kernel("normalise", [read("float", name) for name in "xgb"] + [written("float", "r")], body)


def place_of_extreme(dtype: str, length: int, step: int, largest: bool, last: bool) -> Kernel:
    """Where along an axis the largest or smallest lies, the first or last of several. Result: 64-bit numbers."""
    ctype, sign = C_TYPES[dtype], (">" if largest else "<") + ("=" if last else "")
    body = [
        "const int item=get_global_id(0);",
        f"__global const {ctype}* p=x+(long)(item/{step})*{length * step}+item%{step};",
        f"{ctype} m=p[0]; long at=0;",
        f"for(int i=1;i<{length};i++){{const {ctype} v=p[(long)i*{step}]; if(v{sign}m){{m=v;at=i;}}}}",
        "r[item]=at;",
    ]
    return kernel("extreme", [read(ctype, "x"), written("long", "r")], body)
