"""`bench.host.observer`: idle before and after, readings that cover what lies between, and what goes wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.host import observer
from bench.host.observer import Observer
from bench.power.choice import Sources
from bench.power.meter import WallMeter

from ..power.test_meter import Scripted


@pytest.fixture(autouse=True)
def no_knobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "knobs_here", lambda: ())


def test_readings_cover_the_block_and_idle_lies_around_it() -> None:
    sensor = Scripted(*map(float, range(1_000_000)))
    with Observer(Sources(sensors=(sensor,), unread={"rapl": "why"}), 0.01) as watching:
        begun_ns = time.perf_counter_ns()
        ended_ns = time.perf_counter_ns()
    found = watching.watched()
    (trace,) = found.traces
    assert found.idle_before_ns[0] < found.idle_before_ns[1] <= begun_ns
    assert ended_ns <= found.idle_after_ns[0] < found.idle_after_ns[1]
    assert int(trace.times_ns[0]) < begun_ns <= ended_ns < int(trace.times_ns[-1])
    assert found.unread == {"rapl": "why"}
    assert found.reading_share is not None


def test_where_nothing_is_read_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(observer.time, "sleep", waited.append)
    with Observer(Sources(), 3600.0) as watching:
        pass
    assert waited == [0.0, 0.0]
    assert watching.watched().traces == ()
    assert watching.watched().reading_share is None


def test_what_fails_in_the_block_gets_out_and_ends_the_reading() -> None:
    sensor = Scripted(*map(float, range(1_000_000)))
    watching = Observer(Sources(sensors=(sensor,)), 0.0)

    def failing() -> None:
        with watching:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        failing()
    calls = sensor.calls
    time.sleep(0.02)
    assert sensor.calls == calls


def test_a_meter_whose_file_goes_away_is_told(tmp_path: Path) -> None:
    file = tmp_path / "meter.csv"
    file.write_text("time,power_w\n")
    with Observer(Sources(meters=(WallMeter(file),)), 0.0) as watching:
        file.unlink()
    assert "cannot be read" in watching.watched().unread["meter.csv"]
