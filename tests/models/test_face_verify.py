"""Pictures, files and reference of `face_verify`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bench.models.base import WorkloadSpec
from bench.models.face_verify import data
from bench.models.face_verify.camera import compress, double
from bench.models.face_verify.head import SIZE
from bench.models.face_verify.moments import DOCUMENT, LIVE, draw_moments
from bench.models.face_verify.people import TRAITS, draw_people
from bench.models.graph import graph_statistics, model_hash
from bench.models.image_classify.canvas import Draws
from bench.models.suite import reference_root
from bench.records.untrusted import read_toml
from bench.scoring.verification import Pairs, true_accept_rate
from bench.tasks.verify import FALSE_ACCEPT_RATE, cosines

from .shipping import digest, onnxruntime_answers

FOLDER = Path(data.__file__).resolve().parent
REFERENCE = reference_root() / "face_verify"
# Whole people from both ends of the set.
SUBSET = np.concatenate([np.arange(60), np.arange(4740, 4800)])
GOLDEN = "8a3903fcb42f3ee756aaf5671ac7abe6638b96f5ebeeea6f4c132376e3379adb"


@pytest.fixture(scope="module")
def subset() -> NDArray[np.uint8]:
    return data.evaluation_inputs(SUBSET)["image"]


@pytest.fixture(scope="module")
def shipped_answers(subset: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _onnxruntime(subset)


def _onnxruntime(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return onnxruntime_answers(FOLDER / "graph.onnx", "embedding", images)


def _stored() -> NDArray[np.float32]:
    return load_file(REFERENCE / "outputs.safetensors")["embedding"]


def _rate(answers: NDArray[np.float32]) -> float:
    people = np.arange(len(answers) // 2)
    scores = cosines({"embedding": answers}, 2 * people + 1, 2 * people)
    return true_accept_rate(Pairs(scores, people, people), FALSE_ACCEPT_RATE)


# ------------------------------------------------------------------------------------------------------ pictures


def test_pictures_have_the_promised_shape_and_type() -> None:
    indices = np.array([5, 4799], dtype=np.int64)
    images, labels = data.evaluation_inputs(indices)["image"], data.evaluation_labels(indices)
    assert (images.shape, images.dtype) == ((2, 3, 112, 112), np.uint8)
    assert (labels.shape, labels.dtype) == ((2, 2), np.int64)
    assert labels.tolist() == [[2, 1], [2399, 1]]


def test_a_picture_does_not_depend_on_its_neighbours() -> None:
    together = data.evaluation_inputs(np.array([7, 100, 3, 9, 12, 800, 4, 77, 78, 101], dtype=np.int64))["image"]
    for place, index in ((1, 100), (8, 78)):
        assert np.array_equal(together[place], data.evaluation_inputs(np.array([index], dtype=np.int64))["image"][0])
    assert np.array_equal(data.load_inputs(3, 9)["image"], data.load_inputs(5, 9)["image"][:3])


def test_another_load_seed_gives_other_pictures() -> None:
    first, second = data.load_inputs(4, 1)["image"], data.load_inputs(4, 2)["image"]
    large = data.load_inputs(4, 1 + (1 << 40))["image"]
    for other in (second, large):
        assert all(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_streams_show_different_people() -> None:
    drawn = [draw_people([Draws(stream, 0, 64 * i) for i in range(200)])[0] for stream in range(11, 16)]
    people = {
        (width, chin) for look in drawn for width, chin in zip(look["width"].ravel(), look["chin"].ravel(), strict=True)
    }
    assert len(people) == 1000
    indices = np.arange(8)
    streams = [
        data.evaluation_inputs(indices)["image"],
        data.load_inputs(8, 0)["image"],
        data.calibration_inputs(8)["image"],
        data.training_pictures(indices // 2, indices % 2),
        data.validation_pictures(4),
    ]
    assert len({digest(image) for images in streams for image in images}) == 8 * len(streams)


def test_evaluation_people_are_all_different() -> None:
    people, _ = draw_people([Draws(11, 0, 64 * i) for i in range(data.EVALUATION_IDENTITIES)])
    traits = np.concatenate([people[name][:, :, 0] for name in TRAITS], axis=1)
    spans = np.array([high - low for low, high in TRAITS.values()])
    scaled = traits / spans
    squares = (scaled * scaled).sum(1)
    distances = squares[:, None] + squares[None, :] - 2 * scaled @ scaled.T
    np.fill_diagonal(distances, np.inf)
    # Two uniform numbers lie 1/6 apart in square on average, so that strangers are near 3.4 for 69 traits.
    assert distances.min() > 3


def test_circumstances_tell_nothing_of_the_person() -> None:
    count = 1500
    people, _ = draw_people([Draws(11, 0, 64 * i) for i in range(count)])
    moments, _ = draw_moments([Draws(11, 0, 64 * i + 2) for i in range(count)], [True] * count, 1.0)
    numbers = [
        np.concatenate([found[name][:, :, 0] for name in table], axis=1)
        for found, table in ((people, TRAITS), (moments, LIVE))
    ]
    centred = [(some - some.mean(0)) / some.std(0) for some in numbers]
    correlations = centred[0].T @ centred[1] / count
    # About 3 700 correlations of independent columns, deviation 1 / sqrt(1500): the greatest stays under 5 deviations.
    assert np.abs(correlations).max() < 5 / np.sqrt(count)


def test_both_sides_show_the_same_person() -> None:
    """Traits come from the identity alone: only the key of the circumstances differs between two sides."""
    first, second = (data.render(11, 0, np.array([4]), np.array([side]))[0].astype(float) for side in (0, 2))
    other = data.render(11, 0, np.array([5]), np.array([0]))[0].astype(float)
    middle = (slice(None), slice(30, 100), slice(25, 87))
    same, stranger = (np.corrcoef(first[middle].ravel(), image[middle].ravel())[0, 1] for image in (second, other))
    assert same > stranger


def test_tables_of_circumstances_have_the_same_order() -> None:
    assert list(LIVE) == list(DOCUMENT)


def test_documents_are_plainer_than_live_pictures() -> None:
    documents = data.render(99, 0, np.arange(24), np.zeros(24, dtype=np.int64)).astype(float)
    live = data.render(99, 0, np.arange(24), np.ones(24, dtype=np.int64)).astype(float)
    corner = (slice(None), slice(None), slice(0, 20), slice(0, 12))
    assert documents[corner].std(axis=(2, 3)).mean() < 0.5 * live[corner].std(axis=(2, 3)).mean()
    assert documents[corner].mean() > live[corner].mean()


def test_indices_outside_the_set_are_refused() -> None:
    with pytest.raises(IndexError, match="4799"):
        data.evaluation_inputs(np.array([data.EVALUATION_SIZE], dtype=np.int64))
    with pytest.raises(IndexError):
        data.evaluation_labels(np.array([-1], dtype=np.int64))


def test_golden_pictures() -> None:
    assert digest(data.evaluation_inputs(np.arange(0, 4800, 401))["image"]) == GOLDEN


def test_pictures_are_as_hard_to_compress_as_photographs() -> None:
    import io

    from PIL import Image

    sizes = []
    for image in data.load_inputs(32, 3)["image"]:
        file = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(file, "JPEG", quality=85)
        sizes.append(len(file.getvalue()) / (SIZE * SIZE) * 8)
    # Photographs at this quality take about 1 to 4 bits per pixel.
    assert 1 < np.median(sizes) < 4


def test_doubling_keeps_planes_flat_and_slopes_straight() -> None:
    flat = np.full((2, 5, 7), 3.25, dtype=np.float32)
    assert np.array_equal(double(flat), np.full((2, 10, 14), 3.25, dtype=np.float32))
    slope = np.broadcast_to(np.arange(8, dtype=np.float32), (1, 8, 8)).copy()
    assert np.array_equal(double(slope)[0, 4, 1:-1], np.arange(14, dtype=np.float32) * 0.5 + 0.25)
    assert np.array_equal(double(slope.transpose(0, 2, 1).copy()), double(slope).transpose(0, 2, 1))


def test_compression_rounds_differences_and_leaves_flat_blocks() -> None:
    picture = np.random.default_rng(5).uniform(0, 255, (1, 3, SIZE, SIZE)).astype(np.float32)
    kept = picture.copy()
    compress(picture, {"blocks": np.full((1, 1, 1), -1, dtype=np.float32)})
    assert np.array_equal(picture, kept)
    compress(picture, {"blocks": np.full((1, 1, 1), 1e-3, dtype=np.float32)})
    assert np.abs(picture - kept).max() < 0.01
    compress(picture, {"blocks": np.full((1, 1, 1), 1e4, dtype=np.float32)})
    blocks = picture.reshape(1, 3, 28, 4, 28, 4)
    assert np.ptp(blocks, axis=(3, 5)).max() < 1e-3
    assert np.allclose(blocks.mean(axis=(3, 5)), kept.reshape(blocks.shape).mean(axis=(3, 5)), atol=1e-3)


# ------------------------------------------------------------------------------------------------------ training


def test_every_epoch_shows_every_picture_once() -> None:
    from bench.models.face_verify.pictures import batch

    images = np.arange(24, dtype=np.uint8).reshape(24, 1, 1, 1)
    for epoch in (0, 1):
        shown, people = zip(*(batch(images, 4, 6, 3, 4 * epoch + place) for place in range(4)), strict=True)
        assert np.array_equal(np.sort(np.concatenate(shown).ravel()), np.arange(24))
        assert np.array_equal(np.concatenate(people), np.concatenate(shown).ravel() // 4)


def test_margin_widens_the_right_angle() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.face_verify.train import FIRST, Likeness

    stage = replace(FIRST, plan=replace(FIRST.plan, batch=2, steps=10))
    lesson = Likeness(np.zeros((8, 3, SIZE, SIZE), dtype=np.uint8), 4, stage, checked=2)
    cosines, people = np.array([[0.9, 0.1], [-0.3, 0.8]]), torch.tensor([0, 1])
    traits = torch.from_numpy(data.training_traits(2))
    outputs = torch.cat([torch.tensor(cosines, dtype=torch.float32), traits + 0.5], dim=1)
    lesson.batch(0)
    assert float(lesson.loss(outputs, people)) == pytest.approx(10 * 0.25, rel=1e-4)  # traits only, each 0.5 off
    lesson.batch(9)
    widened = cosines.copy()
    np.fill_diagonal(widened, np.cos(np.arccos(cosines.diagonal()) + 0.3))
    scaled = 24 * widened
    confusion = np.mean(np.log(np.exp(scaled).sum(1)) - scaled.diagonal())
    assert float(lesson.loss(outputs, people)) == pytest.approx(10 * 0.25 + confusion, rel=1e-4)


def test_traits_are_told_in_deviations() -> None:
    traits = data.training_traits(400)
    assert traits.shape == (400, len(TRAITS))
    assert np.abs(traits.mean(0)).max() < 0.25
    assert np.abs(traits.std(0) - 1).max() < 0.15


# --------------------------------------------------------------------------------------------------------- files


def test_workload_file_tells_the_truth_about_the_graph() -> None:
    spec = read_toml(FOLDER / "workload.toml", WorkloadSpec)
    statistics = graph_statistics(FOLDER / "graph.onnx")
    assert spec.model.model_hash == model_hash(FOLDER / "graph.onnx")
    assert spec.model.parameters == statistics.parameters
    assert spec.model.macs_per_sample == statistics.macs_per_sample
    assert tuple(spec.outputs[0].shape) == (128,)
    assert spec.quality.evaluation_samples == data.EVALUATION_SIZE
    assert spec.quality.group == 2
    assert spec.quality.quick_samples % 2 == 0


def test_files_keep_their_budget() -> None:
    files = [FOLDER / "weights.safetensors", FOLDER / "graph.onnx", REFERENCE / "outputs.safetensors"]
    assert sum(file.stat().st_size for file in files) <= 3.6 * (1 << 20)


def test_graph_passes_the_checker() -> None:
    onnx.checker.check_model(str(FOLDER / "graph.onnx"), full_check=True)
    model = onnx.load(FOLDER / "graph.onnx", load_external_data=False)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert max(entry.version for entry in model.opset_import) >= 17


def test_exporting_again_gives_the_same_graph_and_weights(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from bench.models.export import export_graph
    from bench.models.face_verify.network import load_shipped

    example = {"image": torch.zeros((1, 3, SIZE, SIZE), dtype=torch.uint8)}
    export_graph(load_shipped(FOLDER / "graph.onnx"), example, ["embedding"], tmp_path, storage="int8")
    assert (tmp_path / "weights.safetensors").read_bytes() == (FOLDER / "weights.safetensors").read_bytes()
    assert _structure(tmp_path) == _structure(FOLDER)


def _structure(folder: Path) -> list[tuple[str, list[str], list[bytes]]]:
    """Operators in order, each with the stored weights it takes and its attributes; other names are the tracer's."""
    graph = onnx.load(folder / "graph.onnx", load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL}
    return [
        (node.op_type, [name for name in node.input if name in stored], [a.SerializeToString() for a in node.attribute])
        for node in graph.node
    ]


