"""Buffers that are needed at the same time never share memory, whatever the plan."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.memory import place, touched
from bench.backends.opencl.plan import Buffer, Launch, Plan

KERNEL = Kernel("k")


def plan(seed: int, count: int) -> Plan:
    """A network of random steps, each of which reads up to three earlier results and writes one of its own."""
    rng = np.random.default_rng(seed)
    buffers = [Buffer(0, 64)]
    steps = []
    for number in range(1, count + 1):
        made = Buffer(number, int(rng.integers(1, 9)) * 16, ("", "", "bordered")[rng.integers(3)])
        read = [buffers[k] for k in rng.integers(0, len(buffers), rng.integers(1, 4))]
        steps.append(Launch(kernel=KERNEL, arguments=(*read, made), size=(1,), writes=made, label=str(number)))
        buffers.append(made)
    outputs = {"last": buffers[-1], "other": buffers[int(rng.integers(0, len(buffers)))]}
    return Plan(samples=1, steps=tuple(steps), inputs={"x": buffers[0]}, outputs=outputs, tensors={}, weights={})


@given(st.integers(0, 10_000), st.integers(1, 30))
@settings(max_examples=80, deadline=None)
def test_no_result_is_overwritten_before_its_last_reader(seed: int, count: int) -> None:
    """Each step is carried out on the slots, with the buffer's number for its content."""
    made = plan(seed, count)
    placed = place(made)
    holds = {placed.slots[0]: 0}
    for step in made.steps:
        assert isinstance(step, Launch)
        for buffer in step.reads:
            assert holds[placed.slots[buffer.number]] == buffer.number
        assert placed.slots[step.writes.number] not in {placed.slots[one.number] for one in step.reads}
        holds[placed.slots[step.writes.number]] = step.writes.number
    for output in made.outputs.values():
        assert output is not None
        assert holds[placed.slots[output.number]] == output.number


@given(st.integers(0, 10_000), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_slots_are_large_enough_and_of_one_kind(seed: int, count: int) -> None:
    made = plan(seed, count)
    placed = place(made)
    for buffer in {one for step in made.steps for one in touched(step)}:
        assert placed.sizes[placed.slots[buffer.number]] >= buffer.nbytes
        assert placed.slots[buffer.number].sharing == buffer.sharing


def test_a_chain_needs_two_pieces_of_memory() -> None:
    buffers = [Buffer(number, 100) for number in range(20)]
    steps = tuple(
        Launch(kernel=KERNEL, arguments=(one, two), size=(1,), writes=two, label="") for one, two in pairwise(buffers)
    )
    chain = Plan(samples=1, steps=steps, inputs={"x": buffers[0]}, outputs={"y": buffers[-1]}, tensors={}, weights={})
    assert place(chain).nbytes == 200
