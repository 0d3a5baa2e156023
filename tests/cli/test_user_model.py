"""`--model` and `--data`: the user's own classifier, right answers counted right, and everything that can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from .things import CLASSES, NAME, Command, codes, complaint, document, only_run, tiny_model, top_one

FLAGS = ("--scenario", "offline", "--format", "json")


def prepared(file: Path, normalised: bool) -> NDArray[np.generic]:
    """A 20 × 24 picture as the documented preparation for 8 × 8 makes it: 8/7 of 8 on the shorter side, centre crop."""
    with Image.open(file) as picture:
        resized = picture.resize((11, 9), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, np.uint8)[0:8, 1:9].transpose(2, 0, 1)
    if not normalised:
        return pixels
    mean, deviation = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    return ((pixels / 255 - mean) / deviation).astype(np.float32)


def measured_top_one(bench: Command, folder: Path, *flags: object) -> float:
    outcome = bench("run", *FLAGS, *flags)
    assert outcome.code == 0, outcome
    quality = document(only_run(folder / "results") / NAME.format("offline") / "record.json")["quality"]
    assert isinstance(quality, dict)
    assert quality["metric"] == "top1"
    assert quality["passed"] is None
    return float(quality["value"])


@pytest.mark.parametrize(
    ("dtype", "batch"),
    [(TensorProto.UINT8, "n"), (TensorProto.FLOAT, "n"), (TensorProto.FLOAT, 1), (TensorProto.UINT8, 3)],
)
def test_top_one_is_that_of_a_bare_loop(
    bench: Command, pictures: Path, tmp_path: Path, dtype: int, batch: int | str
) -> None:
    model = tiny_model(tmp_path / "model.onnx", dtype, shape=(batch, 3, 8, 8))
    free = tiny_model(tmp_path / "free.onnx", dtype)
    files = sorted(pictures.glob("*/*.png"))
    inputs = np.stack([prepared(file, dtype == TensorProto.FLOAT) for file in files])
    labels = np.array([CLASSES.index(file.parent.name) for file in files])
    expected = top_one(free, inputs, labels)
    assert 0.0 < expected < 1.0, "such pictures prove nothing"
    assert measured_top_one(bench, tmp_path, "--model", model, "--data", pictures) == expected


def test_top_one_with_ones_own_preparation(bench: Command, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('channels = "BGR"\nresize = [8, 8]\nscale = 1\nmean = [100.0, 110.0, 120.0]\n')
    model = tiny_model(tmp_path / "model.onnx", TensorProto.FLOAT)
    files = sorted(pictures.glob("*/*.png"))
    inputs = []
    for file in files:
        with Image.open(file) as picture:
            pixels = np.asarray(picture.resize((8, 8), Image.Resampling.BILINEAR), np.float32)[..., ::-1]
        inputs.append((pixels - np.array([100, 110, 120], np.float32)).transpose(2, 0, 1))
    labels = np.array([CLASSES.index(file.parent.name) for file in files])
    expected = top_one(model, np.stack(inputs), labels)
    flags = ("--model", model, "--data", pictures, "--preprocess", "p.toml")
    assert measured_top_one(bench, tmp_path, *flags) == expected
    plan = document(only_run(tmp_path / "results") / "run.json")["plan"]
    assert isinstance(plan, dict)
    assert plan["preparation"]["mean"] == [100.0, 110.0, 120.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("meen = [0.5]", "Did you mean `mean`?"),
        ('layout = "NHWC"', "one picture input (height, width, 3)"),
        ("mean = [0.5]", "The model takes pixels as uint8"),
        (None, "p.toml: cannot be read"),
    ],
)
def test_preparations_that_cannot_be(
    bench: Command, model: Path, pictures: Path, tmp_path: Path, text: str | None, said: str
) -> None:
    if text is not None:
        (tmp_path / "p.toml").write_text(text)
    outcome = bench("run", "--model", model, "--data", pictures, "--preprocess", "p.toml", *FLAGS)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in complaint(outcome)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino", "opencl"])
def test_axes_that_a_file_leaves_free(bench: Command, pictures: Path, tmp_path: Path, backend: str) -> None:
    if backend != "onnxruntime":
        pytest.importorskip({"opencl": "pyopencl"}.get(backend, backend))
    model = tiny_model(tmp_path / "model.onnx", shape=("n", 3, "h", "w"), answers=("n", "k"))
    (tmp_path / "p.toml").write_text("shapes = { x = [3, 8, 8] }\n")
    files = sorted(pictures.glob("*/*.png"))
    labels = np.array([CLASSES.index(file.parent.name) for file in files])
    expected = top_one(tiny_model(tmp_path / "fixed.onnx"), np.stack([prepared(file, False) for file in files]), labels)
    flags = ("--model", model, "--data", pictures, "--preprocess", "p.toml", "--backend", backend)
    assert measured_top_one(bench, tmp_path, *flags) == expected
    plan = document(only_run(tmp_path / "results") / "run.json")["plan"]
    assert isinstance(plan, dict)
    assert plan["preparation"]["shapes"] == {"x": [3, 8, 8]}


def test_shapes_need_no_data(bench: Command, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.onnx", shape=("n", 3, "h", "w"), answers=("n", "k"))
    (tmp_path / "p.toml").write_text("shapes.x = [3, 8, 8]\n")
    assert bench("run", "--model", model, "--preprocess", "p.toml", *FLAGS).code == 0
    (tmp_path / "p.toml").write_text("shapes.x = [3, 8, 8]\ncrop = 8\n")
    outcome = bench("run", "--model", model, "--preprocess", "p.toml", *FLAGS)
    assert outcome.code == 2
    assert "`preparation` goes with `data`" in complaint(outcome)
    outcome = bench("run", "--workload", "speech_command", "--preprocess", "p.toml", *FLAGS)
    assert outcome.code == 2
    assert "`shapes` of a preparation go with `model`" in complaint(outcome)


def test_a_preparation_without_data(bench: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").touch()
    outcome = bench("run", "--model", model, "--preprocess", "p.toml", *FLAGS)
    assert outcome.code == 2
    assert "`preparation` goes with `data`" in complaint(outcome)


def test_without_data_quality_is_not_verified(bench: Command, model: Path, tmp_path: Path) -> None:
    assert bench("run", "--model", model, *FLAGS).code == 0
    record = only_run(tmp_path / "results") / NAME.format("offline") / "record.json"
    assert "quality-not-verified" in codes(record)


def test_the_table_says_that_quality_is_not_verified(bench: Command, model: Path) -> None:
    outcome = bench("run", "--model", model, "--scenario", "single_stream")
    assert outcome.code == 0
    assert "not verified" in outcome.out
    assert "Report:" in outcome.out


def test_a_fixed_batch_is_used_where_the_scenario_allows_it(bench: Command, tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "four.onnx", shape=(4, 3, 8, 8))
    outcome = bench("run", "--model", model, "--scenario", "multi_stream", "--scenario", "offline", "--dry-run")
    assert outcome.code == 0
    assert outcome.out.count("batch 4,") == 2


@pytest.mark.parametrize("scenario", ["single_stream", "offline"])
def test_a_fixed_batch_that_the_scenario_cannot_use(bench: Command, tmp_path: Path, scenario: str) -> None:
    model = tiny_model(tmp_path / "four.onnx", shape=(4, 3, 8, 8))
    outcome = bench("run", "--model", model, "--scenario", scenario, "--batch", "2", "--dry-run")
    assert outcome.code == 2
    assert "takes batches of 4 only" in complaint(outcome)


def unknown_operator(path: Path) -> Path:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])]
    graph = helper.make_graph([helper.make_node("Nonsense", ["x"], ["y"])], "odd", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def bad_models(folder: Path) -> dict[str, Path]:
    """Files that are no usable model, by what is wrong with them."""
    whole = tiny_model(folder / "whole.onnx").read_bytes()
    for name, content in {
        "garbage": b"\x08\x09\x12no model" * 50,
        "cut": whole[: len(whole) // 2],
        "empty": b"",
    }.items():
        (folder / f"{name}.onnx").write_bytes(content)
    tiny_model(folder / "free-axes.onnx", shape=("n", 3, "height", "width"))
    tiny_model(folder / "wrong-answers.onnx", answers=("n", 7))
    tiny_model(folder / "wrong-shape.onnx", shape=("n", 3, 9, 9))
    tiny_model(folder / "no-shape.onnx", shape=(), answers=("n", 5))
    unknown_operator(folder / "unknown-operator.onnx")
    (folder / "folder.onnx").mkdir()
    return {file.stem: file for file in folder.glob("*.onnx")} | {"missing": folder / "missing.onnx"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "no such model file"),
        ("folder", "no such model file"),
        ("garbage", "not a valid ONNX model"),
        ("cut", "not a valid ONNX model"),
        ("empty", "not a valid ONNX model"),
        ("unknown-operator", "Nonsense"),
        ("free-axes", "free axes ['height', 'width']"),
        ("wrong-answers", "(5) vs (7)"),
        ("wrong-shape", "Incompatible dimensions"),
        ("no-shape", "no shape with a batch axis"),
    ],
)
def test_models_that_cannot_be_used(bench: Command, tmp_path: Path, name: str, said: str) -> None:
    bad = bad_models(tmp_path)[name]
    outcome = bench("run", "--model", bad, *FLAGS)
    assert outcome.code == 2
    assert outcome.out == ""
    line = complaint(outcome)
    assert str(bad) in line
    assert said in line
    assert not (tmp_path / "results").exists()


def test_an_operator_that_only_the_engine_lacks(bench: Command, tmp_path: Path) -> None:
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])]
    graph = helper.make_graph([helper.make_node("Fancy", ["x"], ["y"], domain="com.acme")], "odd", inputs, outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.acme", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "fancy.onnx")
    outcome = bench("run", "--model", "fancy.onnx", *FLAGS)
    assert outcome.code == 11
    assert "onnxruntime cannot load fancy.onnx" in complaint(outcome)


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((("n"), 1, 8, 24), TensorProto.UINT8, "one picture input (3, height, width)"),
        ((("n"), 8, 8, 3), TensorProto.UINT8, "one picture input (3, height, width)"),
        ((("n"), 3, 8, 8), TensorProto.DOUBLE, "uint8 or float32"),
    ],
)
def test_models_that_take_no_pictures(
    bench: Command, pictures: Path, tmp_path: Path, shape: tuple[int | str, ...], dtype: int, said: str
) -> None:
    model = tiny_model(tmp_path / "model.onnx", dtype, shape)
    outcome = bench("run", "--model", model, "--data", pictures, *FLAGS)
    assert outcome.code == 2
    assert said in complaint(outcome)


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "empty classes", "no classes", "too few classes"])
def test_data_that_cannot_be_used(bench: Command, model: Path, pictures: Path, tmp_path: Path, kind: str) -> None:
    data, picture = tmp_path / "data", (pictures / "ant" / "0.png").read_bytes()
    said = "one subfolder per class"
    if kind == "file":
        data.write_text("no folder")
        said = "is a file"
    elif kind == "missing":
        said = "does not exist"
    elif kind == "no classes":
        data.mkdir()
        (data / "0.png").write_bytes(picture)
    elif kind == "empty classes":
        (data / "ant").mkdir(parents=True)
    elif kind == "too few classes":
        (data / "ant").mkdir(parents=True)
        (data / "ant" / "0.png").write_bytes(picture)
        said = "1 class folders, and the model answers with 5 scores"
    else:
        data.mkdir()
    outcome = bench("run", "--model", model, "--data", data, *FLAGS)
    assert outcome.code == 2
    line = complaint(outcome)
    assert str(data) in line
    assert said in line


@pytest.mark.parametrize("how", ["no picture", "cut", "a folder of that name"])
def test_a_picture_that_cannot_be_read_is_named(
    bench: Command, model: Path, pictures: Path, tmp_path: Path, how: str
) -> None:
    for name in CLASSES:
        (tmp_path / "data" / name).mkdir(parents=True)
    bad = tmp_path / "data" / "bee" / "bad.png"
    whole = (pictures / "ant" / "0.png").read_bytes()
    (tmp_path / "data" / "ant" / "good.png").write_bytes(whole)
    if how == "a folder of that name":
        bad.mkdir()
        assert bench("run", "--model", model, "--data", "data", *FLAGS).code == 0
        return
    bad.write_bytes(whole[: len(whole) // 2] if how == "cut" else b"words")
    outcome = bench("run", "--model", model, "--data", "data", *FLAGS)
    assert outcome.code == 2
    assert f"{bad}: the picture cannot be read" in complaint(outcome)
    assert list((tmp_path / "results" / "runs").iterdir()) == []
