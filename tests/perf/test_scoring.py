"""Scoring one timeline of ten million queries: all percentiles, early stopping, intervals, sketch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.scoring.columns import Columns
from bench.scoring.score import score_single_stream

QUERIES = 10_000_000


def timeline() -> Columns:
    rng = np.random.default_rng(1)
    ended = np.cumsum(rng.lognormal(7, 0.4, QUERIES).astype(np.int64) + 50)
    scheduled = np.r_[0, ended[:-1]]
    return Columns(
        scheduled_ns=scheduled,
        started_ns=scheduled + 20,
        ended_ns=ended,
        first_query=np.arange(QUERIES, dtype=np.int32),
        queries=np.ones(QUERIES, np.int32),
        worker=np.zeros(QUERIES, np.int16),
        status=np.zeros(QUERIES, np.uint8),
    )


@pytest.mark.perf
def test_ten_million_queries(benchmark: BenchmarkFixture) -> None:
    columns = timeline()
    benchmark.pedantic(score_single_stream, args=(columns,), rounds=3, warmup_rounds=1)


@pytest.mark.perf
def test_memory_above_the_input_stays_under_a_gigabyte() -> None:
    columns = timeline()
    tracemalloc.start()
    score_single_stream(columns)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 1 << 30, f"{peak / 2**20:.0f} MiB"
