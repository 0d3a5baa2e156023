"""Several workers in one process, and the witness beside them: what Python's lock lets through, and what a look costs.

Ratios of runs that are interleaved in one process. The figures of docs/measurement.md are printed by this test.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from bench.loadgen.driver import drive
from bench.loadgen.lane import AllDue, Closed, Lane
from bench.loadgen.outputs import OutputRing
from bench.loadgen.timeline import in_memory
from bench.loadgen.witness import Witness

from .null_system import OUTPUT, lane

Arrays = Mapping[str, NDArray[np.generic]]
ROWS, ROUNDS = 500, 9


class Working:
    """A session that takes one and a half milliseconds, in which it keeps Python's lock, or lets it go."""

    def __init__(self, keeps_the_lock: bool) -> None:
        self._keeps = keeps_the_lock

    def run(self, batch: Arrays, out: Arrays) -> None:
        if self._keeps:
            until = time.thread_time_ns() + 1_500_000
            while time.thread_time_ns() < until:
                pass
        else:
            time.sleep(0.0015)
        for array in out.values():
            array.fill(0)

    def close(self) -> None:
        return


def rows_per_s(keeps_the_lock: bool, workers: int) -> float:
    several: Lane = msgspec.structs.replace(
        lane(1, AllDue()),
        sessions=tuple(Working(keeps_the_lock) for _ in range(workers)),
        rings=tuple(OutputRing([OUTPUT], 1, worker) for worker in range(workers)),
    )
    return ROWS * 1e9 / drive(several, in_memory(ROWS), witness=Witness()).elapsed_ns


def median_ratio(one: Callable[[], float], other: Callable[[], float]) -> float:
    return float(np.median([one() / other() for _ in range(ROUNDS)]))


@pytest.mark.perf
@pytest.mark.parametrize(
    ("keeps", "workers", "low", "high"), [(False, 2, 1.5, 2.1), (False, 4, 2.5, 4.2), (True, 2, 0.5, 1.5)]
)
def test_workers_share_the_lock(
    benchmark: BenchmarkFixture, keeps: bool, workers: int, low: float, high: float
) -> None:
    """Engines that let the lock go work side by side; those that keep it take turns."""
    ratio = median_ratio(lambda: rows_per_s(keeps, workers), lambda: rows_per_s(keeps, 1))
    benchmark.extra_info["times_one_worker"] = ratio
    benchmark.pedantic(lambda: rows_per_s(keeps, workers), rounds=1)
    assert low < ratio < high


@pytest.mark.perf
def test_a_witness_costs_a_null_system_next_to_nothing() -> None:
    rows = 300_000
    one = lane(1, Closed())
    ratio = median_ratio(
        lambda: drive(one, in_memory(rows), witness=Witness()).elapsed_ns,
        lambda: drive(one, in_memory(rows)).elapsed_ns,
    )
    assert ratio < 1.05
