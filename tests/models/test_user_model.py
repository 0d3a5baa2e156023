"""`bench.models.user_model`: any ONNX file becomes a workload or one line that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from bench.backends.base import Options, Tensor
from bench.backends.onnxruntime import BACKEND
from bench.models.graph import model_hash
from bench.models.user_model import BadModel, UserWorkload
from bench.tasks.pictures import normalised

from ..fixtures import save_model, tiny_onnx

FLOAT, UINT8, INT64 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64
Shape = list[int | str | None] | None


def value(name: str, dtype: int, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def identity(path: Path, dtype: int = FLOAT, shape: Shape = None, outputs: int = 1, domain: str = "") -> Path:
    """A graph that answers with what it is fed, `outputs` times."""
    shape = ["n", 4] if shape is None else shape
    nodes = [helper.make_node("Identity", ["x"], [f"y{i}"]) for i in range(outputs)]
    graph = helper.make_graph(
        nodes, "g", [value("x", dtype, shape)], [value(f"y{i}", dtype, shape) for i in range(outputs)]
    )
    return save_model(graph, path, domain)


def refused(path: Path, data: Path | None = None) -> str:
    with pytest.raises(BadModel) as caught:
        UserWorkload(path, data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five classes: three, none, one, two and one picture, each of one colour."""
    rng = np.random.default_rng(0)
    for label, count in (("ant", 3), ("bee", 0), ("cat", 1), ("dog", 2), ("eel", 1)):
        (tmp_path / "pictures" / label / "deeper").mkdir(parents=True)
        for number in range(count):
            pixels = np.broadcast_to(rng.integers(40, 200, 3, np.uint8), (30, 40, 3))
            place = tmp_path / "pictures" / label / ("deeper" if number == 2 else "")
            Image.fromarray(np.ascontiguousarray(pixels)).save(place / f"{number}.PNG")
    (tmp_path / "pictures" / "ant" / "notes.txt").write_text("no picture")
    (tmp_path / "pictures" / "ant" / "folder.png").mkdir()
    return tmp_path / "pictures"


# -------------------------------------------------------------------------------------------------------- models


def test_what_the_file_says_becomes_the_specification(tmp_path: Path) -> None:
    workload = UserWorkload(tiny_onnx(tmp_path / "tiny.onnx"), None)
    spec = workload.spec
    assert spec.inputs == (Tensor(name="x", dtype="uint8", shape=(3, 8, 8)),)
    assert spec.outputs == (Tensor(name="logits", dtype="float32", shape=(5,)),)
    assert (spec.model.opset, spec.model.parameters, spec.model.macs_per_sample) == (17, 960, 960)
    assert spec.model.model_hash == model_hash(tmp_path / "tiny.onnx")
    assert workload.model().fixed_batch is None
    assert spec.quality.evaluation_samples == 0
    assert spec.quality.target is None
    assert workload.reference() is None
    assert workload.evaluation_labels(np.arange(0)) is None


def test_a_fixed_batch_is_kept(tmp_path: Path) -> None:
    workload = UserWorkload(tiny_onnx(tmp_path / "tiny.onnx", batch=4), None)
    assert workload.model().fixed_batch == 4
    assert workload.spec.scenarios["offline"].batch == 4


@pytest.mark.parametrize("dtype", ["FLOAT", "FLOAT16", "DOUBLE", "UINT8", "INT8", "INT16", "INT32", "INT64", "BOOL"])
def test_timed_inputs_have_the_type_asked_for_and_follow_their_seed(tmp_path: Path, dtype: str) -> None:
    workload = UserWorkload(identity(tmp_path / "m.onnx", getattr(TensorProto, dtype), ["n", 3, 5]), None)
    (tensor,) = workload.spec.inputs
    first, again, other = (workload.load_inputs(6, seed)["x"] for seed in (1, 1, 2))
    assert first.shape == (6, 3, 5)
    assert first.dtype == np.dtype(tensor.dtype)
    assert (first == again).all()
    assert (first != other).any()
    assert len({sample.tobytes() for sample in first}) == 6, "distinct samples"


def test_integers_may_be_indices(tmp_path: Path) -> None:
    tokens = UserWorkload(identity(tmp_path / "m.onnx", INT64, ["n", 500]), None).load_inputs(8, 1)["x"]
    assert tokens.min() == 0
    assert tokens.max() == 127


def test_initializers_that_are_listed_as_inputs_are_not_fed(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [value("x", FLOAT, ["n", 2]), value("w", FLOAT, [2])],
        [value("y", FLOAT, ["n", 2])],
        [onnx.numpy_helper.from_array(np.ones(2, np.float32), "w")],
    )
    spec = UserWorkload(save_model(graph, tmp_path / "m.onnx"), None).spec
    assert [tensor.name for tensor in spec.inputs] == ["x"]


def junk(path: Path) -> Path:
    path.write_bytes(b"\x08\x07 not a model")
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def no_output(path: Path) -> Path:
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value("x", FLOAT, ["n"])], [])
    return save_model(graph, path)


def two_batches(path: Path) -> Path:
    inputs = [value("a", FLOAT, [2, 3]), value("b", FLOAT, [4, 3])]
    nodes = [helper.make_node("Identity", ["a"], ["y"]), helper.make_node("Identity", ["b"], ["z"])]
    graph = helper.make_graph(nodes, "g", inputs, [value("y", FLOAT, [2, 3]), value("z", FLOAT, [4, 3])])
    return save_model(graph, path)


def sequence(path: Path) -> Path:
    outputs = [helper.make_tensor_sequence_value_info("y", FLOAT, ["n", 2])]
    nodes = [helper.make_node("SequenceConstruct", ["x"], ["y"])]
    return save_model(helper.make_graph(nodes, "g", [value("x", FLOAT, ["n", 2])], outputs), path)


