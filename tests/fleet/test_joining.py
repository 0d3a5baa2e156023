"""Timelines of several nodes on one clock, against a count by hand and the scoring of one machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.fleet.joining import Part, join, points
from bench.records.fleet import Clock, Joined
from bench.records.record import Trial
from bench.scoring.columns import Columns
from bench.scoring.server import score_server
from bench.store.files import write_record
from bench.store.timeline_file import write_timeline

from ..fixtures import REPORT, measurement

MS = 1_000_000
BOUND_NS = 15 * MS


def part(folder: Path, node: str, t0_ns: int, ended: list[int], skew_ns: int, **more: object) -> Part:
    """A node whose clock is ahead of the head's by `skew_ns`, whose t0 was `t0_ns` of the head's; answers from t0."""
    trial = folder / node
    trial.mkdir(parents=True)
    report = msgspec.structs.replace(REPORT, t0_ns=t0_ns + skew_ns, rows=len(ended))
    write_record(trial / "trial.json", Trial(index=0, status="complete", started_at="", seed=1, report=report))
    scheduled = more.get("scheduled", [0] * len(ended))
    table = {
        "scheduled": np.array(scheduled, np.int64),
        "started": np.array(scheduled, np.int64),
        "ended": np.array(ended, np.int64),
        "query": np.arange(len(ended), dtype=np.int64),
        "batch": np.arange(len(ended), dtype=np.int32),
        "worker": np.zeros(len(ended), np.int16),
        "status": np.array(more.get("status", [0] * len(ended)), np.uint8),
    }
    if more.get("by_sample", True):
        table["sample"] = np.arange(len(ended), dtype=np.int32)
    write_timeline(trial / "timeline.parquet", table)
    clock = Clock(at_ns=t0_ns - 1, offset_ns=skew_ns, error_ns=int(str(more.get("error_ns", 0))), rounds=1)
    return Part(node=node, run_id=f"run-{node}", trial=trial, clocks=(clock,))


def joined(*parts: Part, scenario: str = "offline", batch: int = 1) -> Joined:
    asked = measurement(scenario, batch=batch, latency_bound_ns=BOUND_NS)  # type: ignore[arg-type]
    found = join(0, asked, 0, parts)
    assert found is not None
    return found


def test_throughput_is_counted_in_the_window_that_all_nodes_share(tmp_path: Path) -> None:
    early = part(tmp_path, "a", 0, [10 * MS * (i + 1) for i in range(10)], skew_ns=7_000 * MS, error_ns=50_000)
    late = part(tmp_path, "b", 20 * MS, [5 * MS * (i + 1) for i in range(20)], skew_ns=-3 * MS, error_ns=20_000)
    found = joined(early, late)
    # From 20 ms to 100 ms: eight answers of the first (30 … 100), sixteen of the second (25 … 100).
    assert (found.window_ns, found.span_ns, found.start_spread_ns) == (80 * MS, 120 * MS, 20 * MS)
    assert [share.window_samples for share in found.shares] == [8, 16]
    assert found.window_samples_per_s == pytest.approx(24 / 0.08)
    assert found.clock_error_share == pytest.approx(2 * 50_000 / (80 * MS))
    assert found.metrics["samples_per_s"].value == pytest.approx(30 / 0.12)


def test_failed_answers_count_nowhere_and_rows_by_batch_count_whole(tmp_path: Path) -> None:
    one = part(tmp_path, "a", 0, [MS, 2 * MS, 3 * MS], 0, status=[0, 1, 0], by_sample=False)
    found = joined(one, batch=8)
    assert (found.shares[0].samples, found.shares[0].window_samples) == (16, 16)
    assert found.metrics["failed_share"].value == pytest.approx(1 / 3)
    assert found.clock_error_share == 0.0, "one node is on one clock"


def test_nodes_that_were_hardly_at_work_together_get_no_throughput(tmp_path: Path) -> None:
    found = joined(part(tmp_path, "a", 0, [100 * MS], 0), part(tmp_path, "b", 90 * MS, [100 * MS], 0))
    assert found.window_samples_per_s is None
    assert found.refusal is not None
    assert found.refusal.seen == pytest.approx(10 / 190)
    apart = joined(part(tmp_path / "2", "a", 0, [MS], 0), part(tmp_path / "2", "b", 500 * MS, [MS], 0))
    assert (apart.window_ns, apart.window_samples_per_s) == (0, None)
    assert points([found]) == ()


def test_latencies_are_pooled_and_no_clock_touches_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    due = [np.sort(rng.integers(0, 1000 * MS, 400)) for _ in range(2)]
    took = [rng.integers(MS, 20 * MS, 400) for _ in range(2)]
    parts = [
        part(tmp_path, name, begun, list(times + lasted), skew, scheduled=list(times))
        for name, begun, times, lasted, skew in (
            ("a", 0, due[0], took[0], 0),
            ("b", 3 * MS, due[1], took[1], 10**12),
        )
    ]
    found = joined(*parts, scenario="server")
    times = np.concatenate([due[0], due[1] + 3 * MS])
    order = np.argsort(times, kind="stable")
    expected = score_server(
        Columns(
            scheduled_ns=times[order],
            started_ns=times[order],
            ended_ns=(times + np.concatenate(took))[order],
            first_query=np.arange(800, dtype=np.int32),
            queries=np.ones(800, np.int32),
            worker=np.zeros(800, np.int16),
            status=np.zeros(800, np.uint8),
        ),
        BOUND_NS,
    )
    assert found.metrics == expected.metrics
    late = np.concatenate(took) > BOUND_NS
    assert found.metrics["late_share"].value == pytest.approx(late.mean())
    average = np.mean([np.sort(one)[int(0.99 * 400)] for one in took])
    assert found.metrics["latency_p99_ns"].value == np.sort(np.concatenate(took))[int(0.99 * 800)] != average


def test_a_clock_that_drifts_widens_the_bound(tmp_path: Path) -> None:
    one = part(tmp_path, "a", 0, [1000 * MS], 0, error_ns=10)
    steady = part(tmp_path, "b", 0, [1000 * MS], 0, error_ns=10)
    later = Clock(at_ns=1000 * MS, offset_ns=40_000, error_ns=10, rounds=1)
    found = joined(one, msgspec.structs.replace(steady, clocks=(*steady.clocks, later)))
    assert found.shares[1].clock_error_ns == pytest.approx(40_010, rel=0.01)


def test_a_repetition_that_failed_somewhere_is_not_joined(tmp_path: Path) -> None:
    whole, broken = part(tmp_path, "a", 0, [MS], 0), part(tmp_path, "b", 0, [MS], 0)
    write_record(broken.trial / "trial.json", Trial(index=0, status="failed", started_at="", seed=1, failure="x"))
    assert join(0, measurement("offline"), 0, [whole, broken]) is None
    (broken.trial / "trial.json").unlink()
    assert join(0, measurement("offline"), 0, [whole, broken]) is None
