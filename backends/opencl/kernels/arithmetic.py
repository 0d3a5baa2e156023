"""What a product multiplies: floats, floats kept in 16 bits, or pairs of short numbers whose sums are exact."""

from __future__ import annotations

import msgspec

# Pairs of shorts lie in one int; the sums are of two products each, and no pair of 8-bit numbers overflows them.
_PORTABLE = "inline int8 madd(int8 c, int8 a, int8 b) { return c+((a<<16)>>16)*((b<<16)>>16)+(a>>16)*(b>>16); }\n"
_X86 = (
    "inline int8 madd(int8 c, int8 a, int8 b) {"
    ' int8 p; __asm__("vpmaddwd %2, %1, %0" : "=x"(p) : "x"(a), "x"(b)); return c+p; }\n'
)
MADD = {"portable": _PORTABLE, "x86": _X86}


class Arithmetic(msgspec.Struct, frozen=True):
    """C's words for one kind of products.

    `lane` is what an activation is in memory, `taken` what of the input is multiplied at once, `many` how many
    channels that holds, `total` what sums are of. `functions` is what stands before the kernels. `name` tells its
    kernels and tiles from those of floats.
    """

    name: str
    lane: str
    taken: str
    many: int
    total: str
    functions: str = ""

    @property
    def whole(self) -> bool:
        return self.total == "int"

    def kernel(self, kind: str) -> str:
        """What a kernel of some kind is called in this arithmetic."""
        return f"{kind}_{self.name}" if self.name else kind

    def summed(self, ctype: str, text: str, width: int) -> str:
        """A vector of `ctype`, of the type that sums have."""
        return text if ctype == self.total else f"convert_{self.total}{width}({text})"

    def added(self, total: str, value: str, weights: str) -> str:
        """A statement that adds a number times a vector of weights."""
        if self.whole:
            return f"{total}=madd({total},(int8)({value}),{weights});"
        return f"{total}+={value}*{weights};"


FLOATS = Arithmetic(name="", lane="float", taken="float", many=1, total="float")
# Memory and its bandwidth are halved; sums stay as they are.
HALVES = Arithmetic(name="half", lane="half", taken="half", many=1, total="float")


def pairs(how: str) -> Arithmetic:
    """Pairs of shorts; `how` is a key of `MADD`."""
    return Arithmetic(
        name="int8",
        lane="short",
        taken="int",
        many=2,
        total="int",
        functions=f"#ifndef MADD\n#define MADD\n{MADD[how]}#endif\n",
    )
