"""`--task` and `--agreement`: a user's model of another task, and files of which nothing is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .things import NAME, Command, complaint, document, only_run

FLAGS = ("--backend", "fake", "--scenario", "offline")


@pytest.fixture
def unlabelled(tmp_path: Path) -> Path:
    """Ten pictures in folders that say nothing."""
    rng = np.random.default_rng(7)
    for number in range(10):
        folder = tmp_path / "files" / str(number % 3)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "files"


def quality(folder: Path, name: str = NAME.format("offline")) -> dict[str, object]:
    found = document(only_run(folder / "results") / name / "record.json")["quality"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("region", ["host_to_host", "end_to_end"])
def test_answers_of_the_reference_engine_agree(
    bench: Command, model: Path, unlabelled: Path, tmp_path: Path, region: str
) -> None:
    outcome = bench("run", *FLAGS, "--model", model, "--data", unlabelled, "--agreement", "--timed-region", region)
    assert outcome.code in (0, 11), outcome
    found = quality(tmp_path)
    assert (found["metric"], found["value"], found["passed"], found["samples"]) == ("agreement", 1.0, True, 10)
    assert found["judged_by"] == "agreement"
    assert "agreement" in outcome.out
    kept = only_run(tmp_path / "results") / "agreement" / "user_model.safetensors"
    assert kept.is_file(), "an evaluator may answer the files again"


def test_other_answers_do_not(bench: Command, model: Path, unlabelled: Path, tmp_path: Path) -> None:
    wrong = ("--setting", "answers=wrong")
    outcome = bench("run", *FLAGS, *wrong, "--model", model, "--data", unlabelled, "--agreement")
    assert outcome.code == 11, outcome
    found = quality(tmp_path)
    assert found["passed"] is False
    assert found["value"] < 0.99
    record = document(only_run(tmp_path / "results") / NAME.format("offline") / "record.json")
    assert {"quality-failed", "precision-mismatch"} <= {one["code"] for one in record["findings"]}


def test_the_suite_answers_files_of_the_user(bench: Command, unlabelled: Path, tmp_path: Path) -> None:
    outcome = bench("run", *FLAGS, "--workload", "image_classify_edge", "--data", unlabelled, "--agreement")
    assert outcome.code in (0, 11), outcome
    found = quality(tmp_path, "image_classify_edge.offline.fp32")
    assert (found["value"], found["passed"], found["evaluation_samples"]) == (1.0, True, 10)


def test_what_cannot_be_answered_is_told_before_anything_is_measured(
    bench: Command, model: Path, unlabelled: Path, tmp_path: Path
) -> None:
    (unlabelled / "0" / "broken.png").write_bytes(b"no picture")
    outcome = bench("run", *FLAGS, "--model", model, "--data", unlabelled, "--agreement")
    assert outcome.code == 2
    assert "broken.png" in complaint(outcome)
    assert not list((tmp_path / "results" / "runs").iterdir())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--agreement",), "`agreement` needs `data`"),
        (("--task", "verify"), "`task` goes with `model`"),
        (("--workload", "speech_command", "--data", "files"), "held against a reference engine (`agreement`)"),
        (("--model", "model.onnx", "--task", "classfy"), "There is no task 'classfy'. Did you mean 'classify'?"),
        (("--model", "model.onnx", "--agreement", "--data", "none"), "does not exist; `--agreement` needs a folder"),
        (("--model", "model.onnx", "--agreement", "--data", "model.onnx"), "is a file; `--agreement` needs a folder"),
        (("--model", "model.onnx", "--agreement", "--data", "empty"), "no pictures found"),
        (("--workload", "face_verify", "--agreement", "--data", "files"), "gives embeddings"),
        (("--model", "model.onnx", "--task", "verify", "--data", "files"), "needs a list of pairs"),
        (("--model", "model.onnx", "--agreement", "--data", "files", "--robustness"), "ask for one"),
        (("--workload", "speech_command", "--agreement", "--data", "files"), "no sounds found"),
    ],
)
def test_what_does_not_go_together(
    bench: Command, model: Path, unlabelled: Path, tmp_path: Path, flags: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    shutil.copy(model, tmp_path / "model.onnx")
    assert unlabelled == tmp_path / "files"
    outcome = bench("run", *FLAGS, *flags)
    assert outcome.code == 2, outcome
    assert words in complaint(outcome)
