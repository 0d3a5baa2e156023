"""`bench.scoring.score` and the registry: whole scenarios by brute force, failures, JSON, memory, imports."""

from __future__ import annotations

import math
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.records.metrics import METRICS, PRIMARY
from bench.records.numbers import Interval, Refusal, Score
from bench.records.plan import OPEN_LOOPS
from bench.scoring.columns import FAILED_NS, Columns
from bench.scoring.ramp import score_ramp
from bench.scoring.score import SCORERS, score_multi_stream, score_offline, score_single_stream
from bench.scoring.server import score_server, score_streams

from .reference import closed_loop, make_columns, slow_percentile


def single_stream(n: int = 10_000, failed: int = 0, gap_ns: int = 40) -> Columns:
    random = np.random.default_rng(1)
    status = np.zeros(n, np.uint8)
    status[random.choice(n, failed, replace=False)] = 2
    return closed_loop(random.lognormal(13.0, 0.2, n).astype(np.int64), gap_ns, status)


def multi_stream(queries: int = 3000, parts: int = 2, gap_ns: int = 40) -> Columns:
    random = np.random.default_rng(2)
    service = random.integers(1000, 2000, (queries, parts))
    ends = np.cumsum(service.max(axis=1) + gap_ns)
    begins = ends - service.max(axis=1) - gap_ns
    rows = [
        (int(begins[q]), int(begins[q]) + gap_ns, int(begins[q]) + gap_ns + int(service[q, part]), q, 0)
        for q in range(queries)
        for part in range(parts)
    ]
    return make_columns(rows, samples_per_query=8, worker=list(range(parts)) * queries)


def offline(rows: int = 400, failed: int = 0) -> Columns:
    random = np.random.default_rng(3)
    service = random.integers(900, 1100, rows)
    ended = np.cumsum(service)
    status = (np.arange(rows) < failed).astype(int)
    table = [
        (0, int(e - s), int(e), 32 * i, int(x)) for i, (e, s, x) in enumerate(zip(ended, service, status, strict=True))
    ]
    return make_columns(table, queries=[32] * (rows - 1) + [7])


def test_single_stream_by_brute_force() -> None:
    columns = single_stream()
    score = score_single_stream(columns)
    latency = (columns.ended_ns - columns.scheduled_ns).tolist()
    served = (columns.ended_ns - columns.started_ns).tolist()
    values = {name: entry.value for name, entry in score.metrics.items()}
    tolerable = int(np.flatnonzero(stats.binom.cdf(np.arange(1200), 10_000, 0.1) <= 0.01)[-1])
    assert values == {
        "latency_p50_ns": slow_percentile(latency, "0.5"),
        "latency_p90_ns": slow_percentile(latency, "0.9"),
        "latency_p99_ns": slow_percentile(latency, "0.99"),
        "latency_p999_ns": slow_percentile(latency, "0.999"),
        "latency_mean_ns": pytest.approx(sum(latency) / 10_000),
        "latency_p90_from_start_ns": slow_percentile(served, "0.9"),
        "latency_p90_early_stopping_ns": sorted(served)[10_000 - tolerable],
        "queries_per_s": pytest.approx(10_000 * 1e9 / columns.ended_ns[-1]),
        "failed_share": 0.0,
    }
    assert values["latency_p90_ns"] == values["latency_p90_from_start_ns"] + 40  # type: ignore[operator]
    assert (score.sketch.count, sum(score.sketch.window_completed)) == (10_000, 10_000)


def test_every_interval_holds_its_value() -> None:
    for scenario, columns in (
        ("single_stream", single_stream()),
        ("multi_stream", multi_stream()),
        ("offline", offline()),
    ):
        score = SCORERS[scenario](columns)
        for name, entry in score.metrics.items():
            assert entry.value is not None or entry.refusal is not None
            if entry.interval is not None:
                assert entry.value is not None
                assert entry.interval.low <= entry.value <= entry.interval.high, (scenario, name)
        assert isinstance(score.metrics[PRIMARY[scenario]].interval, Interval)


