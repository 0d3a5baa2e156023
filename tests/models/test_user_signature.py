"""What a user's file takes and answers where it leaves axes free: as the same file with fixed ones, or one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench.backends.base import Tensor
from bench.models.graph import _counted, forms_of
from bench.models.shapes import folded, inferred
from bench.models.suite import load_workload
from bench.models.user_files import BadModel
from bench.models.user_model import UserWorkload
from bench.models.user_signature import read_signature
from bench.records.preparation import Preparation

from ..fixtures import save_model

FLOAT = TensorProto.FLOAT


def halving(path: Path, side: int | str | None, answers: list[int | str | None], batch: int | str = "n") -> Path:
    """Two filters of 3 × 3 at every other place, then all places behind one another: (n, 2, places)."""
    weights = np.ones((2, 3, 3, 3), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Reshape", ["c", "form"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("y", FLOAT, answers)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array([0, 2, -1]), "form")],
    )
    return save_model(graph, path)


@pytest.mark.parametrize("side", ["side", None])
def test_what_is_given_makes_it_the_file_with_fixed_axes(tmp_path: Path, side: str | None) -> None:
    free = UserWorkload(
        halving(tmp_path / "free.onnx", side, ["n", 2, "places"]), None, Preparation(shapes={"x": (3, 16, 16)})
    ).spec
    fixed = UserWorkload(halving(tmp_path / "fixed.onnx", 16, ["n", 2, 64]), None).spec
    assert (free.inputs, free.outputs) == (fixed.inputs, fixed.outputs)
    assert free.outputs == (Tensor(name="y", dtype="float32", shape=(2, 64)),)
    assert free.model.macs_per_sample == fixed.model.macs_per_sample == 2 * 27 * 64
    assert free.scenarios == fixed.scenarios


def test_answers_that_follow_from_fixed_inputs_need_not_be_said(tmp_path: Path) -> None:
    found = read_signature(halving(tmp_path / "m.onnx", 8, ["n", None, "places"], batch=3), {})
    assert found.outputs == (Tensor(name="y", dtype="float32", shape=(2, 16)),)
    assert found.fixed_batch == 3


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({}, "'x' has free axes ['side', 'side'] behind the batch axis; export it with fixed ones, or say its shape"),
        ({}, 'shapes."x" = [3, …, …]'),
        ({"image": (3, 8, 8)}, "`shapes` has 'image', which is no input of it. Known: x."),
        ({"x": (3, 8)}, "`shapes` has [3, 8] for 'x', which takes [3, 'side', 'side'] behind the batch axis"),
        ({"x": (1, 8, 8)}, "`shapes` has [1, 8, 8] for 'x', which takes [3, 'side', 'side']"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, shapes: dict[str, tuple[int, ...]], words: str) -> None:
    file = halving(tmp_path / "m.onnx", "side", ["n", 2, "places"])
    with pytest.raises(BadModel) as caught:
        read_signature(file, shapes)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(), (0,), (3, -1), (1 << 40,)])
def test_sizes_that_no_sample_has(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="`shapes` has"):
        Preparation(shapes={"x": shape})


def by_its_sizes(path: Path, side: int | str | None) -> Path:
    """`halving` with places counted by Split and Mul of the shape, a way that onnx's own inference does not follow."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["c"], ["s"]),
        helper.make_node("Split", ["s"], ["n", "f", "h", "w_"], axis=0),
        helper.make_node("Mul", ["h", "w_"], ["places"]),
        helper.make_node("Concat", ["n", "places", "f"], ["form"], axis=0),
        helper.make_node("Reshape", ["c", "form"], ["rows"]),
        helper.make_node("MatMul", ["rows", "m"], ["y"], name="product"),
    ]
    weights = {"w": np.ones((2, 3, 3, 3), np.float32), "m": np.ones((2, 5), np.float32)}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 3, side, side])],
        [helper.make_tensor_value_info("y", FLOAT, ["n", "places", 5])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return save_model(graph, path)


@pytest.mark.parametrize("side", [16, "side"])
def test_shapes_that_onnx_does_not_follow(tmp_path: Path, side: int | str) -> None:
    file = by_its_sizes(tmp_path / "m.onnx", side)
    spec = UserWorkload(file, None, Preparation(shapes={"x": (3, 16, 16)})).spec
    assert spec.outputs == (Tensor(name="y", dtype="float32", shape=(64, 5)),)
    assert spec.model.macs_per_sample == 2 * 27 * 64 + 64 * 2 * 5
    assert spec.model.parameters == 54 + 10


@pytest.mark.parametrize("name", ["speech_recognize", "object_detect", "face_verify"])
def test_what_onnxruntime_folds_counts_as_what_onnx_follows(name: str) -> None:
    spec = load_workload(name).spec
    path, forms = load_workload(name).model().path, forms_of(spec.inputs)
    ways = folded(path, forms), inferred(onnx.load(path), forms)
    one, other = (sorted(_counted(way.graph)[0].values()) for way in ways)
    assert one == other
