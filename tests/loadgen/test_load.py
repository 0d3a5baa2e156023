"""`bench.loadgen.load`: how many queries a repetition has, per scenario, and that parent and child draw the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.loadgen.load import RAMP, channels_at, repetition_load
from bench.records.job import Job

from ..fixtures import EFFORT, job, measurement

EFFORT_10_S = msgspec.structs.replace(EFFORT, duration_s=10.0, longest_s=60.0)


@pytest.fixture
def plain(tmp_path: Path) -> Job:
    return job(tmp_path / "job", tmp_path / "no.onnx", effort=EFFORT_10_S)


def asked(plain: Job, scenario: str, **changes: object) -> Job:
    wanted = measurement(scenario, latency_bound_ns=10**7, **changes)  # type: ignore[arg-type]
    return msgspec.structs.replace(plain, measurement=wanted)


def test_equal_jobs_draw_equal_arrivals_and_other_purposes_others(plain: Job) -> None:
    one, two = (repetition_load(asked(plain, "server"), 500.0) for _ in range(2))
    assert (one.arrivals.times_ns == two.arrivals.times_ns).all()
    other = repetition_load(asked(plain, "server"), 500.0, purpose="search")
    assert not (one.arrivals.times_ns == other.arrivals.times_ns).all()


@pytest.mark.parametrize(
    ("rate", "share", "count", "cut"),
    [(500.0, 1.0, 5000, False), (500.0, 0.6, 3000, False), (20.0, 1.0, 662, False), (5.0, 1.0, 300, True)],
)
def test_queries_of_a_server(plain: Job, rate: float, share: float, count: int, cut: bool) -> None:
    load = repetition_load(asked(plain, "server"), rate, share)
    assert (load.count, load.cut_short) == (count, cut)
    assert load.seconds == pytest.approx(count / rate)


@pytest.mark.parametrize(("cameras", "frames_per_s", "frames"), [(3, 25.0, 250), (1, 1.0, 60), (40, 30.0, 300)])
def test_frames_of_cameras(plain: Job, cameras: int, frames_per_s: float, frames: int) -> None:
    load = repetition_load(asked(plain, "streams", frames_per_s=frames_per_s), cameras * frames_per_s)
    assert load.groups == cameras == channels_at(cameras * frames_per_s, frames_per_s)
    assert np.bincount(load.arrivals.group).tolist() == [frames] * cameras  # type: ignore[arg-type]
    assert load.cut_short == (frames < 100)


def test_steps_of_a_ramp(plain: Job) -> None:
    load = repetition_load(asked(plain, "ramp"), 1000.0)
    counts = np.bincount(load.arrivals.group).tolist()  # type: ignore[arg-type]
    assert counts == [round(step * 1000.0 * 2.0) for step in RAMP]
    assert load.seconds == pytest.approx(24.0)
    assert (RAMP[0], RAMP[-1], len(RAMP)) == (0.1, 1.2, 12)


def test_a_slow_engine_gets_a_shorter_ramp_and_says_so(plain: Job) -> None:
    load = repetition_load(asked(plain, "ramp"), 10.0)
    assert load.cut_short
    assert load.seconds <= 60.0


def test_a_trace_has_its_own_times(plain: Job, tmp_path: Path) -> None:
    times = np.array([0, 5, 5, 9_000_000_000], np.int64)
    np.save(tmp_path / "trace.npy", times)
    given = msgspec.structs.replace(asked(plain, "trace"), trace=str(tmp_path / "trace.npy"))
    assert repetition_load(given, 1.0).arrivals.times_ns.tolist() == times.tolist()