def test_multi_stream_by_brute_force() -> None:
    columns = multi_stream()
    score = score_multi_stream(columns)
    by_query: dict[int, list[int]] = {}
    for row in range(columns.rows):
        by_query.setdefault(int(columns.first_query[row]), []).append(row)
    latency = [int(max(columns.ended_ns[rows]) - columns.scheduled_ns[rows[0]]) for rows in by_query.values()]
    served = [int(max(columns.ended_ns[rows]) - min(columns.started_ns[rows])) for rows in by_query.values()]
    metrics = score.metrics
    assert metrics["latency_p99_ns"].value == slow_percentile(latency, "0.99")
    assert metrics["latency_p99_from_start_ns"].value == slow_percentile(served, "0.99")
    assert metrics["samples_per_s"].value == pytest.approx(3000 * 8e9 / columns.ended_ns.max())
    assert metrics["queries_per_s"].value == pytest.approx(3000 * 1e9 / columns.ended_ns.max())
    assert metrics["latency_p999_ns"].refusal == Refusal(code="too-few-queries", seen=3000, limit=6636)
    assert sum(score.sketch.window_completed) == 24_000


def test_multi_stream_rows_in_any_order() -> None:
    columns = multi_stream()
    order = np.random.default_rng(4).permutation(columns.rows)
    names = ("scheduled_ns", "started_ns", "ended_ns", "first_query", "worker")
    shuffled = replace(columns, **{name: getattr(columns, name)[order] for name in names})
    assert score_multi_stream(shuffled) == score_multi_stream(columns)


def test_offline_by_brute_force() -> None:
    columns = offline()
    score = score_offline(columns)
    assert set(score.metrics) == {"samples_per_s", "failed_share"}
    assert score.metrics["samples_per_s"].value == pytest.approx((399 * 32 + 7) * 1e9 / columns.ended_ns[-1])
    assert score.sketch.quantity == "service_ns"
    assert sum(score.sketch.window_completed) == 399 * 32 + 7
    assert score.sketch.values[-1] == (columns.ended_ns - columns.started_ns).max()


def test_offline_failures_count_as_time_but_not_as_samples() -> None:
    columns = offline(failed=100)
    metrics = score_offline(columns).metrics
    assert metrics["samples_per_s"].value == pytest.approx((299 * 32 + 7) * 1e9 / columns.ended_ns[-1])
    assert metrics["failed_share"].value == 3200 / (399 * 32 + 7)


def test_a_percentile_on_a_failed_query_is_refused_in_a_record() -> None:
    metrics = score_single_stream(single_stream(10_000, failed=200)).metrics
    assert metrics["latency_p90_ns"].value is not None
    assert metrics["latency_p99_ns"].refusal == Refusal(code="queries-failed", seen=0.02, limit=1.0 - 0.99)
    assert metrics["latency_p99_ns"].interval_refusal is None
    assert metrics["latency_mean_ns"].refusal == Refusal(code="queries-failed", seen=0.02, limit=0.0)
    assert metrics["failed_share"].value == 0.02
    assert metrics["queries_per_s"].value is not None


def test_failures_make_percentiles_worse_never_better() -> None:
    good, bad = single_stream(), single_stream(failed=50)
    for name in ("latency_p50_ns", "latency_p90_ns", "latency_p99_ns", "latency_p90_early_stopping_ns"):
        assert score_single_stream(bad).metrics[name].value >= score_single_stream(good).metrics[name].value  # type: ignore[operator]


@pytest.mark.parametrize("scenario", list(SCORERS))
def test_everything_failed(scenario: str) -> None:
    columns = replace(single_stream(2000), status=np.ones(2000, np.uint8))
    score = SCORERS[scenario](columns)
    assert score.metrics["failed_share"].value == 1.0
    primary = score.metrics[PRIMARY[scenario]]
    assert primary.value is None
    assert primary.refusal is not None
    assert primary.refusal.code == "queries-failed"
    assert set(score.sketch.values) == {None}


@pytest.mark.parametrize("scenario", list(SCORERS))
def test_one_row(scenario: str) -> None:
    score = SCORERS[scenario](make_columns([(0, 5, 1000, 0, 0)]))
    rate = score.metrics["samples_per_s" if scenario == "offline" else "queries_per_s"]
    assert rate.value == pytest.approx(1e6)
    assert rate.interval_refusal == Refusal(code="interval-not-supported", seen=1, limit=20)
    if scenario != "offline":
        assert score.metrics["latency_p90_ns"].refusal == Refusal(code="too-few-queries", seen=1, limit=64)
        assert score.metrics["latency_mean_ns"].value == 1000.0


