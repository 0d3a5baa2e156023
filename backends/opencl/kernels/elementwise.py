"""A program for every element of an iteration, whose operands and result lie wherever their views say."""

from __future__ import annotations

from collections.abc import Sequence

from bench.backends.opencl.expressions import C_TYPES, Program, told
from bench.backends.opencl.kernels.source import Kernel, decoded, kernel, offset, read, written
from bench.backends.opencl.layout import View

VECTOR = 8


def elementwise(program: Program, sizes: Sequence[int], views: Sequence[View]) -> Kernel:
    """A kernel over the axes `sizes` (merged); `views` are those of the operands and, last, of the result.

    Arguments: operands, result, the offsets of all views, sizes of the innermost axis and the one before it, and how
    many of each a work-item does. Global size: parts of the innermost axis, of the one before, and all before those.
    """
    count = len(program.operands)
    types = [C_TYPES[one] for one in (*program.operands, program.dtype)]
    parameters = [read(types[k], f"a{k}") for k in range(count)] + [written(types[-1], "r")]
    parameters += [f"const long o{k}" for k in range(count + 1)]
    parameters += ["const int inner", "const int rows", "const int part", "const int several"]
    names = [*(f"a{k}" for k in range(count)), "r"]
    outer = sizes[:-2]
    body = decoded("(int)get_global_id(2)", outer, "d")
    body += [
        "const int first=get_global_id(0)*part, end=min(first+part,inner);",
        "const int row0=get_global_id(1)*several, row1=min(row0+several,rows);",
        "for(int row=row0;row<row1;row++){",
    ]
    for k, view in enumerate(views):
        terms = [(f"d{axis}", view.strides[axis]) for axis in range(len(outer))]
        if len(sizes) > 1:
            terms.append(("row", view.strides[-2]))
        constant = "const " if k < count else ""
        body.append(f"__global {constant}{types[k]}* p{k}={names[k]}+o{k}+{offset(terms)};")
    inner = [view.strides[-1] for view in views]
    body.append("int i=first;")
    if program.vectorises and inner[-1] == 1 and set(inner) <= {0, 1}:
        loads = [
            f"const {types[k]}{VECTOR} x{k}="
            + (f"vload{VECTOR}(0,p{k}+i);" if step else f"({types[k]}{VECTOR})(*p{k});")
            for k, step in enumerate(inner[:-1])
        ]
        lines, result = told(program, [f"x{k}" for k in range(count)], VECTOR)
        body += [f"for(;i+{VECTOR}<=end;i+={VECTOR}){{", *loads, *lines, f"vstore{VECTOR}({result},0,p{count}+i);", "}"]
    loads = [f"const {types[k]} x{k}=p{k}[{offset([('i', step)])}];" for k, step in enumerate(inner[:-1])]
    lines, result = told(program, [f"x{k}" for k in range(count)])
    body += ["for(;i<end;i++){", *loads, *lines, f"p{count}[{offset([('i', inner[-1])])}]={result};", "}", "}"]
    return kernel("map", parameters, body)
