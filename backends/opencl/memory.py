"""Which buffers of a plan lie in the same memory: those that are not needed at the same time."""

from __future__ import annotations

import msgspec

from bench.backends.opencl.plan import Buffer, Launch, OnHost, Plan, Step

# The kind of what host and device share: it stays with its input or output, and the driver chooses where it lies.
EXCHANGED = "exchanged"


class Slot(msgspec.Struct, frozen=True):
    """One piece of memory: the `number`th of those that buffers of one kind of `sharing` lie in."""

    sharing: str
    number: int


class Placement(msgspec.Struct, frozen=True):
    """The slot of each buffer by its number, and how large each slot must be, in bytes."""

    slots: dict[int, Slot]
    sizes: dict[Slot, int]

    @property
    def nbytes(self) -> int:
        return sum(self.sizes.values())


def touched(step: Step) -> tuple[Buffer, ...]:
    """The buffers that a step reads or writes."""
    if isinstance(step, OnHost):
        return tuple(buffer for buffer, _ in (*step.reads_device.values(), *step.writes_device.values()))
    assert isinstance(step, Launch)
    return tuple(one for one in step.arguments if isinstance(one, Buffer))


def place(plan: Plan, exchanging: bool = False) -> Placement:
    """Go through the steps and give each buffer the best free slot; one is free after its last step.

    Inputs are there before the first step and outputs after the last; with `exchanging` they are apart from the rest.
    """
    last: dict[int, int] = {}
    for position, step in enumerate(plan.steps):
        last.update({buffer.number: position for buffer in touched(step)})
    last.update({buffer.number: len(plan.steps) for buffer in plan.outputs.values() if buffer is not None})
    outside = (*plan.inputs.values(), *(one for one in plan.outputs.values() if one is not None))
    placing = _Placing(frozenset(one.number for one in outside) if exchanging else frozenset())
    for buffer in plan.inputs.values():
        placing.take(buffer)
    for position, step in enumerate(plan.steps):
        for buffer in touched(step):
            placing.take(buffer)
        for buffer in set(touched(step)):
            if last[buffer.number] == position:
                placing.release(buffer)
    for output in plan.outputs.values():
        if output is not None:
            placing.take(output)
    return Placement(placing.slots, placing.sizes)


class _Placing:
    def __init__(self, exchanged: frozenset[int]) -> None:
        self._exchanged = exchanged
        self.slots: dict[int, Slot] = {}
        self.sizes: dict[Slot, int] = {}
        self._free: dict[str, list[Slot]] = {}
        self._counts: dict[str, int] = {}

    def take(self, buffer: Buffer) -> None:
        """The smallest free slot that is large enough, else the largest, which grows; else a new one."""
        if buffer.number in self.slots:
            return
        kind = self._kind(buffer)
        free = self._free.setdefault(kind, [])
        enough = [slot for slot in free if self.sizes[slot] >= buffer.nbytes]
        if enough:
            slot = min(enough, key=lambda one: self.sizes[one])
        elif free:
            slot = max(free, key=lambda one: self.sizes[one])
        else:
            number = self._counts.get(kind, 0)
            self._counts[kind] = number + 1
            slot = Slot(kind, number)
        if slot in free:
            free.remove(slot)
        self.sizes[slot] = max(self.sizes.get(slot, 0), buffer.nbytes)
        self.slots[buffer.number] = slot

    def release(self, buffer: Buffer) -> None:
        if buffer.number not in self._exchanged:
            self._free[buffer.sharing].append(self.slots[buffer.number])

    def _kind(self, buffer: Buffer) -> str:
        return EXCHANGED if buffer.number in self._exchanged else buffer.sharing
