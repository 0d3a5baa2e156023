"""Energy through a whole run: a meter's file that is written meanwhile, and runs where there is nothing to read."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .things import run

FLAGS = ("--backend", "fake", "--scenario", "offline", "--format", "json")
WATTS = 200.0


@pytest.fixture
def meter(tmp_path: Path) -> Iterator[Path]:
    """A file to which a meter of 200 W writes twenty times a second, two minutes behind the machine's clock."""
    file, over = tmp_path / "meter.csv", threading.Event()
    file.write_text("time,power_w\n")

    def write() -> None:
        while not over.wait(0.05):
            with file.open("a") as stream:
                stream.write(f"{time.time() - 120.0:.3f},{WATTS}\n")

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield file
    over.set()
    thread.join()


def test_a_meter_at_the_wall(model: Path, meter: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nvendor = "v"\nmodel = "m"\nclass = "cpu_server"\n'
        '[power.meter]\nmodel = "WT5000"\nclass_percent = 0.1\ncalibrated = "2026-03-01"\n'
    )
    power = ("--power", f"meter:{meter},offset_s=120", "--profile", "mine.toml")
    outcome = run(tmp_path, "run", "--model", model, *FLAGS, *power)
    assert outcome.code == 0, outcome
    (record,) = json.loads(outcome.out)["records"]
    energy = record["energy"]
    (one,) = energy["sources"]
    assert energy["certified"]
    assert (one["source"], one["scope"], one["idle_before_w"]) == ("meter", "wall", pytest.approx(WATTS))
    assert one["joules"] == pytest.approx(WATTS * energy["window_s"])
    per_sample = record["metrics"]["wall_energy_per_sample_j"]["value"]
    assert per_sample == pytest.approx(one["joules"] / energy["samples"])
    assert "energy per sample, wall" in run(tmp_path, "show", "latest/user_model.offline.fp32").out
    shown = run(tmp_path, "show", "latest/user_model.offline.fp32", "--lang", "zh").out
    assert "整机交流侧" in shown


@pytest.mark.full
def test_a_meter_whose_clock_is_off_gives_nothing(model: Path, meter: Path, tmp_path: Path) -> None:
    outcome = run(tmp_path, "run", "--model", model, *FLAGS, "--power", f"meter:{meter},offset_s=-86400")
    (record,) = json.loads(outcome.out)["records"]
    assert record["energy"]["sources"][0].get("joules") is None
    assert record["metrics"]["wall_energy_per_sample_j"]["refusal"]["code"] == "energy-not-covered"
    assert "energy-not-covered" in [entry["code"] for entry in record["findings"]]


def test_where_nothing_is_read_it_says_not_measured(model: Path, tmp_path: Path) -> None:
    assert run(tmp_path, "run", "--model", model, *FLAGS, "--power", "none").code == 0
    assert "not measured" in run(tmp_path, "show", "latest/user_model.offline.fp32").out


@pytest.mark.parametrize(
    ("power", "words"),
    [
        ("rappl", "Did you mean 'rapl'?"),
        ("meter:none.csv", "none.csv cannot be read: No such file or directory"),
        ("redfish:bmc", "is no address such as https://"),
    ],
)
def test_bad_sources_are_one_line(model: Path, tmp_path: Path, power: str, words: str) -> None:
    outcome = run(tmp_path, "run", "--model", model, *FLAGS, "--power", power)
    assert outcome.code == 2
    assert words in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
