"""ONNX's element-wise operators as programs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from bench.backends.opencl.expressions import C_TYPES, Instruction, Program
from bench.backends.opencl.graph import MAPPED, Graph, Lacking, Node

_UNARY = frozenset({
    "Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Log", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sin", "Cos",
    "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Neg", "Abs", "Sign", "Softplus",
    "Softsign", "HardSwish", "Mish", "Not", "BitwiseNot", "IsNaN",
})  # fmt: skip
_BINARY = frozenset({
    "Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And",
    "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
})  # fmt: skip
_CHAINED = {"Max": "Max", "Min": "Min", "Sum": "Add", "Mean": "Add"}
# Operators with attributes that are numbers, and the defaults.
_WITH_NUMBERS = {
    "LeakyRelu": {"alpha": 0.01},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "Elu": {"alpha": 1.0},
    "Celu": {"alpha": 1.0},
    "Selu": {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    "ThresholdedRelu": {"alpha": 1.0},
    "Shrink": {"lambd": 0.5, "bias": 0.0},
}
# Of whole numbers C computes these as ONNX has them; the others are meant for fractions.
_WHOLE = frozenset({
    "Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sign", "Max", "Min", "Relu", "Clip", "Mod", "FMod", "Where", "Not",
    "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "BitwiseAnd", "BitwiseOr",
    "BitwiseXor", "BitwiseNot", "ShiftLeft", "ShiftRight", "Cast",
})  # fmt: skip
# Told with constants of single precision.
_SINGLE = frozenset({"Gelu", "GeluTanh", "HardSwish", "Quantize"})


class Writer:
    """Collects operands and instructions; small constants become part of the program."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.names: list[str] = []
        self._instructions: list[Instruction] = []
        self._numbers: dict[str, int] = {}

    def operand(self, name: str) -> int:
        """Number of a value; operands count from -1 down until the program is whole."""
        constant = self._graph.constants.get(name)
        if constant is not None and constant.size == 1:
            number = float(constant.ravel()[0])
            if constant.dtype.kind == "f" or abs(number) < 2.0**53:  # what a double holds exactly
                return self.add("Const", (), (number,), str(constant.dtype))
        if name not in self._numbers:
            self.names.append(name)
            self._numbers[name] = -len(self.names)
        return self._numbers[name]

    def add(self, op: str, args: tuple[int, ...], numbers: tuple[float, ...] = (), dtype: str = "float32") -> int:
        self._instructions.append(Instruction(op, args, numbers, dtype))
        return len(self._instructions) - 1

    def program(self) -> Program:
        shift = len(self.names)
        fixed = tuple(
            msgspec.structs.replace(one, args=tuple(-arg - 1 if arg < 0 else arg + shift for arg in one.args))
            for one in self._instructions
        )
        return Program(tuple(self._graph.dtype(name) for name in self.names), fixed)


def mapped(graph: Graph, node: Node) -> Node | None:
    """An element-wise node as a program; None for any other node, and for types that C does not have."""
    write = _WRITERS.get(node.op)
    if node.domain or len(node.outputs) != 1 or node.op == MAPPED:
        return None
    if node.op not in ELEMENTWISE:
        return None
    dtypes = {graph.dtype(name) for name in (*node.inputs, node.output) if name}
    if not dtypes <= set(C_TYPES) or any(graph.tensor(n).shape is None for n in (*node.inputs, node.output) if n):
        return None
    writer = Writer(graph)
    try:
        (write or _plain)(writer, graph, node)
        program = writer.program()
    except Lacking:
        return None
    if any(not _makes_sense(one, program) for one in program.instructions):
        return None
    return Node(op=MAPPED, inputs=tuple(writer.names), outputs=node.outputs, program=program, proto=node.proto)


def _makes_sense(one: Instruction, program: Program) -> bool:
    types = program.dtypes()
    if one.dtype == "float64" and one.op in _SINGLE:
        return False
    whole = any(types[arg] not in ("float32", "float64") for arg in one.args) and one.op not in ("Quantize", "Const")
    return not whole or one.op in _WHOLE


