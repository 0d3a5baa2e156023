"""`bench.models.challenge`: the changed weights by their rule, the reference against engines and stored answers."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.backends.onnxruntime import BACKEND as ENGINE
from bench.models.challenge import NoChallenge, reference_answers, write_challenge
from bench.models.graph import model_hash
from bench.models.quantised_ops import dequantised, quantised
from bench.models.suite import load_workload
from bench.scoring.numeric import sample_errors

from ..backends import seam
from ..fixtures import save_model, tiny_onnx

SAMPLES = np.arange(3)


def weights(file: Path) -> dict[str, NDArray[np.generic]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer}


def by_onnxruntime(file: Path, inputs: dict[str, NDArray[np.generic]]) -> NDArray[np.generic]:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, inputs)
    return np.asarray(answers)


def test_the_reference_agrees_with_the_stored_answers_of_another_program() -> None:
    workload = load_workload("speech_command")
    stored = workload.reference()
    assert stored is not None
    found = reference_answers(workload.model().path, workload.evaluation_inputs(SAMPLES), lambda: None)
    assert found["logits"].dtype == np.float64
    assert sample_errors(found["logits"], stored.outputs["logits"][SAMPLES]).max() < 1e-6


def test_engines_compute_the_changed_network_as_the_reference_does(tmp_path: Path) -> None:
    import torch

    from bench.models.speech_command.network import load_shipped

    workload = load_workload("speech_command")
    shipped, file = workload.model().path, tmp_path / "graph.onnx"
    write_challenge(shipped, 7, file)
    inputs = workload.load_inputs(3, seed=5)
    expected = reference_answers(file, inputs, lambda: None)["logits"]
    with torch.no_grad():
        by_torch = load_shipped(file)(torch.from_numpy(inputs["waveform"])).numpy()
    assert sample_errors(by_onnxruntime(file, inputs), expected).max() < 1e-5
    assert sample_errors(by_torch, expected).max() < 1e-5
    # Far from the network that everybody knows, and from one sample to the next: ten times the coarsest error class.
    assert sample_errors(by_onnxruntime(shipped, inputs), expected).min() > 0.2
    assert sample_errors(np.roll(expected, 1, axis=0), expected).min() > 0.2


def test_weights_change_by_the_rule_and_nothing_else_does(tmp_path: Path) -> None:
    shipped, file = load_workload("speech_command").model().path, tmp_path / "graph.onnx"
    write_challenge(shipped, 7, file)
    before, after = weights(shipped), weights(file)
    assert list(before) == list(after)
    for position, (name, old) in enumerate(before.items()):
        new = after[name]
        assert (new.dtype, new.shape) == (old.dtype, old.shape)
        if old.ndim < 2 or old.size < 64 or old.dtype.kind != "f":
            assert (new == old).all()
            continue
        words = np.random.PCG64(np.random.SeedSequence([7, position])).random_raw(3)
        factors = [2 ** (2 * (int(word) // 2**11) / 2**53 - 1) for word in words]
        wide = [float(value) * factor for value, factor in zip(old.reshape(-1)[:3], factors, strict=True)]
        assert new.reshape(-1)[:3].tolist() == np.array(wide).astype(old.dtype).tolist()
    nodes = [list(onnx.load(path).graph.node) for path in (shipped, file)]
    assert nodes[0] == nodes[1]


def test_a_seed_is_a_network(tmp_path: Path) -> None:
    model = tiny_onnx(tmp_path / "tiny.onnx")
    hashes = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_challenge(model, seed, tmp_path / name)
        hashes.append(model_hash(tmp_path / name))
    assert hashes[0] == hashes[1]
    assert len({model_hash(model), *hashes}) == 3


@pytest.mark.parametrize(
    ("dtype", "batch"), [(TensorProto.FLOAT, "batch"), (TensorProto.FLOAT, 4), (TensorProto.UINT8, 4)]
)
def test_inputs_in_floating_point_and_fixed_batches(tmp_path: Path, dtype: int, batch: int | str) -> None:
    model = tiny_onnx(tmp_path / "tiny.onnx", dtype=dtype, batch=batch)
    x = np.random.default_rng(1).integers(0, 255, (4, 3, 8, 8)).astype(helper.tensor_dtype_to_np_dtype(dtype))
    beats: list[None] = []
    found = reference_answers(model, {"x": x}, lambda: beats.append(None))["logits"]
    assert len(beats) == 4
    assert found.dtype == np.float64
    assert sample_errors(by_onnxruntime(model, {"x": x}), found).max() < 1e-5


def test_an_operator_that_nobody_knows_is_told(tmp_path: Path) -> None:
    nodes = [helper.make_node("Frobnicate", ["x"], ["logits"], domain="acme")]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 5])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])]
    model = save_model(helper.make_graph(nodes, "odd", inputs, outputs), tmp_path / "odd.onnx", domain="acme")
    with pytest.raises(NoChallenge, match="onnx's evaluator cannot compute it") as caught:
        reference_answers(model, {"x": np.zeros((1, 5), np.float32)}, lambda: None)
    assert "\n" not in str(caught.value)


# ----------------------------------------------------------------------------------------------------------------- int8


@pytest.mark.parametrize("name", ["speech_command", pytest.param("image_classify_edge", marks=pytest.mark.full)])
def test_engines_compute_a_changed_network_in_int8_as_the_reference_does(tmp_path: Path, name: str) -> None:
    """Weights stored as fp16, and as int8 steps with scales; both are quantised in the graph."""
    workload = load_workload(name)
    model, file = workload.model("int8"), tmp_path / "graph.onnx"
    write_challenge(model.path, 7, file)
    inputs = workload.load_inputs(3, seed=5)
    expected = reference_answers(file, inputs, lambda: None)["logits"]
    challenge = msgspec.structs.replace(model, path=file)
    facts, found = seam.answers(ENGINE, challenge, inputs, (3,), precision="int8")
    assert (facts.precision_executed, facts.int8_share) == (
        "int8",
        seam.answers(ENGINE, model, inputs, (3,), precision="int8")[0].int8_share,
    )
    apart = min(float(sample_errors(np.roll(expected, turn, axis=0), expected).min()) for turn in (1, 2))
    assert sample_errors(found["logits"], expected).max() < 0.05 < apart / 4
    assert sample_errors(by_onnxruntime(model.path, inputs), expected).min() > 0.2, "the known network passes for it"


def test_int8_weights_that_a_file_holds_change_on_their_own_steps(tmp_path: Path) -> None:
    model, inputs = seam.quantised(tmp_path)
    file = tmp_path / "changed.onnx"
    write_challenge(model.path, 7, file)
    before, after = (weights(one)["w8"] for one in (model.path, file))
    assert after.dtype == np.int8
    assert (before != after).mean() > 0.5
    assert np.abs(after.astype(int)).max() <= 127
    energy = [float(np.square(one.astype(float)).mean()) for one in (before, after)]
    assert energy[1] == pytest.approx(energy[0], rel=0.3), "the ranges behind it fit no more"
    (name,) = (tensor.name for tensor in model.outputs)
    expected = reference_answers(file, inputs, lambda: None)[name]
    assert sample_errors(by_onnxruntime(file, inputs), expected).max() < 0.02
    assert sample_errors(by_onnxruntime(model.path, inputs), expected).min() > 0.2


def test_quantising_is_that_of_an_engine(tmp_path: Path) -> None:
    """Halves go to the even step, what is outside is cut, and scales may stand for places along an axis."""
    rng = np.random.default_rng(2)
    x = np.concatenate([np.array([[0.5, 1.5, -0.5, 300.0, -300.0]]), rng.normal(0, 60, (9, 5))]).astype(np.float32)
    one, per_axis = np.array(1.0, np.float32), np.array([0.5, 1.0, 2.0, 0.25, 3.0], np.float32)
    for scale, zero in ((one, np.array(3, np.uint8)), (one, np.array(-4, np.int8)), (per_axis, np.zeros(5, np.int8))):
        kind = TensorProto.UINT8 if zero.dtype == np.uint8 else TensorProto.INT8
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["steps"], axis=1),
            helper.make_node("DequantizeLinear", ["steps", "scale", "zero"], ["y"], axis=1),
        ]
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 5])]
        told = [
            helper.make_tensor_value_info("steps", kind, ["batch", 5]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 5]),
        ]
        constants = [numpy_helper.from_array(scale, "scale"), numpy_helper.from_array(zero, "zero")]
        file = save_model(helper.make_graph(nodes, "q", given, told, constants), tmp_path / "q.onnx")
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        steps, y = session.run(None, {"x": x})
        np.testing.assert_array_equal(quantised(x.astype(np.float64), scale, zero), steps)
        np.testing.assert_allclose(dequantised(np.asarray(steps), scale, zero), y, rtol=1e-6)
        found = reference_answers(file, {"x": x}, lambda: None)
        np.testing.assert_allclose(found["y"], y, rtol=1e-6)
