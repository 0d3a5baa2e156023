"""What goes along an axis in its order: running sums, and the largest or smallest few."""

from __future__ import annotations

from bench.backends.opencl.expressions import C_TYPES
from bench.backends.opencl.kernels.source import Kernel, kernel, read, written


def running_sum(dtype: str, length: int, step: int, exclusive: bool, backwards: bool) -> Kernel:
    """Along an axis of `length` whose elements lie `step` apart. Arguments: input, result. Size: all other elements."""
    ctype = C_TYPES[dtype]
    place = f"(long){f'({length - 1}-i)' if backwards else 'i'}*{step}"
    order = "q[at]=c; c+=v;" if exclusive else "c+=v; q[at]=c;"
    body = [
        *_rows(ctype, length, step, f"__global {ctype}* q=r+start;"),
        f"{ctype} c=0;",
        f"for(int i=0;i<{length};i++){{const long at={place}; const {ctype} v=p[at]; {order}}}",
    ]
    return kernel("running", [read(ctype, "x"), written(ctype, "r")], body)


def largest_few(dtype: str, length: int, step: int, count: int, largest: bool) -> Kernel:
    """The `count` largest (or smallest) along an axis in their order; of equal ones the first comes first.

    Each is looked for among all that come after the one before: no memory, and time by length times count.
    Arguments: input, values, places (64 bits). Global size: all other elements.
    """
    ctype, better = C_TYPES[dtype], ">" if largest else "<"
    body = [
        *_rows(ctype, length, step, f"const long end=(long)(item/{step})*{count * step}+item%{step};"),
        f"{ctype} last=0; int from=-1;",
        f"for(int k=0;k<{count};k++){{ {ctype} best=0; int found=-1;",
        f"for(int i=0;i<{length};i++){{ const {ctype} v=p[(long)i*{step}];",
        f"const int after=from<0||last{better}v||(v==last&&i>from);",
        f"if(after&&(found<0||v{better}best)){{best=v;found=i;}} }}",
        f"values[end+(long)k*{step}]=best; places[end+(long)k*{step}]=found; last=best; from=found; }}",
    ]
    return kernel("largest", [read(ctype, "x"), written(ctype, "values"), written("long", "places")], body)


def _rows(ctype: str, length: int, step: int, then: str) -> list[str]:
    """Where the work-item's row begins."""
    return [
        "const int item=get_global_id(0);",
        f"const long start=(long)(item/{step})*{length * step}+item%{step};",
        f"__global const {ctype}* p=x+start; {then}",
    ]
