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
    """OpenCL C of one kernel function: name, parameters as C spells them, statements, what stands before it."""

    name: str
    parameters: tuple[str, ...] = ()
    body: str = ""
    before: str = ""

    @property
    def kind(self) -> str:
        """What the kernel does, in a word or two."""
        return self.name.rpartition("_")[0]

    @property
    def source(self) -> str:
        return f"{self.before}{_HEAD}\nvoid {self.name}{_text(self.parameters, self.body)}"

    def is_long(self, place: int) -> bool:
        """Whether an argument is a whole number of 64 bits."""
        return self.parameters[place].startswith("const long ")


def kernel(kind: str, parameters: Sequence[str], body: Iterable[str], before: str = "") -> Kernel:
    """A kernel named after its kind and its source; `before` is what stands before it, functions that it uses."""
    lines = "\n".join(body)
    halves = re.search(r"\bhalf\d*\b", before + _text(parameters, lines))
    return named(kind, parameters, lines, _HALVES + before if halves else before)


def named(kind: str, parameters: Sequence[str], body: str, before: str) -> Kernel:
    """A kernel whose statements and all that stands before them are given as they are."""
    digest = hashlib.sha256((before + _text(parameters, body)).encode()).hexdigest()
    return Kernel(f"{kind}_{digest[:16]}", tuple(parameters), body, before)


def _text(parameters: Sequence[str], body: str) -> str:
    return f"({', '.join(parameters)}) {{\n{body}\n}}\n"


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
