"""`bench run` with `streams`, `ramp` and `trace`, and sessions that take too long, through the whole program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.store.timeline_file import read_timeline

from .things import NAME, Command, codes, complaint, document, only_run

FLAGS = ("--backend", "fake", "--format", "json", "--setting", "answers=zeros")
SLOW = ("--setting", "delay_us=1000", "--batch", "1")
BOUND = ("--latency-bound-ms", "200")


def folder_of(results: Path, scenario: str) -> Path:
    return only_run(results / "results") / NAME.format(scenario)


def figure(record: dict[str, object], name: str) -> float | None:
    metrics = record["metrics"]
    assert isinstance(metrics, dict)
    value = metrics[name].get("value")
    return None if value is None else float(value)


def test_cameras_that_are_asked_for(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", *FLAGS, "--scenario", "streams", "--channels", "3", *BOUND, "--model", model)
    folder = folder_of(tmp_path, "streams")
    record = document(folder / "record.json")
    table = read_timeline(folder / "trial-00" / "timeline.parquet")
    assert np.bincount(table["stream"]).tolist() == [100, 100, 100]
    assert (table["scheduled"][1:] >= table["scheduled"][:-1]).all()
    trial = document(folder / "trial-00" / "trial.json")
    late = trial["lateness"]
    assert record["lateness"] == late  # of the only repetition
    assert isinstance(late, dict)
    assert 0 < late["count"] <= 300
    assert 0 <= late["p50_ns"] <= late["max_ns"]
    assert "Harness late (worker free)" in bench("show", folder).out
    if outcome.code == 0:  # a machine that stops for 200 ms misses frames
        assert figure(record, "channels") == 3.0
        assert figure(record, "worst_late_share") == 0.0


@pytest.mark.full
def test_the_most_cameras_are_searched_for(bench: Command, model: Path, tmp_path: Path) -> None:
    """20 ms a frame and 25 frames per second: two cameras at most, whatever the machine."""
    flags = ("--setting", "delay_us=20000", "--batch", "1", "--latency-bound-ms", "400")
    outcome = bench("run", *FLAGS, "--scenario", "streams", *flags, "--model", model)
    record = document(folder_of(tmp_path, "streams") / "record.json")
    search = record["search"]
    assert isinstance(search, dict)
    assert search["failing_per_s"] <= 75.0
    assert all(trial["rate_per_s"] % 25.0 == 0.0 for trial in search["trials"])
    if outcome.code == 0 and figure(record, "channels") is not None:
        assert figure(record, "channels") in (1.0, 2.0)


def test_frames_too_old_are_dropped_and_do_not_count_as_failures(bench: Command, model: Path, tmp_path: Path) -> None:
    flags = ("--setting", "delay_us=20000", "--batch", "1", "--channels", "5", "--latency-bound-ms", "60")
    outcome = bench("run", *FLAGS, "--scenario", "streams", *flags, "--model", model)
    assert outcome.code == 11
    folder = folder_of(tmp_path, "streams")
    found = codes(folder / "record.json")
    assert "bound-missed" in found
    assert "queries-failed" not in found
    trial = document(folder / "trial-00" / "trial.json")
    assert (figure(trial, "dropped_share") or 0.0) > 0.3
    assert figure(trial, "failed_share") == 0.0


def test_a_ramp_keeps_its_curve(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", *FLAGS, "--scenario", "ramp", *SLOW, *BOUND, "--rate", "800", "--model", model)
    assert outcome.code == 0, outcome
    curve = document(folder_of(tmp_path, "ramp") / "record.json")["curve"]
    assert isinstance(curve, list)
    offered = [point["offered_per_s"] for point in curve]
    assert offered == pytest.approx([80.0 * step for step in range(1, 13)], rel=1e-6)


def test_a_ramp_finds_its_own_hundred_percent(bench: Command, model: Path, tmp_path: Path) -> None:
    assert bench("run", *FLAGS, "--scenario", "ramp", *SLOW, *BOUND, "--model", model).code == 0
    folder = folder_of(tmp_path, "ramp")
    record, trial = document(folder / "record.json"), document(folder / "trial-00" / "trial.json")
    curve, full = record["curve"], trial["rate_per_s"]
    assert isinstance(curve, list)
    assert isinstance(full, float)
    assert full < 1000.0
    assert curve[-1]["offered_per_s"] == pytest.approx(1.2 * full, rel=1e-6)


def test_a_trace_is_replayed_as_it_is(bench: Command, model: Path, tmp_path: Path) -> None:
    times = np.cumsum(np.random.default_rng(0).exponential(0.001, 700))
    file = tmp_path / "times.csv"
    file.write_text("seconds\n" + "\n".join(repr(float(one)) for one in times))
    outcome = bench("run", *FLAGS, "--scenario", "trace", "--trace", file, *BOUND, "--model", model)
    file.unlink()
    assert outcome.code == 0, outcome
    table = read_timeline(folder_of(tmp_path, "trace") / "trial-00" / "timeline.parquet")
    assert table["scheduled"].tolist() == np.rint((times - times[0]) * 1e9).astype(np.int64).tolist()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--scenario", "trace"), "needs a file of arrival times"),
        (("--trace", "times.csv"), "goes with the scenario `trace`"),
        (("--scenario", "trace", "--trace", "absent.csv"), "there is no such file"),
        (("--scenario", "streams", "--channels", "0"), "channels"),
        (("--scenario", "streams", "--fps", "nan"), "frames_per_s"),
        (("--scenario", "ramp"), "has no latency bound for ramp"),
        (("--scenario", "server", *BOUND, "--timeout-ms", "0"), "timeout"),
    ],
)
def test_bad_flags(bench: Command, model: Path, flags: tuple[str, ...], words: str) -> None:
    outcome = bench("run", *FLAGS, *flags, "--model", model)
    assert outcome.code == 2
    assert words in complaint(outcome)


def test_an_engine_that_hangs_under_load_is_ended_with_a_clear_word(
    bench: Command, model: Path, tmp_path: Path
) -> None:
    flags = ("--setting", "fault=hang", "--setting", "fault_after=500", "--timeout-ms", "300", *SLOW)
    outcome = bench("run", *FLAGS, "--scenario", "server", "--rate", "500", *flags, *BOUND, "--model", model)
    assert outcome.code == 11
    assert "no session came back within 0.3 s" in complaint(outcome)
    assert "repetition-failed" in codes(folder_of(tmp_path, "server") / "record.json")
