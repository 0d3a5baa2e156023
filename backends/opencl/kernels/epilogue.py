"""What is done to a product's results before they are stored: a program, and where its other operands lie."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bench.backends.opencl.expressions import C_TYPES, Program, told
from bench.backends.opencl.kernels.source import read
from bench.backends.opencl.layout import Geometry


class Epilogue(msgspec.Struct, frozen=True):
    """`program` works on the result (operand 0) and on as many others as `others` has entries.

    An entry is the geometry of a picture of the result's shape, or None for one number a channel (filled up to whole
    blocks). Matrices have no geometry: there `others` says whether an operand is as large as the result.
    """

    program: Program
    others: tuple[Geometry | bool | None, ...] = ()

    def parameters(self) -> list[str]:
        """Of the kernel, for the other operands."""
        return [read(ctype, f"e{k}") for k, ctype in enumerate(self._types())]

    @property
    def ctype(self) -> str:
        """C's type of what is stored."""
        return C_TYPES[self.program.dtype]

    def large(self) -> list[str]:
        """C's types of the operands that are as large as a matrix, each once."""
        return sorted({ctype for ctype, other in zip(self._types(), self.others, strict=True) if other})

    def applied(self, result: str, width: int, load: Callable[[int, str], str], prefix: str) -> tuple[list[str], str]:
        """Statements, and the name of what is stored; `load` spells an operand's vector, of C's type."""
        loads = [f"const {ctype}{width} {prefix}e{k}={load(k, ctype)};" for k, ctype in enumerate(self._types())]
        lines, name = told(self.program, [result, *(f"{prefix}e{k}" for k in range(len(self.others)))], width, prefix)
        return [*loads, *lines], name

    def _types(self) -> list[str]:
        return [C_TYPES[one] for one in self.program.operands[1 : 1 + len(self.others)]]
