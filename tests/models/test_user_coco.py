"""A user's COCO annotations: boxes as the model sees them, or one line that says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from bench.backends.base import Tensor
from bench.measures import MEASURES
from bench.models.user_coco import read_annotations
from bench.models.user_files import BadModel
from bench.models.user_model import UserWorkload
from bench.records.preparation import Preparation
from bench.records.untrusted import BadFile
from bench.tasks import DETECT

from ..fixtures import save_model, tiny_onnx

INPUT = Tensor(name="x", dtype="uint8", shape=(3, 32, 48))
Change = Callable[[dict[str, Any]], object]


def given() -> dict[str, Any]:
    """Two pictures, 96 by 64 and 24 by 32; three objects, a crowd and categories with gaps between their ids."""
    return {
        "images": [
            {"id": 70, "file_name": "pictures/a.png", "width": 96, "height": 64},
            {"id": 7, "file_name": "pictures/b.png", "width": 24, "height": 32},
            {"id": 8, "file_name": "pictures/c.png", "width": 24, "height": 32},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 90, "bbox": [6, 8, 12, 16], "area": 100.5, "iscrowd": 0},
            {"id": 2, "image_id": 70, "category_id": 3, "bbox": [0, 0, 96, 64]},
            {"id": 3, "image_id": 70, "category_id": 44, "bbox": [10.5, 20, 20, 10], "area": 150, "iscrowd": 1},
        ],
        "categories": [{"id": 90, "name": "cup"}, {"id": 3, "name": "car"}, {"id": 44, "name": "bus"}],
    }


def written(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "pictures").mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for name, width, height in (("a", 96, 64), ("b", 24, 32), ("c", 24, 32)):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{name}.png")
    (folder / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    return folder / "annotations.json"


def detector(path: Path, classes: int = 3, boxes: int = 4) -> Path:
    """Five places that all say the same box and scores, whatever the picture."""
    shape, reduced = [1, 5, boxes], helper.make_node("ReduceMax", ["x32"], ["m"], axes=[1, 2, 3], keepdims=0)
    box = np.broadcast_to(np.array([0, 0, 48, 32][:boxes] + [0] * (boxes - 4), np.float32), shape)
    scores = np.zeros((1, 5, classes), np.float32)
    scores[0, 0, 0] = 1.0
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel().tolist())
        for name, array in (("b", box), ("s", scores), ("zero", np.zeros(1, np.float32)))
    ]
    column = helper.make_tensor("column", TensorProto.INT64, [3], [-1, 1, 1])
    nodes = [
        helper.make_node("Cast", ["x"], ["x32"], to=TensorProto.FLOAT),
        reduced,
        helper.make_node("Mul", ["m", "zero"], ["nothing"]),
        helper.make_node("Reshape", ["nothing", "column"], ["n"]),
        helper.make_node("Add", ["n", "b"], ["boxes"]),
        helper.make_node("Add", ["n", "s"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", 3, 32, 48])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 5, boxes]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 5, classes]),
        ],
        [*constants, column],
    )
    return save_model(graph, path)


def test_boxes_are_those_of_the_picture_squeezed_to_the_models_size(tmp_path: Path) -> None:
    files, labels = read_annotations(written(tmp_path, given()), 3, INPUT, Preparation(resize=(32, 48)))
    assert [file.name for file in files] == ["a.png", "b.png", "c.png"]
    assert labels.shape == (3, 2, 7)
    # Categories 3, 44 and 90 are classes 0, 1 and 2; the first picture is halved, the second twice as wide.
    assert labels[0].tolist() == [[0, 0, 0, 48, 32, 48 * 32, 0], [1, 5.25, 10, 15.25, 15, 150 / 4, 1]]
    assert labels[1].tolist() == [[2, 12, 8, 36, 24, 100.5 * 2, 0], [-1] * 7]
    assert (labels[2] == -1).all()


def test_boxes_are_cropped_with_the_picture(tmp_path: Path) -> None:
    content = given()
    content["annotations"].append({"image_id": 70, "category_id": 3, "bbox": [0, 10, 20, 10]})
    _, labels = read_annotations(written(tmp_path, content), 3, INPUT, Preparation(resize=64))
    # The first picture stays 96 by 64, and 24 columns and 16 rows of it are cut away on each side.
    assert labels[0].tolist() == [[0, 0, 0, 48, 32, 96 * 64, 0], [1, 0, 4, 6.5, 14, 150, 1], [-1] * 7]


def test_a_model_and_its_annotations_are_measured_as_the_suite_is(tmp_path: Path) -> None:
    workload = UserWorkload(detector(tmp_path / "m.onnx"), written(tmp_path, given()), task=DETECT.name)
    quality = workload.spec.quality
    assert (quality.metric, quality.evaluation_samples) == ("map", 3)
    indices = np.arange(3)
    assert workload.evaluation_inputs(indices)["x"].shape == (3, 3, 32, 48)
    labels = workload.evaluation_labels(indices)
    assert labels is not None
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    raw = session.run(["boxes", "scores"], workload.evaluation_inputs(indices))
    assert DETECT.condense is not None
    answers = DETECT.condense(dict(zip(("boxes", "scores"), raw, strict=True)))
    measured = MEASURES[DETECT.name].value(answers, labels)
    assert isinstance(measured, tuple)
    # One of the two classes with objects that are no crowd is found whole, one not at all.
    assert measured[0] == pytest.approx(0.5)


def test_pictures_without_an_object_are_refused_by_the_measure(tmp_path: Path) -> None:
    content = {**given(), "annotations": []}
    workload = UserWorkload(detector(tmp_path / "m.onnx"), written(tmp_path, content), task=DETECT.name)
    labels = workload.evaluation_labels(np.arange(3))
    assert labels is not None
    refused = MEASURES[DETECT.name].value({"detections": np.full((3, 100, 6), -1, np.float32)}, labels)
    assert getattr(refused, "code", "") == "nothing-to-find"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["images"].clear(), "it lists no images"),
        (lambda c: c["images"][1].update(id=70), "3 images have 2 different ids"),
        (lambda c: c["images"][2].update(file_name="none.png"), "images[2]: 'none.png' is no file"),
        (lambda c: c["images"][2].update(file_name=""), "images[2]: '' is no file"),
        (lambda c: c["annotations"][1].update(image_id=71), "annotations[1]: image_id 71 is the id of no image"),
        (lambda c: c["annotations"][2].update(category_id=1), "annotations[2]: category_id 1 is the id of no category"),
        (lambda c: c["annotations"][0].update(bbox=[0, 0, -1, 5]), "annotations[0]: bbox is [0.0, 0.0, -1.0, 5.0]"),
        (lambda c: c["categories"].pop(), "2 different categories, and the model scores 3 classes"),
        (lambda c: c["categories"][0].update(id=3), "2 different categories, and the model scores 3 classes"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(tmp_path: Path, change: Change, words: str) -> None:
    content = given()
    change(content)
    with pytest.raises(BadModel) as caught:
        read_annotations(written(tmp_path, content), 3, INPUT, Preparation(resize=(32, 48)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not usable as JSON"),
        ("[1, 2", "not usable as JSON"),
        ("[]", "Expected `object`"),
        (json.dumps({**given(), "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3]}]}), "length 4"),
        (json.dumps(given()).replace("10.5", "NaN"), "not usable as JSON"),
        (json.dumps({"images": [], "annotations": []}), "missing required field `categories`"),
    ],
)
def test_what_is_no_annotation_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    file = written(tmp_path, given())
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadFile) as caught:
        read_annotations(file, 3, INPUT, Preparation(resize=(32, 48)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_pictures_and_folders_are_told(tmp_path: Path) -> None:
    file = written(tmp_path, given())
    whole = (tmp_path / "pictures" / "a.png").read_bytes()
    (tmp_path / "pictures" / "a.png").write_bytes(whole[:10])
    with pytest.raises(BadModel, match=r"a\.png: the picture cannot be read"):
        read_annotations(file, 3, INPUT, Preparation(resize=(32, 48)))
    (tmp_path / "pictures" / "a.png").write_bytes(whole[: len(whole) // 2])
    workload = UserWorkload(detector(tmp_path / "m.onnx"), file, task=DETECT.name)
    with pytest.raises(BadModel, match=r"a\.png: the picture cannot be read"):
        workload.evaluation_inputs(np.arange(3))
    with pytest.raises(BadModel, match="is a folder"):
        read_annotations(tmp_path, 3, INPUT, Preparation())
    with pytest.raises(BadModel, match="does not exist"):
        read_annotations(tmp_path / "none.json", 3, INPUT, Preparation())


def test_a_model_that_is_no_detector_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="two outputs"):
        UserWorkload(tiny_onnx(tmp_path / "tiny.onnx"), None, task=DETECT.name)
    with pytest.raises(BadModel, match="two outputs"):
        UserWorkload(detector(tmp_path / "five.onnx", boxes=5), None, task=DETECT.name)
