"""What the harness itself costs per query, with the fake backend at zero delay. Reported, and held as a ratio.

Run by `make perf`. The ratios compare with a bare Python loop over the same calls in the same process, interleaved,
so that a slow or busy machine does not change the verdict.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter_ns

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.loadgen.driver import drive
from bench.loadgen.lane import AllDue, Closed
from bench.loadgen.outputs import SecretSample
from bench.loadgen.timeline import in_memory

from .null_system import lane


def seconds(work: Callable[[], object]) -> float:
    begun = perf_counter_ns()
    work()
    return (perf_counter_ns() - begun) / 1e9


@pytest.mark.perf
def test_single_stream_costs_half_a_microsecond(benchmark: BenchmarkFixture) -> None:
    rows = 400_000
    one = lane(1, Closed())

    def whole_loop() -> None:
        drive(one, in_memory(rows), SecretSample(rows, 1, seed=3))

    benchmark.pedantic(whole_loop, rounds=7, warmup_rounds=1)
    per_query_us = benchmark.stats.stats.median / rows * 1e6
    benchmark.extra_info["microseconds_per_query"] = per_query_us


@pytest.mark.perf
def test_offline_at_batch_256(benchmark: BenchmarkFixture) -> None:
    batch, rows = 256, 40_000
    one = lane(batch, AllDue())

    def whole_loop() -> None:
        drive(one, in_memory(rows), SecretSample(rows, batch, seed=3))

    benchmark.pedantic(whole_loop, rounds=7, warmup_rounds=1)
    benchmark.extra_info["million_samples_per_s"] = rows * batch / benchmark.stats.stats.median / 1e6


@pytest.mark.perf
def test_single_stream_against_a_bare_loop() -> None:
    """The driver does more than a bare loop (it polices outputs and keeps times) for at most twice its cost."""
    rows = 100_000
    one = lane(1, Closed())
    session, batches, out = one.sessions[0], one.samples.batches, one.rings[0].slots[0]

    def bare() -> None:
        for row in range(rows):
            perf_counter_ns()
            session.run(batches[row & 1023], out)
            perf_counter_ns()

    ratios = []
    for _ in range(9):
        # Without the collection of garbage before it, which takes as long as the whole heap is large.
        ratios.append(drive(one, in_memory(rows)).elapsed_ns / 1e9 / seconds(bare))
    assert statistics.median(ratios) < 2.0
