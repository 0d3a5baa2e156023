"""`bench run --scenario concurrent`: several workloads from one t0, a record each, through the whole program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.store.timeline_file import read_timeline

from .things import Command, codes, complaint, document, only_run

NAMES = ("image_classify", "speech_command")
FLAGS = ("--backend", "fake", "--setting", "answers=zeros", "--setting", "delay_us=500", "--format", "json")
TOGETHER = (*FLAGS, "--scenario", "concurrent", "--latency-bound-ms", "300")
RATES = ("--rate", "image_classify=150", "--rate", "400")


def places(tmp_path: Path) -> list[Path]:
    run = only_run(tmp_path / "results")
    return [run / f"{name}.concurrent.fp32" for name in NAMES]


def reports(tmp_path: Path) -> list[dict[str, Any]]:
    trials = [document(place / "trial-00" / "trial.json") for place in places(tmp_path)]
    return [trial["report"] for trial in trials]  # type: ignore[misc]


def test_all_run_from_one_moment_to_another_each_at_its_rate(bench: Command, tmp_path: Path) -> None:
    bench("run", *TOGETHER, *RATES)  # zeros are wrong answers, so the records are not valid
    slow, fast = reports(tmp_path)
    assert slow["t0_ns"] == fast["t0_ns"]
    assert slow["schedule_s"] == fast["schedule_s"] == pytest.approx(662 / 150)
    for place, rate in zip(places(tmp_path), (150.0, 400.0), strict=True):
        table = read_timeline(place / "trial-00" / "timeline.parquet")
        scheduled = np.sort(np.asarray(table["scheduled"]))
        assert len(scheduled) == round(rate * slow["schedule_s"])
        assert scheduled[-1] / 1e9 == pytest.approx(slow["schedule_s"], rel=0.01)
        record = document(place / "record.json")
        assert record["together"] == {"image_classify": 150.0, "speech_command": 400.0}
        assert record["primary"] == "latency_p99_ns"
        assert "quality-failed" in codes(place / "record.json")


def test_without_rates_each_gets_a_share_of_what_it_does_alone(bench: Command, tmp_path: Path) -> None:
    bench("run", *TOGETHER, "--batch", "1")
    for place in places(tmp_path):
        record = document(place / "record.json")
        driven = record["together"]
        assert isinstance(driven, dict)
        for rate in driven.values():
            assert 0.0 < rate <= 0.35 / 0.0005  # 35 % of one call in half a millisecond


@pytest.mark.full
def test_a_repetition_that_only_one_kept_is_measured_anew_for_all(bench: Command, tmp_path: Path) -> None:
    bench("run", *TOGETHER, *RATES)
    first = reports(tmp_path)
    run = only_run(tmp_path / "results")
    told = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(told | {"status": "partial"}))
    (places(tmp_path)[1] / "trial-00" / "trial.json").unlink()
    bench("run", "--resume", run, "--format", "json")
    again = reports(tmp_path)
    assert again[0]["t0_ns"] == again[1]["t0_ns"] != first[0]["t0_ns"]


def test_what_breaks_one_fails_the_repetition_of_all(bench: Command, tmp_path: Path) -> None:
    outcome = bench("run", *TOGETHER, *RATES, "--setting", "fault=exit", "--setting", "fault_after=600")
    assert outcome.code == 11
    for place in places(tmp_path):
        assert "repetition-failed" in codes(place / "record.json")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--workload", "speech_command"), "needs two workloads"),
        (("--rate", "nobody=3"), "names nobody, which is no workload"),
        (("--rate", "3", "--rate", "4"), "given twice: 3 and 4 per second"),
        (("--rate", "speech_command=3", "--rate", "speech_command=4"), "of speech_command is given twice"),
        (("--rate", "speech_command=quick"), "'speech_command=quick' is no rate"),
        (("--rate", "=3"), "'=3' is no rate"),
        (("--rate", "nan"), "'nan' is no rate"),
        (("--driver", "loadgen"), "LoadGen has no scenario 'concurrent'"),
    ],
)
def test_bad_flags(bench: Command, flags: tuple[str, ...], words: str) -> None:
    outcome = bench("run", *TOGETHER, *flags)
    assert outcome.code == 2
    assert words in complaint(outcome)


def test_ones_own_model_has_nothing_beside_it(bench: Command, model: Path) -> None:
    outcome = bench("run", *TOGETHER, "--model", model)
    assert outcome.code == 2
    assert "needs two workloads" in complaint(outcome)
