"""`bench.models.soundness` and `--model`: data elsewhere, foreign operators, NaN, wherever in a file they hide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bench.models.soundness import Elsewhere, Foreign, NotNumbers, data_elsewhere, foreign_operators, nan_weights
from bench.models.suite import load_workload
from bench.models.user_model import BadModel, UserWorkload

from ..fixtures import tiny_onnx


def value(name: str, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, ["n", 2])


def branching(bad: np.ndarray, domain: str = "") -> ModelProto:
    """A graph with an If, in whose branch stand a constant, a weight and an operator."""
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(bad, "inner_constant"))
    add = helper.make_node("Add", ["x", "c"], ["s"], "inner_add", domain=domain)
    scale = helper.make_node("Mul", ["s", "w"], ["then_y"])
    then = helper.make_graph([constant, add, scale], "then", [], [value("then_y")], [numpy_helper.from_array(bad, "w")])
    same = helper.make_graph([helper.make_node("Identity", ["x"], ["else_y"])], "else", [], [value("else_y")])
    node = helper.make_node("If", ["when"], ["y"], then_branch=then, else_branch=same)
    graph = helper.make_graph(
        [node], "g", [value("x")], [value("y")], [numpy_helper.from_array(np.array(True), "when")]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_the_suites_networks_are_sound() -> None:
    for name in ("speech_command", "image_classify"):
        path = load_workload(name).model().path
        model = onnx.load(path, load_external_data=False)
        assert data_elsewhere(model, path.parent) == []
        assert foreign_operators(model) == []
        assert nan_weights(model, path.parent) == []


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_nan_is_found_in_branches_and_constants(tmp_path: Path, dtype: type[np.floating]) -> None:
    bad = np.array([np.nan, 1.0], dtype)
    assert nan_weights(branching(bad), tmp_path) == [NotNumbers("w", 1, 2), NotNumbers("inner_constant", 1, 2)]
    assert nan_weights(branching(np.array([-np.inf, 1.0], dtype)), tmp_path) == []


def test_nan_is_found_in_bfloat16_and_in_files_beside(tmp_path: Path) -> None:
    tensor = helper.make_tensor("w", TensorProto.BFLOAT16, [2], [np.nan, 1.0])
    model = branching(np.ones(2, np.float32))
    model.graph.initializer.append(tensor)
    beside = numpy_helper.from_array(np.full(3, np.nan, np.float32), "far")
    (tmp_path / "far.bin").write_bytes(beside.raw_data)
    beside.ClearField("raw_data")
    beside.data_location = TensorProto.EXTERNAL
    beside.external_data.add(key="location", value="far.bin")
    model.graph.initializer.append(beside)
    assert set(nan_weights(model, tmp_path)) == {NotNumbers("w", 1, 2), NotNumbers("far", 3, 3)}


def test_foreign_operators_are_found_in_branches_and_functions_of_the_file_are_its_own() -> None:
    model = branching(np.ones(2, np.float32), "com.acme")
    assert foreign_operators(model) == [Foreign("inner_add", "Add", "com.acme")]
    body = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Gelu", ["b"], ["d"], domain="com.vendor")]
    function = helper.make_function("com.acme", "Add", ["a"], ["d"], body, [helper.make_opsetid("", 17)])
    model.functions.append(function)
    assert foreign_operators(model) == [Foreign("d", "Gelu", "com.vendor")]


def external(path: Path, **entries: str) -> Path:
    """A model whose only weights lie as `entries` say."""
    model = onnx.load(tiny_onnx(path))
    (tensor,) = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in entries.items():
        tensor.external_data.add(key=key, value=text)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"location": "/etc/passwd"}, "outside"),
        ({"location": "../m.bin"}, "outside"),
        ({"location": "deeper/../../m.bin"}, "outside"),
        ({"location": "link.bin"}, "outside"),
        ({"location": ""}, "outside"),
        ({}, "outside"),
        ({"location": "nowhere.bin"}, "missing"),
        ({"location": "."}, "missing"),
        ({"location": "m.bin", "offset": "0", "length": "3841"}, "short"),
        ({"location": "m.bin", "offset": "1", "length": "3840"}, "short"),
        ({"location": "m.bin", "offset": "-1", "length": "2"}, "short"),
        ({"location": "m.bin", "offset": "many", "length": "2"}, "short"),
    ],
)
def test_data_that_is_not_whole_beside_the_model(tmp_path: Path, entries: dict[str, str], why: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "m.bin").write_bytes(bytes(3840))
    (folder / "link.bin").symlink_to(tmp_path / "m.bin")
    path = external(folder / "m.onnx", **entries)
    model = onnx.load(path, load_external_data=False)
    assert data_elsewhere(model, folder) == [Elsewhere("w", entries.get("location", ""), why)]  # type: ignore[arg-type]
    with pytest.raises(BadModel, match=r"m\.onnx: tensor 'w' has its data in '.*', (outside|which)") as caught:
        UserWorkload(path, None)
    assert "\n" not in str(caught.value)


def test_data_beside_the_model_is_taken(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "m.bin").write_bytes(np.ones((192, 5), np.float32).tobytes())
    path = external(tmp_path / "m.onnx", location="deeper/m.bin", offset="0", length="3840")
    assert UserWorkload(path, None).spec.model.parameters == 960


def test_a_model_with_nan_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tiny_onnx(tmp_path / "m.onnx")
    model = onnx.load(path)
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[5, :3] = np.nan
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w"))
    onnx.save(model, path)
    with pytest.raises(BadModel, match=r"m\.onnx: tensor 'w' holds 3 NaN among 960 numbers; every answer"):
        UserWorkload(path, None)
