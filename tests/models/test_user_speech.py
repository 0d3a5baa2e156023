"""A user's recogniser and manifest: what its answers are worth, measured as the suite's are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from onnx import TensorProto, helper, numpy_helper

from bench.measures import MEASURES
from bench.models.quantise.assess import answered
from bench.models.user_files import BadModel
from bench.models.user_model import UserWorkload
from bench.records.preparation import Preparation
from bench.tasks import RECOGNISE

from ..fixtures import save_model

TOKENS = ("", "打", "开", "空", "调")
FRAME, FRAMES, LOUD = 10, 12, 1000
HOW = Preparation(sample_rate=8000, tokens=TOKENS)
SAID = ("打开", "空调", "开开打", "调")


def recogniser(path: Path, classes: int = len(TOKENS)) -> Path:
    """Frames of ten samples, each taken for the class whose thousands it is nearest to."""
    wave = helper.make_tensor_value_info("wave", TensorProto.INT16, ["n", FRAME * FRAMES])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", FRAMES, classes])
    constants = {
        "form": np.array([0, FRAMES, FRAME]),
        "levels": (np.arange(classes, dtype=np.float32) * LOUD).reshape(1, 1, -1),
    }
    nodes = [
        helper.make_node("Cast", ["wave"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["float", "form"], ["frames"]),
        helper.make_node("ReduceMean", ["frames"], ["means"], axes=[2], keepdims=1),
        helper.make_node("Sub", ["means", "levels"], ["far"]),
        helper.make_node("Mul", ["far", "far"], ["squares"]),
        helper.make_node("Neg", ["squares"], ["scores"]),
    ]
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return save_model(helper.make_graph(nodes, "recogniser", [wave], [scores], initial), path)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Sounds that say `SAID`, a frame for each token and silence between them."""
    lines = []
    for number, text in enumerate(SAID):
        levels = [level for token in text for level in (TOKENS.index(token), 0)]
        soundfile.write(tmp_path / f"{number}.wav", np.repeat(np.array(levels, np.int16) * LOUD, FRAME), 8000)
        lines.append(json.dumps({"path": f"{number}.wav", "text": text}))
    (tmp_path / "said.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "said.jsonl"


def test_what_is_said_is_answered_and_counted(tmp_path: Path, manifest: Path) -> None:
    workload = UserWorkload(recogniser(tmp_path / "m.onnx"), manifest, HOW, RECOGNISE.name)
    quality = workload.spec.quality
    assert (quality.metric, quality.evaluation_samples) == (RECOGNISE.metric, len(SAID))
    indices = np.arange(len(SAID))
    labels = workload.evaluation_labels(indices)
    assert labels is not None
    assert labels.tolist() == [[1, 2, -1], [3, 4, -1], [2, 2, 1], [4, -1, -1]]
    found = answered(workload.model().path, workload.evaluation_inputs, len(SAID), RECOGNISE).answers
    measured = MEASURES[RECOGNISE.name].value(found, labels)
    assert isinstance(measured, tuple)
    assert measured[0] == 1.0
    other = labels.copy()
    other[3, 0] = 1
    measured = MEASURES[RECOGNISE.name].value(found, other)
    assert isinstance(measured, tuple)
    assert measured[0] == pytest.approx(7 / 8), "one of eight characters"


@pytest.mark.parametrize(
    ("how", "classes", "words"),
    [
        (Preparation(), 5, "needs `--preprocess` with `sample_rate` and `tokens`"),
        (Preparation(sample_rate=8000), 5, "needs `--preprocess` with `sample_rate` and `tokens`"),
        (HOW, 6, "needs a first output (frames, 5)"),
        (Preparation(sample_rate=16000, tokens=TOKENS), 5, "has 8000 samples per second, and `sample_rate` is 16000"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, manifest: Path, how: Preparation, classes: int, words: str) -> None:
    with pytest.raises(BadModel) as caught:
        UserWorkload(recogniser(tmp_path / "m.onnx", classes), manifest, how, RECOGNISE.name)
    assert words in str(caught.value)


@pytest.mark.parametrize("tokens", [("",), ("", "a", "a"), ("", "a", ""), ()])
def test_tokens_that_are_none(tokens: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="`tokens` are the blank and one or more others"):
        Preparation(sample_rate=8000, tokens=tokens)
    with pytest.raises(ValueError, match="needs `sample_rate`"):
        Preparation(tokens=("", "a"))