def _plain(writer: Writer, graph: Graph, node: Node) -> None:
    args = tuple(writer.operand(name) for name in node.inputs)
    dtype = graph.dtype(node.output)
    if node.op in _CHAINED:
        last = args[0]
        for arg in args[1:]:
            last = writer.add(_CHAINED[node.op], (last, arg), (), dtype)
        if node.op == "Mean":
            last = writer.add("Div", (last, writer.add("Const", (), (float(len(args)),), dtype)), (), dtype)
        if last < 0:
            writer.add("Cast", (last,), (), dtype)
        return
    defaults = _WITH_NUMBERS.get(node.op, {})
    numbers = tuple(float(node.get(name, default)) for name, default in defaults.items())
    writer.add(node.op, args, numbers, dtype)


def _clip(writer: Writer, graph: Graph, node: Node) -> None:
    dtype = graph.dtype(node.output)
    last = writer.operand(node.inputs[0])
    bounds: list[float] = []
    for position, (attribute, unbounded) in enumerate((("min", -np.inf), ("max", np.inf)), start=1):
        name = node.input(position)
        if name and name not in graph.constants:
            last = writer.add("Max" if position == 1 else "Min", (last, writer.operand(name)), (), dtype)
        value = graph.constants[name].ravel()[0] if name in graph.constants else node.get(attribute, unbounded)
        bounds.append(float(value))
    if dtype not in ("float32", "float64"):
        limits = np.iinfo(dtype)
        bounds = [max(bounds[0], float(limits.min)), min(bounds[1], float(limits.max))]
        if abs(bounds[0]) >= 2**53 or abs(bounds[1]) >= 2**53:
            raise Lacking("bounds of 64 bits")
    writer.add("Clip", (last,), tuple(bounds), dtype)


def _cast(writer: Writer, graph: Graph, node: Node) -> None:
    target = graph.dtype(node.output)
    writer.add("Cast", (writer.operand(node.inputs[0]),), (), target)


def _gelu(writer: Writer, graph: Graph, node: Node) -> None:
    op = "GeluTanh" if node.get("approximate", "none") == "tanh" else "Gelu"
    writer.add(op, (writer.operand(node.inputs[0]),), (), graph.dtype(node.output))


def _where(writer: Writer, graph: Graph, node: Node) -> None:
    writer.add("Where", tuple(writer.operand(name) for name in node.inputs), (), graph.dtype(node.output))


def _pow(writer: Writer, graph: Graph, node: Node) -> None:
    base, dtype = writer.operand(node.inputs[0]), graph.dtype(node.output)
    exponent = graph.constants.get(node.inputs[1])
    if exponent is not None and exponent.size == 1 and float(exponent.ravel()[0]) == 2.0:
        writer.add("Mul", (base, base), (), dtype)
        return
    power = writer.operand(node.inputs[1])
    if graph.dtype(node.inputs[1]) != dtype:
        power = writer.add("Cast", (power,), (), dtype)
    writer.add("Pow", (base, power), (), dtype)


def _mod(writer: Writer, graph: Graph, node: Node) -> None:
    if graph.dtype(node.output).startswith("float") and not node.get("fmod", 0):
        raise Lacking("the remainder of fractions by their divisor's sign")
    args = tuple(writer.operand(name) for name in node.inputs)
    writer.add("FMod" if node.get("fmod", 0) else "Mod", args, (), graph.dtype(node.output))


def _shift(writer: Writer, graph: Graph, node: Node) -> None:
    if not graph.dtype(node.output).startswith("u"):
        raise Lacking("shifts of signed numbers")
    op = "ShiftLeft" if node.get("direction") == "LEFT" else "ShiftRight"
    writer.add(op, tuple(writer.operand(name) for name in node.inputs), (), graph.dtype(node.output))


def _is_infinite(writer: Writer, graph: Graph, node: Node) -> None:
    signs = float(node.get("detect_negative", 1)), float(node.get("detect_positive", 1))
    writer.add("IsInf", (writer.operand(node.inputs[0]),), signs, graph.dtype(node.output))


_WRITERS: dict[str, Callable[[Writer, Graph, Node], None]] = {
    "Clip": _clip,
    "Cast": _cast,
    "CastLike": _cast,
    "Gelu": _gelu,
    "Where": _where,
    "Pow": _pow,
    "Mod": _mod,
    "BitShift": _shift,
    "IsInf": _is_infinite,
}
# All operators that become programs.
ELEMENTWISE = _UNARY | _BINARY | frozenset(_CHAINED) | frozenset(_WITH_NUMBERS) | frozenset(_WRITERS)