def found_places(path: Path) -> Path:
    """Its answers are as long as what it is fed has numbers other than zero."""
    nodes = [helper.make_node("NonZero", ["x"], ["y"])]
    graph = helper.make_graph(nodes, "g", [value("x", FLOAT, [2])], [value("y", INT64, [1, "k"])])
    return save_model(graph, path)


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda path: path, "there is no such model file"),
    "a folder": (lambda path: path.parent, "there is no such model file"),
    "junk": (junk, "not a valid ONNX model"),
    "empty": (empty, "m.onnx: "),
    "no output": (no_output, "m.onnx: "),
    "no shape": (lambda path: identity(path, shape=[]), "'x' has no shape with a batch axis"),
    "free axes": (lambda path: identity(path, shape=["n", 3, "h", None]), "'x' has free axes ['h', '?']"),
    "free answers": (found_places, "'y' has free axes ['k'] behind the batch axis, which do not follow"),
    "two batches": (two_batches, "different fixed batch sizes: [2, 4]"),
    "texts": (lambda path: identity(path, TensorProto.STRING), "'x' holds object; expected numpy's numbers"),
    "bfloat16": (lambda path: identity(path, TensorProto.BFLOAT16), "'x' holds bfloat16"),
    "a sequence": (sequence, "'y' has no shape"),
    "foreign operators only": (lambda path: identity(path, domain="com.vendor"), "m.onnx: "),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_model_that_cannot_be_used_is_one_line(tmp_path: Path, kind: str) -> None:
    make, words = BROKEN[kind]
    assert words in refused(make(tmp_path / "m.onnx"))


# ------------------------------------------------------------------------------------------------------ pictures


def test_labels_are_the_places_of_the_sorted_folders(tmp_path: Path, pictures: Path) -> None:
    workload = UserWorkload(tiny_onnx(tmp_path / "tiny.onnx"), pictures)
    labels = workload.evaluation_labels(np.arange(7))
    assert labels is not None
    assert labels.tolist() == [0, 0, 0, 2, 3, 3, 4]
    assert workload.spec.quality.evaluation_samples == workload.spec.quality.quick_samples == 7


@pytest.mark.parametrize("dtype", [UINT8, FLOAT])
def test_evaluation_inputs_are_the_pictures_asked_for(tmp_path: Path, pictures: Path, dtype: int) -> None:
    workload = UserWorkload(tiny_onnx(tmp_path / "tiny.onnx", dtype), pictures)
    indices = np.array([4, 0, 4])
    found = workload.evaluation_inputs(indices)["x"]
    with Image.open(pictures / "dog" / "0.PNG") as picture:
        colour = np.array(picture.getpixel((0, 0)), np.uint8)
    flat = np.broadcast_to(colour[:, None, None], (3, 8, 8))
    assert found.shape == (3, 3, 8, 8)
    assert (found[0] == (flat if dtype == UINT8 else normalised(flat[None])[0])).all()
    assert (found[0] == found[2]).all()


def test_timed_pictures_are_never_those_of_the_evaluation(tmp_path: Path, pictures: Path) -> None:
    workload = UserWorkload(tiny_onnx(tmp_path / "tiny.onnx"), pictures)
    evaluated = {picture.tobytes() for picture in workload.evaluation_inputs(np.arange(7))["x"]}
    timed = workload.load_inputs(64, 3)["x"]
    assert len({picture.tobytes() for picture in timed}) == 64
    assert not evaluated & {picture.tobytes() for picture in timed}
    assert (timed == workload.load_inputs(64, 3)["x"]).all()
    assert (timed != workload.load_inputs(64, 4)["x"]).any()


def test_what_the_workload_says_is_what_the_engine_takes(tmp_path: Path, pictures: Path) -> None:
    workload = UserWorkload(tiny_onnx(tmp_path / "tiny.onnx"), pictures)
    options = Options(precision="fp32", max_batch=7, workers=1, threads=1)
    session = BACKEND.compile(workload.model(), BACKEND.devices()[0], options).open(0)
    out = {"logits": np.full((7, 5), np.nan, np.float32)}
    session.run(workload.evaluation_inputs(np.arange(7)), out)
    assert np.isfinite(out["logits"]).all()


def test_a_broken_picture_is_named(tmp_path: Path, pictures: Path) -> None:
    (pictures / "cat" / "0.PNG").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    workload = UserWorkload(tiny_onnx(tmp_path / "tiny.onnx"), pictures)
    with pytest.raises(BadModel, match=r"cat/0\.PNG: the picture cannot be read"):
        workload.evaluation_inputs(np.arange(7))


def test_data_that_do_not_fit_are_one_line(tmp_path: Path, pictures: Path) -> None:
    tiny = tiny_onnx(tmp_path / "tiny.onnx")
    (tmp_path / "nothing" / "a").mkdir(parents=True)
    assert "does not exist" in refused(tiny, tmp_path / "nowhere")
    assert "is a file" in refused(tiny, tiny)
    assert "no pictures found" in refused(tiny, tmp_path / "nothing")
    assert "5 class folders, and the model answers with 6 scores" in refused(
        tiny_onnx(tmp_path / "six.onnx", classes=6), pictures
    )
    assert "one picture input (3, height, width)" in refused(
        tiny_onnx(tmp_path / "grey.onnx", shape=(1, 8, 8)), pictures
    )
    assert "uint8 or float32 picture input; this one is int64" in refused(
        tiny_onnx(tmp_path / "wide.onnx", INT64), pictures
    )
