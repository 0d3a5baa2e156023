"""Scenes, labels, files and reference of `object_detect`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bench.models.base import WorkloadSpec
from bench.models.graph import graph_statistics, model_hash
from bench.models.image_classify.canvas import Draws
from bench.models.object_detect import data
from bench.models.object_detect.classes import CLASS_NAMES, KINDS
from bench.models.object_detect.pictures import mirrored
from bench.models.object_detect.place import SIZE
from bench.models.object_detect.sprite import Sprite, draw_colours
from bench.models.suite import load_workload, reference_root
from bench.records.untrusted import read_toml
from bench.scoring.detection import mean_average_precision
from bench.scoring.matching import match
from bench.tasks.detect import LEAST_SCORE, condense

from .shipping import digest

FOLDER = Path(data.__file__).resolve().parent
REFERENCE = reference_root() / "object_detect"
GOLDEN = "c2c8b29846cf8f37c0259684230314fb514b9e28fc6696d41b8a4c7a29c9aaf6"


@pytest.fixture(scope="module")
def scenes() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    return data.validation_scenes(np.arange(48))


# -------------------------------------------------------------------------------------------------------- scenes


def test_pictures_and_labels_have_the_promised_shape_and_type() -> None:
    indices = np.array([5, data.EVALUATION_SIZE - 1])
    images, labels = data.evaluation_inputs(indices)["image"], data.evaluation_labels(indices)
    assert (images.shape, images.dtype) == ((2, 3, 320, 320), np.uint8)
    assert (labels.shape, labels.dtype) == ((2, 8, 7), np.float64)
    assert np.array_equal(labels, data.scenes(21, 0, indices)[1])
    assert data.evaluation_labels(np.array([], dtype=np.int64)).shape == (0, 8, 7)


def test_a_picture_is_the_same_alone_in_company_and_in_another_process() -> None:
    together = data.evaluation_inputs(np.array([7, 100, 3]))["image"]
    assert np.array_equal(together[1], data.evaluation_inputs(np.array([100]))["image"][0])
    code = (
        "import hashlib, numpy as np; from bench.models.object_detect import data;"
        "print(hashlib.sha256(data.evaluation_inputs(np.array([7, 100, 3]))['image'].tobytes()).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == digest(together)


def test_streams_and_seeds_show_different_scenes() -> None:
    indices = np.arange(4)
    streams = [
        data.evaluation_inputs(indices)["image"],
        data.load_inputs(4, 1)["image"],
        data.load_inputs(4, 2)["image"],
        data.load_inputs(4, 1 + (1 << 40))["image"],
        data.calibration_inputs(4)["image"],
        data.training_scenes(indices)[0],
        data.validation_scenes(indices)[0],
    ]
    assert len({digest(image) for images in streams for image in images}) == 4 * len(streams)


def test_golden_pictures() -> None:
    assert digest(data.evaluation_inputs(np.arange(0, 1200, 149))["image"]) == GOLDEN


def test_boxes_lie_inside_the_picture_and_say_what_the_rules_say(
    scenes: tuple[NDArray[np.uint8], NDArray[np.float64]],
) -> None:
    labels = scenes[1][scenes[1][..., 0] >= 0]
    assert len(labels) > 100
    assert set(labels[:, 0]) <= set(range(len(CLASS_NAMES)))
    assert (labels[:, 1:5] >= 0).all()
    assert (labels[:, 1:5] <= SIZE).all()
    sides = labels[:, 3:5] - labels[:, 1:3]
    assert (sides >= 6).all()
    assert (labels[:, 5] <= sides.prod(axis=1)).all()
    assert (labels[:, 5] > 0).all()
    assert (labels[:, 6] == 0).all()
    assert sides.max() > 160
    assert sides.max(axis=1).min() < 24


def test_every_class_occurs_about_as_often_as_any_other() -> None:
    labels = data.evaluation_labels(np.arange(400))
    counts = np.bincount(labels[..., 0][labels[..., 0] >= 0].astype(int), minlength=len(CLASS_NAMES))
    assert counts.min() > 0.4 * counts.mean()
    assert counts.max() < 1.8 * counts.mean()


def test_a_box_is_where_the_object_is() -> None:
    """Drawn twice with other colours for one object: what changes in the picture lies in its box, and fills it."""
    from bench.models.object_detect import scene

    found = 0
    for index in range(12):
        plain, labels = scene.draw_scene(Draws(22, 5, index), np.zeros((SIZE, SIZE), np.float32))
        painted, same = _with_first_object_inverted(index)
        assert np.array_equal(labels, same)
        changed = (np.abs(plain - painted) > 30).any(axis=0)
        if not changed.any():
            continue
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        distances = np.abs(labels[labels[:, 0] >= 0][:, 1:5] - box).max(axis=1)
        found += int(distances.min() <= 3)
    assert found >= 8


def _with_first_object_inverted(index: int) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    from bench.models.object_detect import scene

    original, seen = scene._put, []

    def put(picture, owners, item, number):  # type: ignore[no-untyped-def]
        if number == 0 and not seen:
            seen.append(item)
            item.sprite.picture = (item.sprite.picture + 128) % 256
        original(picture, owners, item, number)

    scene._put = put
    try:
        return scene.draw_scene(Draws(22, 5, index), np.zeros((SIZE, SIZE), np.float32))
    finally:
        scene._put = original


@pytest.mark.parametrize("kind", range(len(CLASS_NAMES)), ids=CLASS_NAMES)
def test_a_class_fills_its_window(kind: int) -> None:
    draw = Draws(22, 9, kind)
    aspect = (KINDS[kind].narrow + KINDS[kind].wide) / 2
    sprite = Sprite(60 * min(1.0, aspect), 60 / max(1.0, aspect), 1.0, 0.0)
    KINDS[kind].draw(draw, sprite, draw_colours(draw))
    solid = sprite.alpha > 0.5
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    assert columns[-1] + 1 - columns[0] >= 0.65 * 2 * sprite.a
    assert rows[-1] + 1 - rows[0] >= 0.75 * 2 * sprite.b
    assert solid.mean() > 0.25
    assert np.ptp(sprite.picture[:, solid]) > 40
    assert sprite.picture.dtype == sprite.alpha.dtype == np.float32


def test_indices_outside_the_set_are_refused() -> None:
    with pytest.raises(IndexError, match=str(data.EVALUATION_SIZE - 1)):
        data.evaluation_inputs(np.array([data.EVALUATION_SIZE]))
    with pytest.raises(IndexError):
        data.evaluation_labels(np.array([-1]))


def test_pictures_are_as_hard_to_compress_as_photographs(
    scenes: tuple[NDArray[np.uint8], NDArray[np.float64]],
) -> None:
    import io

    from PIL import Image

    sizes = []
    for image in scenes[0][:24]:
        file = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=85)
        sizes.append(len(file.getvalue()) / (SIZE * SIZE) * 8)
    # Photographs at this quality take about 1 to 4 bits per pixel.
    assert 1 < np.median(sizes) < 4


# ------------------------------------------------------------------------------------------------------ training


def test_every_epoch_shows_every_picture_once_and_mirrors_boxes_with_it() -> None:
    from bench.models.object_detect.pictures import batch

    images = np.broadcast_to(np.arange(24, dtype=np.uint8)[:, None, None, None], (24, 3, 4, 4))
    labels = np.full((24, 8, 7), -1.0)
    labels[:, 0] = (3, 10, 20, 60, 90, 700, 0)
    shown, truth = zip(*(batch(images, labels, 6, 3, 4 + place) for place in range(4)), strict=True)
    assert np.array_equal(np.sort(np.concatenate(shown)[:, 0, 0, 0]), np.arange(24))
    first = np.concatenate(truth)[:, 0, 1:5].tolist()
    assert {tuple(box) for box in first} == {(10, 20, 60, 90), (260, 20, 310, 90)}
    assert (np.concatenate(truth)[:, 1:] == -1).all()


def test_mirroring_twice_is_nothing(scenes: tuple[NDArray[np.uint8], NDArray[np.float64]]) -> None:
    labels, turned = scenes[1].astype(np.float32), np.arange(48) % 2 == 0
    assert np.array_equal(mirrored(mirrored(labels, turned), turned), labels)


def test_places_learn_the_object_that_they_find_best() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.object_detect.assignment import assign
    from bench.models.object_detect.network import places

    centres, _ = places(64)
    truth = torch.full((1, 8, 7), -1.0)
    truth[0, 0, :5] = torch.tensor([1, 4, 4, 28, 28])
    truth[0, 1, :5] = torch.tensor([2, 34, 34, 62, 60])
    boxes = torch.cat([centres - 12, centres + 12], dim=1)[None]
    boxes[0, 9] = torch.tensor([4.0, 4, 28, 28])  # the place in the middle of the first object has it right
    targets = assign(boxes, torch.full((1, len(centres), 3), 0.1), centres, truth)
    chosen = targets.scores.sum(-1)[0] > 0
    assert int(targets.scores[0, 9].argmax()) == 1
    assert float(targets.scores[0, 9, 1]) == pytest.approx(1.0, abs=1e-5)
    assert float(targets.scores.max()) == pytest.approx(1.0, abs=1e-5)
    assert (targets.scores[..., 0] == 0).all()  # nothing of that class is there
    inside = (centres > 4).all(1) & (centres < 28).all(1)
    assert (chosen[inside] == (targets.scores[0, inside, 1] > 0)).all()
    assert int(chosen.sum()) <= 20
    for place in torch.nonzero(chosen).flatten().tolist():
        kind = int(targets.scores[0, place].argmax())
        assert targets.boxes[0, place].tolist() == truth[0, kind - 1, 1:5].tolist()


def test_nothing_there_is_a_lesson_too() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.object_detect.assignment import detection_loss
    from bench.models.object_detect.network import places

    centres, strides = places(64)
    truth = torch.full((2, 8, 7), -1.0)
    sides = torch.full((2, 4, len(centres)), 2.0, requires_grad=True)
    logits = torch.full((2, 22, len(centres)), -4.0, requires_grad=True)
    loss = detection_loss(sides, logits, centres, strides, truth)
    expected = 2 * 22 * len(centres) * np.log1p(np.exp(-4.0))
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    loss.backward()
    assert (logits.grad > 0).all()


def test_overlaps_are_those_of_boxes_on_paper() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.object_detect.assignment import overlaps

    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5]])
    others = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10], [0, 0, 10, 10]])
    share, generalised = overlaps(boxes, others)
    assert share.tolist() == pytest.approx([1, 1 / 3, 0, 0], abs=1e-6)
    assert generalised.tolist() == pytest.approx([1, 1 / 3, -1 / 3, 0], abs=1e-6)


def test_folding_leaves_the_answers_alone() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.object_detect.network import folded, untrained

    network = untrained(3)
    images = torch.from_numpy(data.calibration_inputs(2)["image"])
    network.train()
    network(images)  # batch norms that are not the identity
    network.eval()
    for norm in (module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for mine, other in zip(network(images), folded(network)(images), strict=True):
            assert float((mine - other).abs().max()) < 1e-3


def test_boxes_are_not_rounded_to_whole_pixels_in_half_precision() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.object_detect.network import untrained

    network = untrained(3).eval()
    images = torch.from_numpy(data.calibration_inputs(1)["image"])
    with torch.no_grad():
        boxes, _ = network(images)
        rounded, scores = network.to(torch.bfloat16)(images)
    assert (rounded.dtype, scores.dtype) == (torch.float32, torch.bfloat16)
    assert float((boxes - rounded).abs().max()) < 0.5


# --------------------------------------------------------------------------------------------------------- files


def test_workload_file_tells_the_truth_about_the_graph() -> None:
    spec = read_toml(FOLDER / "workload.toml", WorkloadSpec)
    statistics = graph_statistics(FOLDER / "graph.onnx")
    assert spec.model.model_hash == model_hash(FOLDER / "graph.onnx")
    assert spec.model.parameters == statistics.parameters
    assert spec.model.macs_per_sample == statistics.macs_per_sample
    assert 1e9 < statistics.macs_per_sample < 2e9
    assert [tuple(tensor.shape) for tensor in spec.outputs] == [(2100, 4), (2100, len(CLASS_NAMES))]
    assert spec.quality.evaluation_samples == data.EVALUATION_SIZE


def test_files_keep_their_budget() -> None:
    assert (FOLDER / "weights.safetensors").stat().st_size <= 1.05e6
    graphs = [FOLDER / "graph.onnx", FOLDER / "graph.int8.onnx"]
    assert sum(file.stat().st_size for file in graphs) <= 0.3e6
    assert sum(file.stat().st_size for file in REFERENCE.iterdir()) <= 1.0e6


def test_graph_passes_the_checker() -> None:
    onnx.checker.check_model(str(FOLDER / "graph.onnx"), full_check=True)
    model = onnx.load(FOLDER / "graph.onnx", load_external_data=False)
    shapes = [value.type.tensor_type.shape.dim for value in (*model.graph.input, *model.graph.output)]
    assert [shape[0].dim_param for shape in shapes] == ["batch"] * 3
    assert [[axis.dim_value for axis in shape[1:]] for shape in shapes] == [[3, 320, 320], [2100, 4], [2100, 22]]
    assert max(entry.version for entry in model.opset_import) >= 17


def test_exporting_again_gives_the_same_graph_and_weights(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from bench.models.object_detect.build import export
    from bench.models.object_detect.network import load_shipped

    export(load_shipped(FOLDER / "graph.onnx"), tmp_path)
    assert (tmp_path / "weights.safetensors").read_bytes() == (FOLDER / "weights.safetensors").read_bytes()
    assert model_hash(tmp_path / "graph.onnx") == model_hash(FOLDER / "graph.onnx")


def _answers(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(FOLDER / "graph.onnx"), providers=["CPUExecutionProvider"])
    parts = [session.run(["boxes", "scores"], {"image": images[i : i + 8]}) for i in range(0, len(images), 8)]
    boxes, scores = (np.concatenate(some) for some in zip(*parts, strict=True))
    return {"boxes": boxes, "scores": scores}


def test_graph_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.object_detect.network import load_shipped

    images = data.evaluation_inputs(np.arange(3))["image"]
    with torch.no_grad():
        boxes, scores = load_shipped(FOLDER / "graph.onnx")(torch.from_numpy(images))
    found = _answers(images)
    assert np.abs(found["boxes"] - boxes.numpy()).max() <= 2e-2
    assert np.abs(found["scores"] - scores.numpy()).max() <= 1e-4
    assert (found["boxes"] >= 0).all()
    assert (found["boxes"] <= SIZE).all()


# ----------------------------------------------------------------------------------------------------- reference


def test_stored_answers_are_those_of_the_shipped_weights() -> None:
    reference = load_workload("object_detect").reference()
    assert reference is not None
    raw, stored = reference.outputs, reference.answers["detections"]
    assert (stored.shape, stored.dtype) == ((data.EVALUATION_SIZE, 100, 6), np.float32)
    chosen = np.concatenate([np.arange(12), np.arange(data.EVALUATION_SIZE - 12, data.EVALUATION_SIZE)])
    outputs = _answers(data.evaluation_inputs(chosen)["image"])
    for name, array in raw.items():
        error = np.linalg.norm(outputs[name][: len(array)] - array) / np.linalg.norm(array)
        assert error < 1e-5
    found = condense(outputs)["detections"]
    # A score at the floor may fall on either side of it.
    sure = stored[chosen][..., 4] > LEAST_SCORE + 1e-3
    assert np.abs(found - stored[chosen])[sure].max() < 0.05


def test_reference_metric_is_the_one_of_the_stored_answers() -> None:
    kept = json.loads((REFERENCE / "reference.json").read_text())
    reference = load_workload("object_detect").reference()
    assert reference is not None
    chosen = np.arange(200)
    part = mean_average_precision(match(reference.answers["detections"][chosen], data.evaluation_labels(chosen)))
    assert kept["value"] == pytest.approx(part, abs=0.05)
    assert kept["interval"][0] < kept["value"] < kept["interval"][1]
    assert 0.4 < kept["value"] < 0.85
    assert kept["evaluation_sha256"] == digest(data.evaluation_inputs(np.arange(64))["image"])


@pytest.mark.full
def test_reference_metric_on_the_whole_set() -> None:
    kept = json.loads((REFERENCE / "reference.json").read_text())
    stored = load_workload("object_detect").reference()
    assert stored is not None
    labels = data.evaluation_labels(np.arange(data.EVALUATION_SIZE))
    value = mean_average_precision(match(stored.answers["detections"], labels))
    assert value == pytest.approx(kept["value"], abs=1e-9)


@pytest.mark.full
def test_four_bit_weights_find_less() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.making.roundings import rounded
    from bench.models.object_detect.network import load_shipped

    chosen = np.arange(48)
    images, labels = data.evaluation_inputs(chosen)["image"], data.evaluation_labels(chosen)
    network, values = load_shipped(FOLDER / "graph.onnx"), []
    for candidate in (network, rounded(network, 4)):
        with torch.no_grad():
            parts = [candidate(torch.from_numpy(images[first : first + 16])) for first in range(0, 48, 16)]
        boxes, scores = (torch.cat(some).numpy() for some in zip(*parts, strict=True))
        values.append(mean_average_precision(match(condense({"boxes": boxes, "scores": scores})["detections"], labels)))
    assert values[1] < values[0] - 0.02


def test_stored_files_hold_raw_outputs_of_the_first_samples() -> None:
    stored = load_file(REFERENCE / "outputs.safetensors")
    assert {name: array.shape for name, array in stored.items()} == {
        "boxes": (3, 2100, 4),
        "scores": (3, 2100, len(CLASS_NAMES)),
    }
