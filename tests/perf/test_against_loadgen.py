"""A system that does nothing under our driver and under MLPerf LoadGen, in interleaved pairs of fresh processes.

What is asserted are ratios of medians over the pairs, so that a slow machine does not change the verdict.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from .null_run import Figures, Scenario, run_in_child

pytest.importorskip("mlperf_loadgen", reason="the extra `mlperf` is not installed")

PAIRS = 10
Pair = tuple[Figures, Figures]


def pairs(
    benchmark: BenchmarkFixture, scenario: Scenario, counts: tuple[int, int], rate: float = 0.0, other: str = "loadgen"
) -> Callable[[str], float]:
    """Run the pairs; the answer gives the ratio of medians, ours over LoadGen's, of a figure by its name."""
    seen: list[Pair] = []

    def pair() -> None:
        # Who goes first alternates, so that drift of the machine favours neither.
        order = ("bench", other) if len(seen) % 2 else (other, "bench")
        got = {name: run_in_child(name, scenario, counts[name != "bench"], rate) for name in order}
        seen.append((got["bench"], got[other]))

    benchmark.pedantic(pair, rounds=PAIRS)

    def ratio(name: str) -> float:
        ours, theirs = (statistics.median(entry[side][name] for entry in seen) for side in (0, 1))
        benchmark.extra_info[name] = {"bench": ours, other: theirs, "ratio": ours / theirs}
        return ours / theirs

    return ratio


@pytest.mark.perf
@pytest.mark.parametrize(("rate", "most_p50", "most_p99"), [(1e3, 0.6, 1.0), (1e4, 0.25, 0.5)])
def test_poisson_latency(benchmark: BenchmarkFixture, rate: float, most_p50: float, most_p99: float) -> None:
    ratio = pairs(benchmark, "server", (int(2 * rate), int(2 * rate)), rate)
    p50, p99 = ratio("p50_ns"), ratio("p99_ns")
    assert p50 <= most_p50
    assert p99 <= most_p99


@pytest.mark.perf
@pytest.mark.parametrize(("other", "most"), [("loadgen-traced", 0.15), ("loadgen", 0.18)])
def test_single_stream_time_per_query(benchmark: BenchmarkFixture, other: str, most: float) -> None:
    """Our driver keeps the times of every query, as LoadGen does with its trace only."""
    ratio = pairs(benchmark, "single_stream", (2_000_000, 300_000), other=other)
    assert ratio("ns_per_query") <= most


@pytest.mark.perf
def test_offline_rate(benchmark: BenchmarkFixture) -> None:
    # LoadGen's list of samples is handed over whole, so it gets as many as take about a second.
    ratio = pairs(benchmark, "offline", (50_000_000, 500_000))
    assert ratio("samples_per_s") >= 40


@pytest.mark.perf
@pytest.mark.parametrize(("scenario", "rate"), [("single_stream", 0.0), ("server", 2e6)])
def test_memory_per_sample(benchmark: BenchmarkFixture, scenario: Scenario, rate: float) -> None:
    """What two million more queries add to the highest memory of our driver, secret samples included."""
    few, many = 200_000, 2_200_000
    grown: list[float] = []

    def once() -> None:
        least, most = (run_in_child("bench", scenario, count, rate)["memory_bytes"] for count in (few, many))
        grown.append((most - least) / (many - few))

    benchmark.pedantic(once, rounds=3)
    benchmark.extra_info["bytes_per_sample"] = statistics.median(grown)
    assert statistics.median(grown) <= 48
