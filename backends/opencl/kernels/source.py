"""A kernel's source under a name that says what it is, and that no other source has."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

import msgspec

# Stands before kernels that have halves in memory, for drivers that keep the type from all others.
_HALVES = "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n"
# One work-item a group: on processors a work-item is a loop of its own, and the groups are shared out among the cores.
_HEAD = "__kernel __attribute__((reqd_work_group_size(1,1,1)))"


class Kernel(msgspec.Struct, frozen=True):
    """OpenCL C of one kernel function, its name, and its parameters as C spells them."""

    name: str
    source: str
    parameters: tuple[str, ...] = ()

    def is_long(self, place: int) -> bool:
        """Whether an argument is a whole number of 64 bits."""
        return self.parameters[place].startswith("const long ")


def kernel(kind: str, parameters: Sequence[str], body: Iterable[str], before: str = "") -> Kernel:
    """A kernel named after its kind and its source; `before` is what stands before it, functions that it uses."""
    text = f"({', '.join(parameters)}) {{\n" + "\n".join(body) + "\n}\n"
    before = _HALVES + before if re.search(r"\bhalf\d*\b", before + text) else before
    name = f"{kind}_{hashlib.sha256((before + text).encode()).hexdigest()[:16]}"
    return Kernel(name, f"{before}{_HEAD}\nvoid {name}{text}", tuple(parameters))


def read(ctype: str, name: str) -> str:
    """A parameter that is read."""
    return f"__global const {ctype}* restrict {name}"


def written(ctype: str, name: str) -> str:
    """A parameter that is written."""
    return f"__global {ctype}* restrict {name}"


def decoded(index: str, sizes: Sequence[int], prefix: str) -> list[str]:
    """Statements that take an index over several axes apart into `prefix`0, …; the first axis may be of any size."""
    lines, rest = [], index
    for axis in range(len(sizes) - 1, 0, -1):
        lines.append(f"const int {prefix}{axis}={rest}%{sizes[axis]};")
        rest = f"({rest}/{sizes[axis]})"
    return [*lines, f"const int {prefix}0={rest};"] if sizes else lines


def offset(terms: Iterable[tuple[str, int]]) -> str:
    """The sum of indices times steps, without what is zero."""
    return "+".join(f"(long){index}*{step}" for index, step in terms if step) or "0"
