"""Products of floats that are kept in 16 bits: what they read is rounded where it is made, and sums stay in 32.

A value that a product reads lies in memory as halves alone, where all others that read it are element-wise: these
take it back to 32 bits on the way. Whoever else reads it (a pooling, a softmax) has it as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import msgspec
import numpy as np

from bench.backends.opencl.expressions import Instruction, Program
from bench.backends.opencl.graph import (
    HALF_CONV,
    HALF_MATMUL,
    MAPPED,
    Graph,
    Lacking,
    Node,
    Tensor,
    read_inside,
    rewired,
)
from bench.backends.opencl.layout import BLOCK
from bench.backends.opencl.lowering.convolutions import in_blocks
from bench.backends.opencl.rewrite.elementwise import ELEMENTWISE
from bench.backends.opencl.shapes import without_unused


def take_half_products(graph: Graph) -> Graph:
    """The sized graph with all products in halves that can be, where they are asked for."""
    return _Taking(graph).taken() if graph.half else graph


class _Taking:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants, self.tensors = dict(graph.constants), dict(graph.tensors)
        self.layers = {node.output for node in graph.nodes if self._fits(node)}
        self.read = {
            name
            for node in graph.nodes
            if node.outputs[0] in self.layers
            for name in node.inputs[:2]
            if name not in graph.constants
        }
        # What somebody reads in 32 bits anyway is kept so for all but the products.
        self.both = set(graph.outputs) | {
            name
            for node in graph.nodes
            if node.outputs[0] not in self.layers and not self._elementwise(node)
            for name in (*node.inputs, *read_inside(node))
        }

    def taken(self) -> Graph:
        nodes = [self._rounded(name) for name in self.graph.inputs if name in self.read]
        for node in self.graph.nodes:
            nodes.extend(self._layer(node) if node.outputs[0] in self.layers else self._other(node))
            nodes.extend(self._rounded(name) for name in node.outputs if name in self.read)
        made = msgspec.structs.replace(
            self.graph, nodes=tuple(nodes), constants=self.constants, tensors=self.tensors, half=False
        )
        return without_unused(made)

    def _fits(self, node: Node) -> bool:
        graph = self.graph
        if node.op not in ("Conv", "MatMul") or node.domain or node.program is not None:
            return False
        try:
            shapes = [graph.shape(name) for name in (*node.inputs[:2], node.output)]
            if {graph.dtype(name) for name in node.inputs[:2]} != {"float32"}:
                return False
            if node.op == "Conv":
                layer = in_blocks(graph, node)
                return layer is not None and layer.source.block == BLOCK
            # Several constant matrices would be packed on the device, where constants in halves have no copies.
            single = node.inputs[1] not in graph.constants or prod(shapes[1][:-2]) == 1
            proper = all(len(one) > 1 and 0 not in one for one in shapes)
            return single and proper and node.inputs[0] not in graph.constants
        except Lacking:
            return False

    @staticmethod
    def _elementwise(node: Node) -> bool:
        return node.op == MAPPED or (node.op in ELEMENTWISE and not node.domain)

    def _rounded(self, name: str) -> Node:
        self.tensors[_named(name)] = Tensor("half", self.graph.shape(name))
        return _cast(name, _named(name), "float32", "half")

    def _layer(self, node: Node) -> Iterator[Node]:
        inputs = list(node.inputs)
        for place, name in enumerate(node.inputs[:2]):
            inputs[place] = _named(name)
            if name in self.graph.constants:
                with np.errstate(over="ignore"):  # beyond halves is infinite, which the error of the answers tells
                    self.constants[_named(name)] = self.graph.constants[name].astype(np.float16)
        op = HALF_CONV if node.op == "Conv" else HALF_MATMUL
        yield Node(op=op, inputs=tuple(inputs), outputs=node.outputs, attributes=node.attributes)

    def _other(self, node: Node) -> Iterator[Node]:
        """A node of 32 bits; an element-wise one brings what lies as halves back itself."""
        back = {name for name in node.inputs if name in self.read - self.both} if self._elementwise(node) else set()
        inputs = tuple(f"{name}/for {node.outputs[0]}" if name in back else name for name in node.inputs)
        for name in sorted(back):
            there = f"{name}/for {node.outputs[0]}"
            self.tensors[there] = self.graph.tensor(name)
            yield _cast(_named(name), there, "half", "float32")
        yield rewired(node, inputs, node.outputs) if back else node


def _named(name: str) -> str:
    return f"{name}/half"


def _cast(source: str, target: str, taken: str, made: str) -> Node:
    program = Program((taken,), (Instruction("Cast", (0,), (), made),))
    return Node(op=MAPPED, inputs=(source,), outputs=(target,), program=program)
