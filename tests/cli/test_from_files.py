"""`--timed-region end_to_end`: from files to answers, with decoding inside the clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any  # plain JSON

import numpy as np
import pytest
from onnx import TensorProto

from .test_user_model import prepared
from .things import CLASSES, NAME, Command, complaint, document, only_run, tiny_model, top_one

REGION = ("--timed-region", "end_to_end")


def part(record: dict[str, object], name: str) -> dict[str, Any]:
    """One object within a record."""
    found = record[name]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("dtype", "batch"), [(TensorProto.UINT8, "n"), (TensorProto.FLOAT, "n"), (TensorProto.UINT8, 3)]
)
def test_quality_is_that_of_the_prepared_pictures(
    bench: Command, pictures: Path, tmp_path: Path, dtype: int, batch: int | str
) -> None:
    model = tiny_model(tmp_path / "model.onnx", dtype, shape=(batch, 3, 8, 8))
    free = tiny_model(tmp_path / "free.onnx", dtype)
    found = sorted(pictures.glob("*/*.png"))
    inputs = np.stack([prepared(file, dtype == TensorProto.FLOAT) for file in found])
    expected = top_one(free, inputs, np.array([CLASSES.index(file.parent.name) for file in found]))
    assert 0.0 < expected < 1.0, "such pictures prove nothing"
    outcome = bench("run", "--model", model, "--data", pictures, "--scenario", "offline", *REGION, "--threads", 2)
    assert outcome.code == 0, outcome
    record = document(only_run(tmp_path / "results") / NAME.format("offline") / "record.json")
    assert record["timed_region"] == "end_to_end"
    assert part(record, "quality")["value"] == expected
    stages = part(record, "stages")
    assert stages["samples"] > 0
    assert stages["prepare_ns"] > 0


@pytest.mark.parametrize("scenario", ["single_stream", "multi_stream", "server", "streams", "ramp"])
def test_every_kind_of_load_takes_files(
    bench: Command, model: Path, pictures: Path, tmp_path: Path, scenario: str
) -> None:
    flags = ("--rate", "50") if scenario in ("server", "ramp") else ("--channels", "1") if scenario == "streams" else ()
    bound = ("--latency-bound-ms", "500") if flags else ()
    outcome = bench("run", "--model", model, "--data", pictures, "--scenario", scenario, *REGION, *flags, *bound)
    assert outcome.code in (0, 11), outcome
    assert "Traceback" not in outcome.err
    record = document(only_run(tmp_path / "results") / NAME.format(scenario) / "record.json")
    assert part(record, "stages")["samples"] > 0


@pytest.mark.full
def test_the_suites_recordings_lose_nothing_on_the_way(bench: Command, tmp_path: Path) -> None:
    flags = ("--workload", "speech_command", "--scenario", "offline", "--format", "json")
    values = []
    for more in ((), REGION):
        outcome = bench("run", *flags, *more, "-o", tmp_path / f"results{len(values)}")
        assert outcome.code == 0, outcome
        record = document(next((tmp_path / f"results{len(values)}").rglob("record.json")))
        assert part(record, "quality")["passed"] is True
        values.append(part(record, "quality")["value"])
    assert values[0] == values[1]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_where_the_time_goes_is_shown(bench: Command, model: Path, pictures: Path, tmp_path: Path, lang: str) -> None:
    run = ("run", "--model", model, "--data", pictures, "--scenario", "single_stream", *REGION)
    assert bench(*run).code == 0
    folder = only_run(tmp_path / "results") / NAME.format("single_stream")
    shown = bench("show", folder, "--lang", lang)
    assert shown.code == 0
    words = {
        "en": ("decoding and resizing", "from the raw sample to the answer"),
        "zh": ("解码与缩放", "从原始样本到最终答案"),
    }
    text = "".join(shown.out.split())
    assert all("".join(word.split()) in text for word in words[lang])


def test_a_plan_with_it_is_the_plan_again(bench: Command, tmp_path: Path) -> None:
    flags = ("--workload", "speech_command", "--scenario", "offline", "--dry-run", "--format", "json")
    plan = bench("run", *flags, *REGION)
    assert json.loads(plan.out)["timed_region"] == "end_to_end"
    (tmp_path / "plan.json").write_text(plan.out)
    assert bench("run", "--plan", tmp_path / "plan.json", "--dry-run", "--format", "json").out == plan.out


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--timed-region", "end-to-end"), "end_to_end"),
        ((*REGION, "--mode", "certified"), "host to host"),
        ((*REGION, "--processes", "2"), "host to host"),
    ],
)
def test_what_does_not_go_is_said_in_one_line(bench: Command, flags: tuple[str, ...], says: str) -> None:
    outcome = bench("run", "--workload", "speech_command", *flags)
    assert outcome.code == 2
    assert says in complaint(outcome)


def test_without_pictures_there_is_nothing_to_decode(bench: Command, model: Path) -> None:
    outcome = bench("run", "--model", model, *REGION)
    assert outcome.code == 2
    assert "--data" in complaint(outcome)


def test_a_broken_picture_is_named(bench: Command, model: Path, pictures: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(pictures, tmp_path / "broken")
    (folder / "bee" / "1.png").write_bytes(b"")
    outcome = bench("run", "--model", model, "--data", folder, "--scenario", "offline", *REGION)
    assert outcome.code == 2
    assert "1.png" in complaint(outcome)
