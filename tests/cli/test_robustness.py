"""`bench run --robustness`: the figures of a bare loop, once for each workload, and one line where it cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from bench.models.stress import conditions_of
from bench.models.user_model import UserWorkload
from bench.robustness import change

from .things import NAME, Command, complaint, document, only_run, tiny_model, top_one

FAKE = ("--backend", "fake", "--robustness")
COUNT = 20


def balanced_model(path: Path, dtype: int) -> Path:
    """The tiny classifier with weights that add up to nothing, so that a bright picture is no class of its own."""
    proto = onnx.load(tiny_model(path, dtype))
    (weights,) = proto.graph.initializer
    plain = numpy_helper.to_array(weights)
    weights.CopyFrom(numpy_helper.from_array(plain - plain.mean(axis=0), weights.name))
    onnx.save(proto, path)
    return path


def measurement(folder: Path, scenario: str = "offline") -> dict[str, object]:
    return document(only_run(folder / "results") / NAME.format(scenario) / "record.json")


@pytest.mark.parametrize("dtype", [TensorProto.UINT8, TensorProto.FLOAT])
def test_figures_are_those_of_a_bare_loop(bench: Command, pictures: Path, tmp_path: Path, dtype: int) -> None:
    model = balanced_model(tmp_path / "model.onnx", dtype)
    outcome = bench("run", *FAKE, "--model", model, "--data", pictures, "--scenario", "offline", "--format", "json")
    assert outcome.code in (0, 11), outcome  # 11: a busy machine
    found = measurement(tmp_path)["robustness"]
    assert isinstance(found, dict)
    workload, indices = UserWorkload(model, pictures), np.arange(COUNT)
    labels = workload.evaluation_labels(indices)
    assert labels is not None
    (clean,) = workload.evaluation_inputs(indices).values()
    assert found["value"] == top_one(model, clean, labels)
    assert (found["samples"], found["reference_samples"], len(found["stressed"])) == (COUNT, 0, 12)
    for condition, entry in zip(conditions_of(workload.spec), found["stressed"], strict=True):
        (spoilt,) = workload.prepared(change(condition, workload.evaluation_raw(indices), indices)).values()
        assert (entry["corruption"], entry["level"]) == (condition.corruption.name, condition.level)
        assert entry["value"] == top_one(model, spoilt, labels)
        assert entry["loss"] == pytest.approx(found["value"] - entry["value"], abs=1e-12)
    assert len({entry["value"] for entry in found["stressed"]}) > 1, "such pictures prove nothing"
    (place,) = (only_run(tmp_path / "results") / NAME.format("offline")).glob("trial-*")
    assert not (place / "stressed").exists(), "answers are judged and not kept"


def test_it_is_asked_once_for_each_workload_and_shown(
    bench: Command, model: Path, pictures: Path, tmp_path: Path
) -> None:
    flags = ("--scenario", "offline", "--scenario", "single_stream")
    outcome = bench("run", *FAKE, "--model", model, "--data", pictures, *flags)
    assert outcome.code in (0, 11), outcome
    assert outcome.out.count("Robustness: user_model.offline.fp32") == 1
    assert "sensor noise" in outcome.out
    assert measurement(tmp_path, "single_stream").get("robustness") is None
    shown = bench("show", "latest/user_model.offline.fp32", "--lang", "zh").out
    assert "鲁棒性" in shown
    assert "传感器噪声" in shown
    assert "sensor noise" in (only_run(tmp_path / "results") / "report.html").read_text(encoding="utf-8")


def test_a_run_that_goes_on_asks_what_is_missing_and_nothing_again(
    bench: Command, model: Path, pictures: Path, tmp_path: Path
) -> None:
    flags = ("--scenario", "offline", "--scenario", "single_stream", "--budget-s", "0.001")
    assert bench("run", *FAKE, "--model", model, "--data", pictures, *flags).code == 11
    before = measurement(tmp_path)["robustness"]
    assert before is not None
    trial = only_run(tmp_path / "results") / NAME.format("offline") / "trial-00" / "trial.json"
    seed = document(trial)["seed"]
    trial.unlink()  # as if it had been killed in the middle
    assert bench("run", "--resume", "latest", "--budget-s", "60").code in (0, 11)
    assert measurement(tmp_path)["robustness"] == before
    assert document(trial)["seed"] == seed


def test_a_dry_run_lists_it_and_its_time(
    bench: Command, model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a batch would be so slow that `offline` without it took longer than `single_stream` with it.
    monkeypatch.setattr("bench.estimating._host_macs_per_s", lambda: 3e10)
    with_it = bench("run", *FAKE, "--model", model, "--data", pictures, "--dry-run")
    assert with_it.code == 0
    assert with_it.out.count("robustness: 12 conditions of 20 corrupted samples") == 1
    plan = ("run", "--workload", "speech_command", "--dry-run", "--mode", "standard")
    plain, suite = bench(*plan), bench(*plan, "--robustness")
    assert "robustness: 9 conditions of 2560 corrupted samples" in suite.out
    without, asked = (
        [float(line.split("about ")[1].split(" s")[0]) for line in one.out.splitlines() if line.startswith("speech")]
        for one in (plain, suite)
    )
    assert asked[0] > without[0] + 9 * 2560 * 0.004
    assert asked[1] == without[1], "asked once for each workload"
    assert '"robustness": true' in bench("run", "--robustness", "--dry-run", "--format", "json").out


@pytest.mark.parametrize("mode", ["quick", "certified"])
def test_without_data_there_is_one_line(bench: Command, model: Path, tmp_path: Path, mode: str) -> None:
    outcome = bench("run", "--model", model, "--robustness", "--mode", mode)
    assert outcome.code == 2
    assert "--data" in complaint(outcome) or "`data`" in complaint(outcome)
    assert not (tmp_path / "results").exists()


def test_mode_certified_takes_it(bench: Command) -> None:
    outcome = bench("run", "--workload", "image_classify", "--robustness", "--mode", "certified", "--dry-run")
    assert outcome.code == 0
    assert "robustness: 12 conditions of 2400" in outcome.out
