"""What the harness itself adds in an open loop, with a system under test that does nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.loadgen.arrivals import poisson_ns
from bench.loadgen.driver import drive
from bench.loadgen.lane import Scheduled
from bench.loadgen.schedule import open_loop_columns
from bench.loadgen.timeline import in_memory, used
from bench.scoring.server import each_query

from .null_system import lane

SECONDS = 1.0


@pytest.mark.perf
@pytest.mark.parametrize(("rate", "batch"), [(1e3, 1), (1e4, 1), (1e5, 256), (1e6, 256)])
def test_latency_of_a_null_system(benchmark: BenchmarkFixture, rate: float, batch: int) -> None:
    """Reported: p50 and p99 from the scheduled moment, and how much longer than its schedule the run took."""
    times_ns = poisson_ns(int(rate * SECONDS), rate, seed=5)
    scheduled = lane(batch, Scheduled(times_ns=times_ns))
    latency_us: list[float] = []
    overrun: list[float] = []

    def once() -> None:
        timeline = in_memory(len(times_ns), open_loop=True)
        t0_ns = drive(scheduled, timeline).t0_ns
        queries = each_query(open_loop_columns(used(timeline), times_ns, t0_ns), times_ns)
        ordered = np.sort(queries.ended_ns - queries.scheduled_ns)
        latency_us.append(float(ordered[len(ordered) // 2]) / 1e3)
        latency_us.append(float(ordered[int(len(ordered) * 0.99)]) / 1e3)
        overrun.append(float(queries.ended_ns.max() / times_ns[-1]))

    benchmark.pedantic(once, rounds=7, warmup_rounds=1)
    benchmark.extra_info["p50_us"] = float(np.median(latency_us[2::2]))
    benchmark.extra_info["p99_us"] = float(np.median(latency_us[3::2]))
    benchmark.extra_info["over_schedule"] = float(np.median(overrun[1:]))
    # It keeps up: in most rounds the last answer comes right after the last query was due.
    assert np.median(overrun[1:]) < 1.05


@pytest.fixture
def one_core() -> Iterator[None]:
    """The process on one of the cores that it may use."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot hold a process on one core")
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(usable)})
    yield
    os.sched_setaffinity(0, usable)


@pytest.mark.perf
@pytest.mark.usefixtures("one_core")
def test_a_million_queries_a_second_on_one_core(benchmark: BenchmarkFixture) -> None:
    """Five seconds of it in each round: whoever falls behind a little ends far behind."""
    times_ns = poisson_ns(5_000_000, 1e6, seed=5)
    scheduled = lane(256, Scheduled(times_ns=times_ns))
    behind_us: list[float] = []
    p99_us: list[float] = []

    def once() -> None:
        timeline = in_memory(len(times_ns), open_loop=True)
        t0_ns = drive(scheduled, timeline).t0_ns
        queries = each_query(open_loop_columns(used(timeline), times_ns, t0_ns), times_ns)
        behind_us.append(float(queries.ended_ns.max() - times_ns[-1]) / 1e3)
        p99_us.append(float(np.quantile(queries.ended_ns - queries.scheduled_ns, 0.99)) / 1e3)

    benchmark.pedantic(once, rounds=3)
    benchmark.extra_info["p99_us"] = float(np.median(p99_us))
    benchmark.extra_info["behind_at_the_end_us"] = float(np.median(behind_us))
    # Of five seconds, a thousandth.
    assert np.median(behind_us) < 5_000
