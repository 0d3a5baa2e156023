"""Products of quantised numbers in whole numbers: x and w of a layer as shorts, its scale and bias after the sum.

What a QDQ file says is DequantizeLinear, product, QuantizeLinear. With x = s (q - z) and w = t p the product is
s t sum (q - z) p, so that the sum can be exact. q - z is kept as a short: the border of a picture then is zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from bench.backends.opencl.expressions import Instruction, Program
from bench.backends.opencl.graph import INTEGER_CONV, INTEGER_MATMUL, MAPPED, Array, Graph, Lacking, Node, Tensor
from bench.backends.opencl.layout import BLOCK
from bench.backends.opencl.lowering.convolutions import in_blocks
from bench.backends.opencl.shapes import without_unused

_BYTES = ("int8", "uint8")
_PRODUCTS = ("Conv", "MatMul")
# Sums of that many products of nine and eight bits still fit 32.
_DEEPEST = 2**31 // (255 * 128)


def with_scales(graph: Graph, folded: Graph) -> Graph:
    """`folded`, which has constants where `graph` has DequantizeLinear, with the scales of those that layers read."""
    made = {name: node for node in graph.nodes for name in node.outputs}
    scales = {}
    for node in graph.nodes:
        if node.op not in (*_PRODUCTS, "Gemm") or node.domain:
            continue
        name = node.inputs[1]
        source, weights = made.get(name), folded.constants.get(name)
        if source is None or source.op != "DequantizeLinear" or weights is None or weights.dtype != np.float32:
            continue
        scale = graph.constants.get(source.inputs[1])
        if scale is None or scale.dtype != np.float32 or source.get("block_size", 0):
            continue
        spread = _spread(scale, int(source.get("axis", 1)), weights)
        if spread is not None and _exact(weights, spread):
            scales[name] = spread
    return msgspec.structs.replace(folded, scales=scales)


def _spread(scale: Array, axis: int, weights: Array) -> Array | None:
    """A scale so that it broadcasts against the weights."""
    if scale.size == 1:
        return scale.reshape([1] * weights.ndim)
    axis = axis + weights.ndim if axis < 0 else axis
    if scale.ndim != 1 or not axis < weights.ndim or weights.shape[axis] != scale.size:
        return None
    return scale.reshape(-1, *[1] * (weights.ndim - axis - 1))


def steps(weights: Array, scale: Array) -> Array:
    """The whole numbers of dequantised weights."""
    return np.rint(weights / scale).astype(np.int16)


def _exact(weights: Array, scale: Array) -> bool:
    with np.errstate(all="ignore"):
        whole = np.rint(weights / scale)
        return bool(np.isfinite(whole).all() and (abs(whole) <= 255).all() and (whole * scale == weights).all())


def take_integer_products(graph: Graph) -> Graph:
    """The sized graph with all layers in whole numbers that can be."""
    return _Taking(graph).taken() if graph.scales else graph


class _Taking:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.made = {name: node for node in graph.nodes for name in node.outputs}
        self.constants, self.tensors = dict(graph.constants), dict(graph.tensors)
        self.layers = {node.output: node for node in graph.nodes if self._fits(node)}
        # Scale and zero point of what is kept as shorts, by its name: what these layers read, and all that is only
        # quantised and turned back.
        sources = [self.made[node.inputs[0]] for node in self.layers.values()]
        self.read = {source.inputs[0]: self._step(source) for source in sources}
        self.read |= {node.output: self._step(node) for node in graph.nodes if self._turned_back(node)}

    def taken(self) -> Graph:
        nodes = [one for name in self.graph.inputs if name in self.read for one in self._centred(name)]
        for node in self.graph.nodes:
            if node.output in self.layers:
                nodes.extend(self._layer(node))
            elif node.op == "DequantizeLinear" and self.read.get(node.inputs[0], ()) == self._step(node):
                nodes.append(self._back(node))
            else:
                nodes.append(node)
            nodes.extend(one for name in node.outputs if name in self.read for one in self._centred(name))
        made = msgspec.structs.replace(
            self.graph, nodes=tuple(nodes), constants=self.constants, tensors=self.tensors, scales={}
        )
        return without_unused(made)

    def _fits(self, node: Node) -> bool:
        graph = self.graph
        if node.op not in _PRODUCTS or node.domain or node.inputs[1] not in graph.scales:
            return False
        source = self.made.get(node.inputs[0])
        if source is None or source.op != "DequantizeLinear" or source.domain or self._step(source) is None:
            return False
        weights, scale = graph.constants[node.inputs[1]], graph.scales[node.inputs[1]]
        try:
            if node.op == "Conv":
                layer = in_blocks(graph, node)
                along = scale.size == 1 or scale.shape == (len(weights), *[1] * (weights.ndim - 1))
                return layer is not None and layer.source.block == BLOCK and along and weights[0].size < _DEEPEST
            along = scale.size == 1 or scale.shape in ((weights.shape[-1],), (1, weights.shape[-1]))
            shapes = graph.shape(node.inputs[0]), graph.shape(node.output)
            even = weights.ndim == 2 and len(weights) % 2 == 0 and 0 < len(weights) < _DEEPEST
            return even and along and min(len(one) for one in shapes) > 1 and 0 not in shapes[0]
        except Lacking:
            return False

    def _turned_back(self, node: Node) -> bool:
        """Whether a value is quantised, and read by DequantizeLinear alone."""
        if node.op != "QuantizeLinear" or node.domain or self._step(node) is None or node.output in self.graph.outputs:
            return False
        readers = [one for one in self.graph.nodes if node.output in one.inputs]
        known = self.graph.dtype(node.inputs[0]) == "float32" and self.graph.tensor(node.output).shape is not None
        return known and all(r.op == "DequantizeLinear" and self._step(r) == self._step(node) for r in readers)

    def _step(self, node: Node) -> tuple[float, int, str] | None:
        """Scale, zero point and type of numbers that have one of each."""
        scale, name = self.graph.constants.get(node.inputs[1]), node.input(2)
        zero = self.graph.constants.get(name) if name else np.zeros(1, np.int8)
        whole = self.graph.dtype(node.inputs[0] if node.op == "DequantizeLinear" else node.output)
        if scale is None or zero is None or scale.size != 1 or zero.size != 1 or scale.dtype != np.float32:
            return None
        return (float(scale.ravel()[0]), int(zero.ravel()[0]), whole) if whole in _BYTES else None

    def _centred(self, name: str) -> Iterator[Node]:
        """q - z as a short: from what was quantised, where that is known, else from q."""
        step, target, source = self.read[name], _named(name), self.made.get(name)
        assert step is not None
        scale, zero, whole = step
        self.tensors[target] = Tensor("int16", self.graph.shape(name))
        real = source is not None and source.op == "QuantizeLinear" and self._step(source) == step
        if real and source is not None and self.graph.dtype(source.inputs[0]) == "float32":
            limits = np.iinfo(whole)
            yield _mapped((source.inputs[0],), target, ("float32",), (
                Instruction("Const", (), (scale,)),
                Instruction("Div", (0, 1)),
                Instruction("Clip", (2,), (float(limits.min - zero), float(limits.max - zero))),
                Instruction("Round", (3,)),
                Instruction("Cast", (4,), (), "int16"),
            ))  # fmt: skip
            return
        yield _mapped((name,), target, (whole,), (
            Instruction("Cast", (0,)),
            Instruction("Const", (), (float(zero),)),
            Instruction("Sub", (1, 2)),
            Instruction("Cast", (3,), (), "int16"),
        ))  # fmt: skip

    def _back(self, node: Node) -> Node:
        """A DequantizeLinear of numbers that lie as shorts."""
        step = self._step(node)
        assert step is not None
        return _mapped((_named(node.inputs[0]),), node.output, ("int16",), (
            Instruction("Cast", (0,)),
            Instruction("Const", (), (step[0],)),
            Instruction("Mul", (1, 2)),
        ))  # fmt: skip

    def _layer(self, node: Node) -> Iterator[Node]:
        source = self.made[node.inputs[0]]
        step = self._step(source)
        assert step is not None
        weights, scale = self.graph.constants[node.inputs[1]], self.graph.scales[node.inputs[1]]
        whole, total, factor = f"{node.inputs[1]}/steps", f"{node.output}/sum", f"{node.output}/scale"
        self.constants[whole] = steps(weights, scale)
        self.tensors[total] = Tensor("int32", self.graph.shape(node.output))
        rank = len(self.graph.shape(node.output))
        shape = (1, -1, *[1] * (rank - 2)) if node.op == "Conv" else (-1,)
        count = weights.shape[0 if node.op == "Conv" else -1]
        both = np.float32(step[0]) * np.broadcast_to(scale.ravel(), count)
        self.constants[factor] = both.astype(np.float32).reshape(shape)
        yield Node(
            op=INTEGER_CONV if node.op == "Conv" else INTEGER_MATMUL,
            inputs=(_named(source.inputs[0]), whole),
            outputs=(total,),
            attributes=node.attributes,
        )
        inputs, instructions = [total, factor], [Instruction("Cast", (0,)), Instruction("Mul", (-1, 1))]
        if node.input(2):
            bias = f"{node.output}/bias"
            self.constants[bias] = self.graph.constants[node.input(2)].reshape(shape)
            inputs.append(bias)
            instructions.append(Instruction("Add", (-1, 2)))
        types = ("int32", *["float32"] * (len(inputs) - 1))
        yield _mapped(tuple(inputs), node.output, types, tuple(instructions))


def _named(name: str) -> str:
    return f"{name}/centred"


def _mapped(
    inputs: tuple[str, ...], output: str, types: tuple[str, ...], instructions: tuple[Instruction, ...]
) -> Node:
    """A program; an argument of -1 is the result of the instruction before."""
    placed = [
        msgspec.structs.replace(one, args=tuple(len(inputs) + k - 1 if arg == -1 else arg for arg in one.args))
        for k, one in enumerate(instructions)
    ]
    return Node(op=MAPPED, inputs=inputs, outputs=(output,), program=Program(types, tuple(placed)))