def test_a_run_without_time() -> None:
    metrics = score_offline(make_columns([(0, 0, 0, 0, 0)])).metrics
    assert metrics["samples_per_s"].refusal == Refusal(code="too-short", seen=0, limit=1)


@pytest.mark.parametrize("scenario", list(SCORERS))
def test_scores_survive_json_and_use_registered_metrics(scenario: str) -> None:
    for columns in (single_stream(1000), single_stream(1000, failed=30), single_stream(30, failed=30)):
        score = SCORERS[scenario](columns)
        assert msgspec.json.decode(msgspec.json.encode(score), type=Score, strict=True) == score
        assert set(score.metrics) <= set(METRICS)
        assert PRIMARY[scenario] in score.metrics
        for entry in score.metrics.values():
            assert (entry.value is None) != (entry.refusal is None)
            assert entry.value is None or math.isfinite(entry.value)


def test_every_registered_metric_is_given_by_a_scenario() -> None:
    columns = single_stream(100)
    given_ = {name for scorer in SCORERS.values() for name in scorer(columns).metrics}
    given_ |= set(score_server(columns, bound_ns=1).metrics)
    given_ |= set(score_streams(columns, np.zeros(100, np.int32), deadline_ns=1).metrics)
    given_ |= set(score_ramp(columns, np.zeros(100, np.int32), bound_ns=1).metrics)
    of_no_timeline = {"wall_energy_per_sample_j", "device_energy_per_sample_j", "host_cpu_per_sample_ns"}
    beside = of_no_timeline | {"real_time_factor"}  # which knows how long recordings last
    assert given_ | beside == set(METRICS)
    assert not given_ & beside
    assert set(PRIMARY) == {*SCORERS, *OPEN_LOOPS}


def test_registry() -> None:
    for name, metric in METRICS.items():
        assert metric.id == name
        assert metric.unit in {"ns", "1/s", "1", "J", "s/s", "channels"}
        assert (metric.better == "higher") == name.endswith(("_per_s", "_retained", "channels"))
        assert (metric.unit == "ns") == name.endswith("_ns")
        assert (metric.unit == "J") == name.endswith("_j")
        assert metric.definition.endswith(".")
        assert metric.definition.count(". ") == 0


@given(st.lists(st.integers(1, 10**6), min_size=64, max_size=200), st.integers(2, 50))
@settings(max_examples=30, deadline=None)
def test_a_slower_clock_scales_times_and_rates(service: list[int], factor: int) -> None:
    base = score_single_stream(closed_loop(np.array(service))).metrics
    slow = score_single_stream(closed_loop(np.array(service) * factor)).metrics
    assert slow["latency_p90_ns"].value == base["latency_p90_ns"].value * factor  # type: ignore[operator]
    assert slow["queries_per_s"].value == pytest.approx(base["queries_per_s"].value / factor)  # type: ignore[operator]


def test_malformed_timelines() -> None:
    for scorer in (score_single_stream, score_multi_stream):
        with pytest.raises(ValueError, match="one query at a time"):
            scorer(make_columns([(0, 1, 2, 0, 0)], queries=[2]))
    for any_scorer in SCORERS.values():
        with pytest.raises(ValueError, match="before its beginning"):
            any_scorer(make_columns([(0, 9, 2, 0, 0)]))


def test_input_is_left_alone() -> None:
    columns = single_stream(500, failed=5)
    before = [getattr(columns, name).copy() for name in ("scheduled_ns", "started_ns", "ended_ns", "status")]
    for scorer in SCORERS.values():
        scorer(columns)
    after = [columns.scheduled_ns, columns.started_ns, columns.ended_ns, columns.status]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("scenario", list(SCORERS))
@pytest.mark.parametrize("failed", [0, 100])
def test_memory_stays_under_100_bytes_a_row(scenario: str, failed: int) -> None:
    # 10 M rows within 1 GB above the input.
    columns = single_stream(300_000, failed)
    SCORERS[scenario](columns)
    tracemalloc.start()
    try:
        SCORERS[scenario](columns)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * columns.rows


def test_scipy_is_imported_late() -> None:
    code = "import sys, bench.scoring.score, bench.scoring.busy, bench.scoring.numeric, bench.scoring.warmup\n"
    check = code + "sys.exit(any(name.split('.')[0] == 'scipy' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_the_failed_sentinel_outlasts_any_clock() -> None:
    assert np.iinfo(np.int64).max == FAILED_NS
