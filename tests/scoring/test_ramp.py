"""`bench.scoring.ramp`: the curve of a ramp against slow loops over queries, and its knee against theory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.scoring.columns import Columns
from bench.scoring.ramp import score_ramp

Int64s = NDArray[np.int64]
RATES = [100.0 * step for step in range(1, 13)]


def served(times: Int64s, service: Int64s) -> Columns:
    """One server, one query at a time, in order of arrival."""
    started, ended, free = np.empty_like(times), np.empty_like(times), 0
    for i, (due, taken) in enumerate(zip(times.tolist(), service.tolist(), strict=True)):
        started[i] = max(due, free)
        ended[i] = free = int(started[i]) + taken
    n = len(times)
    return Columns(
        scheduled_ns=times,
        started_ns=started,
        ended_ns=ended,
        first_query=np.arange(n, dtype=np.int32),
        queries=np.ones(n, np.int32),
        worker=np.zeros(n, np.int16),
        status=np.zeros(n, np.uint8),
    )


def rising(counts: list[int], rng: np.random.Generator) -> tuple[Int64s, NDArray[np.int32]]:
    gaps = [rng.exponential(1e9 / rate, count) for rate, count in zip(RATES, counts, strict=False)]
    times = np.cumsum(np.concatenate(gaps)).astype(np.int64)
    return times, np.repeat(np.arange(len(counts), dtype=np.int32), counts)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 999), st.integers(1, 40))
def test_against_a_loop_over_queries(counts: list[int], seed: int, bound_ms: int) -> None:
    rng = np.random.default_rng(seed)
    times, step = rising(counts, rng)
    queries, bound = served(times, rng.integers(10**5, 10**7, times.size)), bound_ms * 10**6
    score = score_ramp(queries, step, bound)
    begin = 0
    for number, point in enumerate(score.curve):
        own = [i for i in range(times.size) if step[i] == number]
        end = int(times[own[-1]])
        seconds = (end - begin) / 1e9
        latency = [int(queries.ended_ns[i] - times[i]) for i in own]
        assert point.queries == len(own)
        assert point.offered_per_s == pytest.approx(len(own) / seconds)
        assert point.completed_per_s == pytest.approx(sum(begin < int(e) <= end for e in queries.ended_ns) / seconds)
        assert point.goodput_per_s == pytest.approx(sum(one <= bound for one in latency) / seconds)
        assert point.latency_mean_ns == pytest.approx(np.mean(latency))
        begin = end
    peak = max(point.goodput_per_s for point in score.curve)
    if peak > 0:
        assert score.metrics["goodput_peak_per_s"].value == pytest.approx(peak)
        assert score.metrics["goodput_retained"].value == pytest.approx(score.curve[-1].goodput_per_s / peak)
    else:
        assert score.metrics["goodput_peak_per_s"].refusal is not None


def test_the_knee_of_a_queue_is_where_theory_has_it() -> None:
    """M/D/1: power = rate / (D (1 + rho / (2 (1 - rho)))) is greatest at rho = 2 - sqrt 2 = 0.586; the grid has 0.6."""
    rng = np.random.default_rng(7)
    times, step = rising([4000] * 12, rng)
    score = score_ramp(served(times, np.full(times.size, 10**6)), step, 10**9)
    knee = score.metrics["knee_per_s"].value
    assert knee == pytest.approx(600.0, rel=0.2)


def test_an_overloaded_queue_completes_what_it_can_and_keeps_no_goodput() -> None:
    rng = np.random.default_rng(3)
    times, step = rising([2000] * 12, rng)
    score = score_ramp(served(times, np.full(times.size, 10**6)), step, 2 * 10**7)
    assert score.curve[-1].completed_per_s == pytest.approx(1000.0, rel=0.01)
    assert score.metrics["throughput_retained"].value == pytest.approx(1.0, abs=0.03)
    assert score.metrics["goodput_retained"].value == 0.0
    assert score.curve[-1].latency_p99_ns > score.curve[0].latency_p99_ns  # type: ignore[operator]


def test_failed_queries_are_no_goodput_and_leave_no_mean() -> None:
    times, step = rising([50, 50], np.random.default_rng(1))
    queries = served(times, np.full(100, 1000))
    queries.status[60] = 1
    score = score_ramp(queries, step, 10**9)
    assert score.curve[0].latency_mean_ns is not None
    assert score.curve[1].latency_mean_ns is None
    assert score.metrics["failed_share"].value == pytest.approx(0.01)
    queries.status[:] = 1
    assert score_ramp(queries, step, 10**9).metrics["knee_per_s"].refusal is not None
