"""The network as this engine sees it: frozen nodes and constants, without ONNX's containers around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any  # Any: ONNX's attributes are numbers, texts, lists, tensors and graphs

import msgspec
from numpy.typing import NDArray

from bench.backends.opencl.expressions import Program

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]  # of whatever type the file has
# Names of operators of our own; nothing of ONNX's begins so.
MAPPED = "_Mapped"
# Products of whole numbers of 16 bits, with sums of 32; otherwise as ONNX has Conv and MatMul.
INTEGER_CONV, INTEGER_MATMUL = "_IntegerConv", "_IntegerMatMul"
# Products of floats that are kept in 16 bits, with sums in 32.
HALF_CONV, HALF_MATMUL = "_HalfConv", "_HalfMatMul"
# Products of any arithmetic; of convolutions, the type of what they read.
CONVOLUTIONS: Mapping[str, str] = {"Conv": "float32", INTEGER_CONV: "int16", HALF_CONV: "half"}
MATRIX_PRODUCTS = ("MatMul", INTEGER_MATMUL, HALF_MATMUL)


class Lacking(Exception):
    """This engine cannot do a node on the device; the message says what it lacks."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One operator. An optional input that is left out is "".

    `program` is what is done to each element: of the operands for MAPPED, of the result (operand 0) for a
    product, whose `inputs` then end with the program's other operands, `extras` in number.
    `proto` is the node as the file has it, for the host; None for what is ours.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = {}
    domain: str = ""
    program: Program | None = None
    extras: int = 0
    proto: onnx.NodeProto | None = None

    @property
    def output(self) -> str:
        return self.outputs[0]

    @property
    def own(self) -> tuple[str, ...]:
        """The inputs that the operator itself has, without those of its program."""
        return self.inputs[: len(self.inputs) - self.extras]

    def input(self, position: int) -> str:
        """The input at a position, "" where it is left out."""
        own = self.own
        return own[position] if position < len(own) else ""

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute's value; texts come as str."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value


def rewired(node: Node, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Node:
    """The same operator between other values."""
    from onnx import NodeProto

    proto = NodeProto()
    if node.proto is not None:
        proto.CopyFrom(node.proto)
        del proto.input[:], proto.output[:]
        proto.input.extend(inputs)
        proto.output.extend(outputs)
    return msgspec.structs.replace(
        node, inputs=inputs, outputs=outputs, proto=proto if node.proto is not None else None
    )


def read_inside(node: Node) -> set[str]:
    """What a node's own graphs (If, Loop) read, by name; some of it is their own."""
    from onnx import AttributeProto

    if node.proto is None:
        return set()
    pending = [one.g for one in node.proto.attribute if one.type == AttributeProto.GRAPH]
    found: set[str] = set()
    while pending:
        graph = pending.pop()
        for inner in graph.node:
            found.update(inner.input)
            pending.extend(one.g for one in inner.attribute if one.type == AttributeProto.GRAPH)
        found.update(value.name for value in graph.output)
    return found


class Tensor(msgspec.Struct, frozen=True):
    """Element type (numpy's name) and shape of a value; shape None where it is known only when it has been computed."""

    dtype: str
    shape: tuple[int, ...] | None


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes in an order in which they can run; `tensors` knows what has been inferred, constants included.

    `scales` has the scale of each constant that is whole numbers of 8 bits times a scale. `half`: what products read
    is to be kept in 16 bits.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Array]
    tensors: Mapping[str, Tensor] = {}
    scales: Mapping[str, Array] = {}
    half: bool = False
    opset: int = 17
    opsets: Mapping[str, int] = {}

    def tensor(self, name: str) -> Tensor:
        constant = self.constants.get(name)
        if constant is not None:
            return Tensor(str(constant.dtype), constant.shape)
        return self.tensors[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Raises Lacking where the shape is not known beforehand."""
        shape = self.tensor(name).shape
        if shape is None:
            raise Lacking("sizes that depend on the data")
        return shape

    def dtype(self, name: str) -> str:
        return self.tensor(name).dtype

    def uses(self) -> dict[str, int]:
        """How often each value is read; an output of the graph counts as read, and so does what an If reads inside."""
        counted: dict[str, int] = {}
        read = (name for node in self.nodes for name in {*node.inputs, *read_inside(node)})
        for name in (*read, *self.outputs):
            counted[name] = counted.get(name, 0) + 1
        return counted

    def integers(self, node: Node, attribute: str, position: int) -> tuple[int, ...] | None:
        """Whole numbers that older opsets have as an attribute and newer ones as an input; None where left out.

        Raises Lacking where the input is no constant.
        """
        if attribute in node.attributes:
            value = node.attributes[attribute]
            return (int(value),) if isinstance(value, int) else tuple(int(one) for one in value)
        name = node.input(position)
        if not name:
            return None
        if name not in self.constants:
            raise Lacking(f"{attribute} that depend on the data")
        return tuple(int(one) for one in self.constants[name].ravel())
