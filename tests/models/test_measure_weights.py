"""`python -m bench.models.measure_weights`: other weights in the same graph, compared in turns, told in the card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from bench.models import measure_weights as subject
from bench.models.quantise.storage import unfold
from bench.models.suite import load_workload


def products(path: Path) -> dict[str, np.ndarray]:
    model = unfold(path).model if path.name == "graph.onnx" else onnx.load(path)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    used = [node.input[1] for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    return {name: constants[name] for name in used if name in constants}


@pytest.mark.parametrize("change", [subject.drawn, subject.shuffled, subject.denormal])
def test_only_the_numbers_change(change, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    shipped = load_workload("speech_command").model().path
    file = tmp_path / "other.onnx"
    onnx.save(subject.with_weights(unfold(shipped).model, change), file)
    before, after = products(shipped), products(file)
    assert before.keys() == after.keys()
    assert len(before) > 5
    for name, own in before.items():
        other = after[name]
        assert other.shape == own.shape
        assert not np.array_equal(other, own)
        if change is subject.shuffled:
            np.testing.assert_array_equal(np.sort(other.ravel()), np.sort(own.ravel()))
        elif change is subject.denormal:
            assert np.abs(other).max() < np.finfo(np.float32).tiny
            assert np.abs(other).max() > 0, "zeros would be another matter"
        else:
            assert other.std() == pytest.approx(own.std(), rel=0.5)


def test_each_kind_is_held_against_its_own_and_told_in_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workload = load_workload("speech_command")
    assert hasattr(workload, "folder")
    other = workload.model().path
    card = tmp_path / "card.md"
    card.write_text("before\n<!-- weights -->\nold\n<!-- end of weights -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(subject, "load_workload", lambda name: workload)
    monkeypatch.setattr(workload, "folder", tmp_path)
    monkeypatch.setattr(workload, "model", lambda precision="fp32": type("M", (), {"path": other})())
    flags = ["speech_command", "--rounds", "2", "--seconds", "0.02", "--other", str(other), "--about", "One thread."]
    assert subject.main(flags) == 0
    text = card.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- weights -->\n| weights |")
    assert text.endswith("One thread.\n<!-- end of weights -->\nafter\n")
    assert "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "throughput" not in line]
    assert [row.split(" | ")[0] for row in rows] == [
        "| normal numbers of the same deviation",
        "| its own at other places",
        "| its own times 1e-40 (denormal)",
        "| those of graph.onnx",
    ]
    assert "One thread." in capsys.readouterr().out


@pytest.mark.parametrize("flags", [["--batch", "0"], ["--batch", "33"], ["--rounds", "1"], ["--seconds", "0"]])
def test_figures_that_make_no_measurement(flags: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        subject.main(["speech_command", *flags])
    assert caught.value.code == 2


def test_a_workload_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert subject.main(["speech_comand"]) == 2
    assert "speech_command" in capsys.readouterr().err
