"""A meter's file, what `--power` asks for, and the threads that read."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bench.hardware.files import Files
from bench.hardware.nvml import NoNvml, Nvml
from bench.power.choice import BadPower, check_power, open_sources, whole_paths
from bench.power.meter import ClockPair, WallMeter, clocks_now, readings
from bench.power.recorder import Recorder
from bench.power.sensor import Unreadable
from bench.records.energy import How, Scope, Source

from ..hardware.machines import plant
from .test_sensors import zone


def no_cards() -> Nvml:
    raise NoNvml("there is no card")


def written(folder: Path, text: str) -> Path:
    file = folder / "meter.csv"
    file.write_text(text)
    return file


def test_times_of_both_forms_in_any_order_and_other_columns(tmp_path: Path) -> None:
    text = "id, time ,power_w\n2,1970-01-01T00:00:03+00:00,30\n1,1970-01-01T08:00:01+08:00,10.5\n\n3,5.25,40\n4,6,"
    times_s, watts = readings(written(tmp_path, text))
    assert times_s.tolist() == [1.0, 3.0, 5.25], "a line that is being written is not read"
    assert watts.tolist() == [10.5, 30.0, 40.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has the columns none; it needs time and power_w"),
        ("time,watts\n1,2\n", "has the columns time, watts"),
        ("time,power_w\n1,2\nyesterday,3\n", "line 3: 'yesterday,3' is no time and no power"),
        ("time,power_w\n1\n", "line 2"),
        ("time,power_w\n1,nan\n", "out of range"),
        ("time,power_w\n1,-5\n", "out of range"),
        ("time,power_w\n2026-11-25 10:00:00,5\n", "is no time and no power"),
        ("time,power_w\n1e300,5\n", "out of range"),
    ],
)
def test_what_is_wrong_with_a_meters_file_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        readings(written(tmp_path, text))
    with pytest.raises(Unreadable, match="cannot be read"):
        readings(tmp_path / "none.csv")


def test_a_meters_clock_is_brought_to_the_harnesss(tmp_path: Path) -> None:
    meter = WallMeter(written(tmp_path, "time,power_w\n100,10\n101,20\n"), offset_s=-0.5)
    trace = meter.trace(ClockPair(harness_ns=7_000, wall_ns=99_000_000_000), until_ns=0)
    assert trace.times_ns.tolist() == [500_007_000, 1_500_007_000]
    assert trace.values.tolist() == [10.0, 20.0]


def test_a_meter_that_stopped_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    meter = WallMeter(written(tmp_path, "time,power_w\n"))
    assert meter.trace(clocks_now(), until_ns=1 << 62, patience_s=0.0).times_ns.size == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("rappl",), "There is no source of power 'rappl'. Did you mean 'rapl'?"),
        (("none", "rapl"), "`--power none` goes with no other source"),
        (("meter:",), "is not of the form meter:FILE.csv"),
        (("meter:a.csv,offset_s=soon",), "is not of the form"),
    ],
)
def test_what_is_no_source_is_refused(asked: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadPower) as refused:
        check_power(asked)
    assert words in str(refused.value)


def test_by_itself_takes_what_there_is_and_says_what_there_is_not(tmp_path: Path) -> None:
    files = Files(plant(zone("intel-rapl:0", "package-0", 1), tmp_path))
    found = open_sources(("auto",), files, no_cards)
    assert [one.name for one in found.sensors] == ["package-0"]
    assert found.unread == {"nvml": "there is no card", "hwmon": "no chip under /sys/class/hwmon has a sensor of power"}
    assert open_sources(("none",), files, no_cards).sensors == ()


def test_what_was_named_and_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for asked, words in (
        (("nvml",), "`--power nvml`: there is no card."),
        (("redfish:nowhere",), "is no address"),
        ((f"meter:{tmp_path}/none.csv",), "cannot be read: No such file or directory"),
    ):
        with pytest.raises(BadPower) as refused:
            open_sources(asked, Files(tmp_path), no_cards)
        assert words in str(refused.value)


def test_paths_are_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert whole_paths(("auto", "meter:a.csv,offset_s=2")) == ("auto", f"meter:{tmp_path}/a.csv,offset_s=2")


class Scripted:
    """A sensor that says one number after the other, and fails where there is none."""

    source: Source = "rapl"
    name = "scripted"
    scope: Scope = "processor"
    how: How = "counter"
    wraps_at: float | None = None
    pause_s = 0.001

    def __init__(self, *values: float | None) -> None:
        self._left = list(values)
        self.calls = 0

    def read(self) -> float:
        self.calls += 1
        value = self._left.pop(0) if self._left else None
        if value is None:
            raise OSError("gone")
        return value


def test_readings_are_noted_in_order_and_failures_left_out() -> None:
    sensor = Scripted(1.0, None, 2.0, -1.0, 3.0)
    recorder = Recorder([sensor])
    while sensor.calls < 6:
        time.sleep(0.001)
    (trace,) = recorder.stop()
    assert trace.values.tolist() == [1.0, 2.0, 3.0], "a power below zero is no reading"
    assert (np.diff(trace.times_ns) > 0).all()
    assert trace.reading_s >= 0.0


def test_the_last_reading_comes_after_the_end() -> None:
    sensor = Scripted(*map(float, range(100_000)))
    recorder = Recorder([sensor])
    before_ns = time.perf_counter_ns()
    (trace,) = recorder.stop()
    assert trace.times_ns[-1] >= before_ns


def test_a_sensor_that_hangs_is_not_waited_for() -> None:
    class Hanging(Scripted):
        def read(self) -> float:
            time.sleep(3600)
            return 0.0

    (trace,) = Recorder([Hanging()]).stop(patience_s=0.01)
    assert trace.times_ns.size == 0
