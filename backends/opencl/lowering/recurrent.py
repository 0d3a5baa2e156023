"""LSTM, GRU and RNN: a launch a step, or two; see `rewrite/recurrent.py` for what comes before."""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from bench.backends.opencl.expressions import Instruction, Program, copying
from bench.backends.opencl.graph import Lacking, Node
from bench.backends.opencl.kernels.recurrent import LANES, Cell, packed_recurrent, step
from bench.backends.opencl.layout import View, contiguous
from bench.backends.opencl.lowering.builder import Builder
from bench.backends.opencl.plan import Buffer, Weight
from bench.backends.opencl.rewrite.recurrent import DIRECTIONS, GATES, refuse_recurrent

_ZERO = Program((), (Instruction("Const", (), (0.0,)),))


def refuse(build: Builder, node: Node) -> None:
    """A node that was left as it is. Raises Lacking, always."""
    refuse_recurrent(build.graph, node)
    raise Lacking("the operator")


def lower_recurrent(build: Builder, node: Node) -> None:
    """All steps of all directions, and the last h and c where they are wanted."""
    kind = node.op.removeprefix("_")
    steps, samples, _ = build.shape(node.inputs[0])
    directions, _, units = build.shape(node.inputs[1])
    gates = GATES[kind]
    state = directions, samples, units
    packed = _packed(build, node.inputs[1], Cell(kind, gates, units, directions))
    product = build.plain(node.inputs[0])
    bias = build.plain(node.inputs[2]) if node.inputs[2] else _zeros(build, directions * units)
    first = build.plain(node.inputs[3]) if node.inputs[3] else _zeros(build, prod(state))
    wanted = [name if place < len(node.outputs) else "" for place, name in enumerate((*node.outputs, "", "", "")[:3])]
    every = build.new_plain(wanted[0]) if wanted[0] else build.buffer(4 * steps * prod(state))
    memory = _memory(build, wanted[2], node.inputs[4], state) if kind == "LSTM" else None
    parts = [""]
    if kind == "GRU":
        parts = ["linear"] if node.get("linear_before_reset", 0) else ["reset", "new"]
    scratch = build.buffer(4 * prod(state)) if "reset" in parts else None
    cells = [Cell(kind, gates, units, directions, part) for part in parts]
    for direction, backwards in enumerate(DIRECTIONS[node.get("direction", "forward")]):
        order = list(range(steps))[:: -1 if backwards else 1]
        for place, now in enumerate(order):
            numbers = samples, direction, now, order[place - 1] if place else -1
            for cell in cells:
                # Memory that a cell has not is never touched: any stands in for it.
                writes = scratch if cell.part == "reset" and scratch is not None else every
                build.launch(
                    step(cell),
                    [product, packed, bias, first, every, memory or every, scratch or every, *numbers],
                    (cell.blocks, samples),
                    writes,
                    samples * units * units * (gates if len(cells) == 1 else {"reset": 1, "new": 2}[cell.part]),
                )
    if wanted[1]:
        _last(build, wanted[1], every, steps, state, DIRECTIONS[node.get("direction", "forward")])


def _zeros(build: Builder, count: int) -> Weight:
    return build.weight(f"zeros {count}", lambda: np.zeros(count, np.float32))


def _memory(build: Builder, result: str, first: str, state: tuple[int, ...]) -> Buffer:
    """What a cell remembers besides h: begins as given, or as zeros, and ends as the result."""
    memory = build.new_plain(result) if result else build.buffer(4 * prod(state))
    view = View(0, contiguous(state))
    if first:
        build.map(copying("float32"), state, [(build.plain(first), view)], memory, view)
    else:
        build.map(_ZERO, state, [], memory, view)
    return memory


def _packed(build: Builder, name: str, cell: Cell) -> Buffer | Weight:
    """Recurrent weights as `packed_recurrent` has them; on the device where they depend on the data."""
    constant = build.graph.constants.get(name)
    if constant is not None:
        return build.weight(f"{name} recurrent", partial(packed_recurrent, constant, cell.gates))
    units, gates, lanes = cell.units, cell.gates, LANES
    block = units * gates * lanes
    source, whole = build.plain(name), cell.directions * cell.blocks * block
    made = build.buffer(4 * whole)
    build.map(_ZERO, (whole,), [], made, View(0, (1,)))
    full, rest = divmod(units, lanes)
    for first, count, wide in [*([(0, full, lanes)] if full else []), *([(full, 1, rest)] if rest else [])]:
        sizes = cell.directions, gates, count, units, wide
        taken = View(first * lanes * units, (gates * units * units, units * units, lanes * units, 1, units))
        placed = View(first * block, (cell.blocks * block, lanes, block, gates * lanes, 1))
        build.map(copying("float32"), sizes, [(source, taken)], made, placed)
    return made


def _last(
    build: Builder, name: str, every: Buffer, steps: int, state: tuple[int, ...], directions: tuple[bool, ...]
) -> None:
    """The h of each direction's last step."""
    target, size = build.new_plain(name), prod(state[1:])
    for direction, backwards in enumerate(directions):
        taken = (0 if backwards else steps - 1) * prod(state) + direction * size
        build.map(copying("float32"), (size,), [(every, View(taken, (1,)))], target, View(direction * size, (1,)))
