"""What is done to each element, as a short program in single assignment, and that program as OpenCL C.

Values are numbered: operands first, then the result of each instruction; the last one is the program's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

# `half` is what this engine keeps in 16 bits, on devices that have them; a file's own are "float16", and not here.
C_TYPES = {
    "float32": "float",
    "half": "half",
    "float64": "double",
    "int64": "long",
    "int32": "int",
    "int16": "short",
    "int8": "char",
    "uint64": "ulong",
    "uint32": "uint",
    "uint16": "ushort",
    "uint8": "uchar",
    "bool": "uchar",
}


class Instruction(msgspec.Struct, frozen=True):
    """An operation on numbered values; `numbers` are its constants."""

    op: str
    args: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    dtype: str = "float32"


class Program(msgspec.Struct, frozen=True):
    """Element types of the operands, and what is done with them."""

    operands: tuple[str, ...]
    instructions: tuple[Instruction, ...]

    @property
    def dtype(self) -> str:
        """Element type of the result."""
        return self.instructions[-1].dtype if self.instructions else self.operands[-1]

    def dtypes(self) -> list[str]:
        """Of every value, by its number."""
        return [*self.operands, *(one.dtype for one in self.instructions)]

    @property
    def vectorises(self) -> bool:
        """Whether the program can be told for vectors.

        Those are float32 throughout; other types only as operands of a Cast, and int16 or half as what the last makes.
        """
        types, inner = self.dtypes(), self.instructions
        if inner and inner[-1].op == "Cast" and inner[-1].dtype in ("int16", "half"):
            inner = inner[:-1]
        if any(one.op in _SCALAR_ONLY or one.dtype != "float32" for one in inner):
            return False
        if "float64" in self.operands or "int64" in self.operands or "uint64" in self.operands:
            return False
        return all(types[arg] == "float32" or one.op == "Cast" for one in self.instructions for arg in one.args)


def copying(dtype: str) -> Program:
    """The program that hands its one operand on."""
    return Program((dtype,), ())


def literal(number: float, dtype: str = "float32") -> str:
    """A number as C has it, exactly."""
    if dtype not in ("float32", "float64"):
        value = int(number)
        suffix = {"int64": "L", "uint64": "UL"}.get(dtype, "")
        # C has no literal for the lowest 64-bit number: its minus is an operator on one that does not fit.
        return f"({value + 1}{suffix}-1)" if value < 0 else f"{value}{suffix}"
    ending = "f" if dtype == "float32" else ""
    if math.isnan(number):
        return "NAN" if ending else "((double)NAN)"
    if math.isinf(number):
        sign = "-" if number < 0 else ""
        return f"({sign}{'INFINITY' if ending else '((double)INFINITY)'})"
    text = f"{float(number).hex()}{ending}"
    return f"({text})" if number < 0 else text


# ----------------------------------------------------------------------------------------------------- the dictionary

_Text = Callable[..., str]
_GELU = f"{literal(math.sqrt(2 / math.pi))}*({{a}}+0.044715f*{{a}}*{{a}}*{{a}})"
# Comparisons with one side named so that NaN comes through, as numpy's maximum and clip let it.
_FLOAT: dict[str, _Text] = {
    "Add": lambda v, a, b: f"{a}+{b}",
    "Sub": lambda v, a, b: f"{a}-{b}",
    "Mul": lambda v, a, b: f"{a}*{b}",
    "Div": lambda v, a, b: f"{a}/{b}",
    "Max": lambda v, a, b: f"({a}<{b}||{b}!={b})?{b}:{a}" if v.width == 1 else f"(({a}<{b})|({b}!={b}))?{b}:{a}",
    "Min": lambda v, a, b: f"({a}>{b}||{b}!={b})?{b}:{a}" if v.width == 1 else f"(({a}>{b})|({b}!={b}))?{b}:{a}",
    "Neg": lambda v, a: f"-{a}",
    "Abs": lambda v, a: v.call("fabs", a),
    "Relu": lambda v, a: f"{a}<{v.zero}?{v.zero}:{a}",
    "LeakyRelu": lambda v, a, k: f"{a}<{v.zero}?{a}*{k}:{a}",
    "PRelu": lambda v, a, b: f"{a}<{v.zero}?{a}*{b}:{a}",
    "Clip": lambda v, a, lo, hi: f"{a}<{v.of(lo)}?{v.of(lo)}:({a}>{v.of(hi)}?{v.of(hi)}:{a})",
    "Sigmoid": lambda v, a: f"{v.of('1.0f')}/({v.of('1.0f')}+{v.call('exp', f'-{a}')})",
    "HardSigmoid": lambda v, a, k, c: f"{_bounded(v, f'{a}*{k}+{c}')}",
    "HardSwish": lambda v, a: f"{a}*({_bounded(v, f'{a}*{literal(1 / 6)}+0.5f')})",
    "Tanh": lambda v, a: v.call("tanh", a),
    "Erf": lambda v, a: v.call("erf", a),
    "Exp": lambda v, a: v.call("exp", a),
    "Log": lambda v, a: v.call("log", a),
    "Sqrt": lambda v, a: v.call("sqrt", a),
    "Reciprocal": lambda v, a: f"{v.of('1.0f')}/{a}",
    "Floor": lambda v, a: v.call("floor", a),
    "Ceil": lambda v, a: v.call("ceil", a),
    "Round": lambda v, a: v.call("rint", a),
    "Sin": lambda v, a: v.call("sin", a),
    "Cos": lambda v, a: v.call("cos", a),
    "Tan": lambda v, a: v.call("tan", a),
    "Asin": lambda v, a: v.call("asin", a),
    "Acos": lambda v, a: v.call("acos", a),
    "Atan": lambda v, a: v.call("atan", a),
    "Sinh": lambda v, a: v.call("sinh", a),
    "Cosh": lambda v, a: v.call("cosh", a),
    "Asinh": lambda v, a: v.call("asinh", a),
    "Acosh": lambda v, a: v.call("acosh", a),
    "Atanh": lambda v, a: v.call("atanh", a),
    "Pow": lambda v, a, b: v.call("pow", a, b),
    "Elu": lambda v, a, k: f"{a}<{v.zero}?{k}*{v.call('expm1', a)}:{a}",
    "Celu": lambda v, a, k: f"{a}<{v.zero}?{k}*{v.call('expm1', f'{a}/{k}')}:{a}",
    "Selu": lambda v, a, k, g: f"{g}*({a}<={v.zero}?{k}*{v.call('expm1', a)}:{a})",
    "Softplus": lambda v, a: f"({a}>{v.zero}?{a}:{v.zero})+{v.call('log1p', v.call('exp', '-' + v.call('fabs', a)))}",
    "Softsign": lambda v, a: f"{a}/({v.of('1.0f')}+{v.call('fabs', a)})",
    "ThresholdedRelu": lambda v, a, k: f"{a}>{v.of(k)}?{a}:{v.zero}",
    "Shrink": lambda v, a, k, c: f"{a}<{v.of('-' + k)}?{a}+{c}:({a}>{v.of(k)}?{a}-{c}:{v.zero})",
    "Sign": lambda v, a: f"({a}>{v.zero}?{v.of('1.0f')}:({a}<{v.zero}?{v.of('-1.0f')}:{a}))",
    "Gelu": lambda v, a: f"0.5f*{a}*({v.of('1.0f')}+{v.call('erf', f'{a}*{literal(math.sqrt(0.5))}')})",
    "GeluTanh": lambda v, a: f"0.5f*{a}*({v.of('1.0f')}+{v.call('tanh', _GELU.format(a=a))})",
    "Mish": lambda v, a: f"{a}*{v.call('tanh', v.call('log1p', v.call('exp', a)))}",
}
# Told for single elements only: their results are truth values or whole numbers, or C has no word for vectors.
_SCALAR: dict[str, _Text] = {
    "Equal": lambda v, a, b: f"{a}=={b}",
    "Greater": lambda v, a, b: f"{a}>{b}",
    "GreaterOrEqual": lambda v, a, b: f"{a}>={b}",
    "Less": lambda v, a, b: f"{a}<{b}",
    "LessOrEqual": lambda v, a, b: f"{a}<={b}",
    "And": lambda v, a, b: f"{a}&&{b}",
    "Or": lambda v, a, b: f"{a}||{b}",
    "Xor": lambda v, a, b: f"{a}!={b}",
    "Not": lambda v, a: f"!{a}",
    "Where": lambda v, c, a, b: f"{c}?{a}:{b}",
    "IsNaN": lambda v, a: f"{a}!={a}",
    "IsInf": lambda v, a, neg, pos: f"({neg}!=0&&{a}==-INFINITY)||({pos}!=0&&{a}==INFINITY)",
    "Mod": lambda v, a, b: f"(({a}%{b})+{b})%{b}",
    "FMod": lambda v, a, b: f"fmod({a},{b})" if v.dtype in ("float32", "float64") else f"{a}%{b}",
    "BitwiseAnd": lambda v, a, b: f"{a}&{b}",
    "BitwiseOr": lambda v, a, b: f"{a}|{b}",
    "BitwiseXor": lambda v, a, b: f"{a}^{b}",
    "BitwiseNot": lambda v, a: f"~{a}",
    "ShiftLeft": lambda v, a, b: f"({b}>={v.bits}?0:{a}<<{b})",
    "ShiftRight": lambda v, a, b: f"({b}>={v.bits}?0:{a}>>{b})",
    "Quantize": lambda v, a, s, z, lo, hi: f"clamp(rint((float)({a}/{s}))+(float){z},{lo},{hi})",
}
_SCALAR_ONLY = frozenset(_SCALAR)
KNOWN = frozenset(_FLOAT) | _SCALAR_ONLY | {"Cast", "Const"}


def _bounded(v: Told, text: str) -> str:
    """A text between 0 and 1; twice in the text, which the compiler computes once."""
    return f"({text})<{v.zero}?{v.zero}:(({text})>{v.of('1.0f')}?{v.of('1.0f')}:({text}))"


class Told(msgspec.Struct, frozen=True):
    """How a result is spelt: its element type, and how many elements at once (1, 8 or 16)."""

    dtype: str
    width: int

    @property
    def type(self) -> str:
        return C_TYPES[self.dtype] + (str(self.width) if self.width > 1 else "")

    @property
    def zero(self) -> str:
        return self.of("0.0f" if self.dtype == "float32" else "0")

    @property
    def bits(self) -> int:
        return int(self.dtype.removeprefix("u").removeprefix("int"))

    def of(self, number: str) -> str:
        """A number in every element."""
        return f"({self.type})({number})"

    def call(self, function: str, *args: str) -> str:
        """A built-in function. One of 16 elements kills the process on PoCL 3.0, so two halves are asked for 8."""
        if self.width < 16:
            return f"{function}({','.join(args)})"
        halves = [f"{function}({','.join(f'({arg}).{half}' for arg in args)})" for half in ("lo", "hi")]
        return f"(({self.type})({halves[0]},{halves[1]}))"


def told(program: Program, operands: Sequence[str], width: int = 1, prefix: str = "t") -> tuple[list[str], str]:
    """Statements that compute a program, and the name of its result; `operands` are names of C values."""
    names, types, lines = list(operands), program.dtypes(), []
    for number, one in enumerate(program.instructions):
        form = Told(one.dtype, width)
        name = f"{prefix}{number}"
        args = [names[arg] for arg in one.args]
        lines.append(f"const {form.type} {name}={_spelt(one, form, args, [types[arg] for arg in one.args])};")
        names.append(name)
    return lines, names[-1]


def _spelt(one: Instruction, form: Told, args: list[str], types: list[str]) -> str:
    if one.op == "Const":
        return form.of(literal(one.numbers[0], one.dtype))
    if one.op == "Cast":
        return _cast(form, args[0], types[0])
    numbers = [literal(number, "float32" if one.op in _FLOAT_NUMBERS else one.dtype) for number in one.numbers]
    if one.op == "Abs" and one.dtype not in ("float32", "float64"):
        return f"{args[0]}<0?-{args[0]}:{args[0]}"
    text = (_FLOAT.get(one.op) or _SCALAR[one.op])(form, *args, *numbers)
    if one.op in _DIVIDING and types[0] not in ("float32", "float64"):
        text = f"{args[1]}==0?0:{text}"  # division of whole numbers by zero ends the process
    return text if form.width > 1 else f"({form.type})({text})"


_DIVIDING = frozenset({"Div", "Mod", "FMod"})
_FLOAT_NUMBERS = frozenset({"Quantize", "IsInf"})


def _cast(form: Told, arg: str, source: str) -> str:
    if form.dtype == "bool":
        return f"{arg}!=0"
    if form.width > 1:
        return arg if source == form.dtype else f"convert_{form.type}({arg})"
    if source in ("float32", "float64") and form.dtype.startswith("u"):
        # C leaves a negative number without meaning here; what processors do is go through a signed one.
        return f"({form.type})(long)({arg})"
    return f"({form.type})({arg})"