def test_graph_agrees_with_torch(subset: NDArray[np.uint8]) -> None:
    torch = pytest.importorskip("torch")
    from bench.models.face_verify.network import load_shipped

    with torch.no_grad():
        expected = load_shipped(FOLDER / "graph.onnx")(torch.from_numpy(subset[:4])).numpy()
    assert np.abs(_onnxruntime(subset[:4]) - expected).max() <= 1e-5


# ----------------------------------------------------------------------------------------------------- reference


def test_stored_embeddings_are_those_of_the_shipped_weights(shipped_answers: NDArray[np.float32]) -> None:
    stored = _stored()
    assert (stored.shape, stored.dtype) == ((data.EVALUATION_SIZE, 128), np.float32)
    assert np.abs(np.linalg.norm(stored, axis=1) - 1).max() < 1e-6
    assert np.linalg.norm(shipped_answers - stored[SUBSET], axis=1).max() <= 1e-5


def test_reference_metric_is_the_one_of_the_stored_embeddings() -> None:
    kept = json.loads((REFERENCE / "reference.json").read_text())
    assert kept["value"] == pytest.approx(_rate(_stored()))
    assert kept["interval"][0] < kept["value"] < kept["interval"][1]
    # The gate of the sectors is a false reject rate of 5 %; a set on which all pass would tell nothing.
    assert 0.95 < kept["value"] < 0.99
    assert read_toml(FOLDER / "workload.toml", WorkloadSpec).quality.target <= kept["value"]


def test_reference_names_the_evaluation_pictures() -> None:
    kept = json.loads((REFERENCE / "reference.json").read_text())
    assert kept["evaluation_sha256"] == digest(data.evaluation_inputs(np.arange(64))["image"])


@pytest.mark.full
def test_four_bit_weights_refuse_more_people() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.face_verify.network import load_shipped
    from bench.models.making.roundings import rounded

    chosen = np.arange(600)
    images, network = data.evaluation_inputs(chosen)["image"], rounded(load_shipped(FOLDER / "graph.onnx"), 4)
    with torch.no_grad():
        parts = [network(torch.from_numpy(images[first : first + 24])).numpy() for first in range(0, 600, 24)]
    assert _rate(np.concatenate(parts)) < _rate(_stored()[chosen]) - 0.05
