"""Programs that follow a product alone become what is done to its results before they are stored."""

from __future__ import annotations

import msgspec

from bench.backends.opencl.expressions import Program
from bench.backends.opencl.graph import CONVOLUTIONS, MAPPED, MATRIX_PRODUCTS, Graph, Node
from bench.backends.opencl.lowering.convolutions import epilogue_fits, in_blocks
from bench.backends.opencl.lowering.products import product_fits


def take_in_epilogues(graph: Graph) -> Graph:
    """Bias, residual sum and activation after a Conv or MatMul as one step with it, where the last of them stood."""
    uses, kept = graph.uses(), dict[str, Node]()
    for node in graph.nodes:
        last = node
        for name in node.inputs if node.op == MAPPED else ():
            before = kept.get(name)
            if before is not None and uses[name] == 1 and _fits(graph, before, node):
                del kept[name]
                last = _with_epilogue(before, node)
                break
        kept[next(name for name in last.outputs if name)] = last
    return msgspec.structs.replace(graph, nodes=tuple(kept.values()))


def _fits(graph: Graph, before: Node, node: Node) -> bool:
    assert node.program is not None
    if before.domain or before.program is not None or not node.program.vectorises:
        return False
    if graph.tensor(before.output).shape is None or graph.shape(before.output) != graph.shape(node.output):
        return False
    others = [name for name in node.inputs if name != before.output]
    if before.op in CONVOLUTIONS:
        return in_blocks(graph, before) is not None and all(epilogue_fits(graph, before, name) for name in others)
    known = before.op != "MatMul" or graph.dtype(before.output) == "float32"
    if before.op in MATRIX_PRODUCTS and known and len(graph.shape(before.output)) > 1:
        return 0 not in graph.shape(before.inputs[0]) and all(product_fits(graph, before, name) for name in others)
    return False


def _with_epilogue(before: Node, node: Node) -> Node:
    assert node.program is not None
    others = [name for name in node.inputs if name != before.output]
    order = [before.output, *others]
    count = len(order)
    places = [order.index(name) for name in node.inputs]
    instructions = tuple(
        msgspec.structs.replace(one, args=tuple(places[arg] if arg < count else arg for arg in one.args))
        for one in node.program.instructions
    )
    types = tuple(node.program.operands[node.inputs.index(name)] for name in order)
    return msgspec.structs.replace(
        before,
        inputs=(*before.inputs, *others),
        outputs=node.outputs,
        program=Program(types, instructions),
        extras=len(others),
    )
