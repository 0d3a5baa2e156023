"""Small lanes for tests of the driver, and the slow truth about what each row is fed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.loadgen.lane import AllDue, Closed, Lane
from bench.loadgen.outputs import OutputRing
from bench.loadgen.samples import LoadedSet

from ..fixtures import OUTPUT, ScriptedSession, as_sessions


def make_lane(
    sessions: list[ScriptedSession],
    issue: Closed | AllDue,
    count: int = 7,
    batch: int = 2,
    outputs: tuple[Tensor, ...] = (OUTPUT,),
) -> Lane:
    """A lane whose input `x` holds each sample's own number."""
    samples = LoadedSet({"x": np.arange(count, dtype=np.int64)}, batch, seed=3)
    rings = tuple(OutputRing(outputs, batch, worker) for worker in range(len(sessions)))
    return Lane(issue=issue, samples=samples, sessions=as_sessions(*sessions), rings=rings)


def slow_rows(order: NDArray[np.int64], rows: int, batch: int) -> list[list[int]]:
    """Sample numbers of each row, by walking through the order again and again."""
    walked = [int(order[position % len(order)]) for position in range(rows * batch)]
    return [walked[row * batch : (row + 1) * batch] for row in range(rows)]
