"""Neighbouring element-wise programs as one: a value that only the next program reads never goes to memory."""

from __future__ import annotations

import msgspec

from bench.backends.opencl.expressions import Instruction, Program
from bench.backends.opencl.graph import MAPPED, Graph, Node
from bench.backends.opencl.rewrite.elementwise import mapped

_MOST_OPERANDS, _MOST_INSTRUCTIONS = 8, 40


def joined(first: Node, second: Node) -> Node | None:
    """One program for two, where `second` reads what `first` makes; None where it would become too long."""
    assert first.program is not None
    assert second.program is not None
    inner, outer = first.program, second.program
    names = list(first.inputs)
    names += [name for name in second.inputs if name != first.output and name not in names]
    shift = len(names) - len(inner.operands)
    if len(names) > _MOST_OPERANDS or len(inner.instructions) + len(outer.instructions) > _MOST_INSTRUCTIONS:
        return None
    count = len(inner.operands)
    moved = [
        msgspec.structs.replace(one, args=tuple(arg if arg < count else arg + shift for arg in one.args))
        for one in inner.instructions
    ]
    result = len(names) + len(moved) - 1 if moved else count - 1
    places = [result if name == first.output else names.index(name) for name in second.inputs]
    base = len(names) + len(moved) - len(places)
    moved += [
        msgspec.structs.replace(one, args=tuple(places[arg] if arg < len(places) else arg + base for arg in one.args))
        for one in outer.instructions
    ]
    types = [inner.operands[first.inputs.index(n)] if n in first.inputs else _type_of(n, second) for n in names]
    program = straightened(Program(tuple(types), tuple(moved)))
    return Node(op=MAPPED, inputs=tuple(names), outputs=second.outputs, program=program)


def straightened(program: Program) -> Program:
    """Without ways through shorts and back: what has been rounded is a whole number as it is."""
    count = len(program.operands)
    made = dict(enumerate(program.instructions, count))
    instructions: list[Instruction] = []
    places = list(range(count))
    for number, one in enumerate(program.instructions, count):
        short = made.get(one.args[0]) if one.args else None
        rounded = made.get(short.args[0]) if short is not None and short.op == "Cast" and short.args else None
        if (
            (one.op, one.dtype) == ("Cast", "float32")
            and short is not None
            and short.dtype == "int16"
            and rounded is not None
            and (rounded.op, rounded.dtype) == ("Round", "float32")
            and number < count + len(program.instructions) - 1
        ):
            places.append(places[short.args[0]])
            continue
        places.append(count + len(instructions))
        instructions.append(msgspec.structs.replace(one, args=tuple(places[arg] for arg in one.args)))
    return Program(program.operands, _needed(count, instructions))


def _needed(count: int, instructions: list[Instruction]) -> tuple[Instruction, ...]:
    """What leads to the last instruction."""
    needed = {len(instructions) - 1}
    for number in reversed(range(len(instructions))):
        if number in needed:
            needed.update(arg - count for arg in instructions[number].args if arg >= count)
    order = sorted(needed)
    places = {count + number: count + place for place, number in enumerate(order)}
    return tuple(
        msgspec.structs.replace(
            instructions[number], args=tuple(places.get(arg, arg) for arg in instructions[number].args)
        )
        for number in order
    )


def _type_of(name: str, node: Node) -> str:
    assert node.program is not None
    return node.program.operands[node.inputs.index(name)]


def join_elementwise(graph: Graph) -> Graph:
    """Programs that feed one other program alone, of the same shape, become part of it."""
    uses, kept = graph.uses(), dict[str, Node]()
    for node in graph.nodes:
        last = mapped(graph, node) or node
        while (found := _to_join(graph, last, kept, uses)) is not None:
            before, merged = found
            del kept[before.output]
            for name in set(before.inputs) & set(last.inputs):
                uses[name] -= 1
            last = merged
        kept[next(name for name in last.outputs if name)] = last
    return msgspec.structs.replace(graph, nodes=tuple(kept.values()))


def _to_join(graph: Graph, node: Node, kept: dict[str, Node], uses: dict[str, int]) -> tuple[Node, Node] | None:
    """A program before this one that can become part of it, and both as one."""
    if node.op != MAPPED:
        return None
    for name in node.inputs:
        before = kept.get(name)
        if before is None or before.op != MAPPED or uses[name] != 1:
            continue
        # What is repeated for a larger result would be computed as often; a number costs nothing.
        if before.inputs and graph.shape(name) != graph.shape(node.output):
            continue
        merged = joined(before, node)
        if merged is not None:
            return before, merged
    return None
