"""Scoring a hundred timelines of a million queries, beside one pass of `np.partition` over the same data.

The bounds are ratios of processor time within one process: they hold on a busy machine, too.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.scoring.many import score_many
from bench.scoring.ragged import Ragged

TIMELINES, QUERIES = 100, 1_000_000
Made = tuple[Ragged, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def made() -> Made:
    rng = np.random.default_rng(1)
    latency = np.empty(TIMELINES * QUERIES, np.int64)
    ended = np.empty_like(latency)
    for first in range(0, latency.size, QUERIES):
        latency[first : first + QUERIES] = rng.lognormal(13, 0.4, QUERIES)
        np.cumsum(latency[first : first + QUERIES], out=ended[first : first + QUERIES])
    offsets = np.arange(TIMELINES + 1, dtype=np.int64) * QUERIES
    return Ragged(latency, offsets), ended, np.zeros(TIMELINES, np.int64)


def partitioned(latency: Ragged) -> None:
    for row in latency.values.reshape(TIMELINES, QUERIES):
        np.partition(row, QUERIES * 99 // 100)


def seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


@pytest.mark.perf
def test_a_hundred_timelines_of_a_million(benchmark: BenchmarkFixture, made: Made) -> None:
    alone, all_of_it = [], []

    def both() -> None:
        alone.append(seconds(lambda: partitioned(made[0])))
        all_of_it.append(seconds(lambda: score_many(*made)))

    benchmark.pedantic(both, rounds=3)
    benchmark.extra_info |= {"partition_s": min(alone), "scored_s": min(all_of_it)}
    assert min(all_of_it) <= 3.0 * min(alone), f"{min(all_of_it):.2f} s, np.partition {min(alone):.2f} s"


@pytest.mark.perf
def test_memory_stays_under_half_of_the_input(made: Made) -> None:
    tracemalloc.start()
    score_many(*made)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    given = made[0].values.nbytes + made[1].nbytes
    assert peak <= 0.5 * given, f"{peak / 2**20:.0f} MiB beside {given / 2**20:.0f}"
