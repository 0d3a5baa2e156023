"""The suite's int8 files and the tool that makes them: form, weights, recipe, what it refuses."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from bench.models.graph import forms_of, graph_statistics, model_hash
from bench.models.image_classify import data as pictures
from bench.models.quantise.__main__ import main
from bench.models.quantise.assess import Answered, answered, assessed
from bench.models.quantise.build import FILE, BadRecipe, Recipe, build
from bench.models.quantise.ranges import activation_ranges
from bench.models.quantise.rewrite import OPERATORS, in_qdq_form, write
from bench.models.quantise.storage import unfold
from bench.models.quantise.table import int8_macs_share, written
from bench.models.speech_command import data as speech
from bench.models.suite import SuiteWorkload
from bench.scoring.numeric import sample_errors
from bench.tasks import TASKS

from ..backends.seam import exact_session
from ..fixtures import save_model
from .quantised import QUANTISED, run, suite

# Enough to say something: 200 people make 39 800 impostor pairs.
A_FEW = {
    "face_verify": 400,
    "image_classify": 24,
    "image_classify_edge": 48,
    "object_detect": 48,
    "speech_command": 256,
    "speech_recognize": 48,
}
# One head for three levels: biases in int32 follow the scale of what each product is given.
MORE_BIASES = {"object_detect": 2 * (4 * 64 + 22 + 4)}
PRODUCTS = ("Conv", "Gemm", "MatMul")


def graph(path: Path, whole: bool = False) -> onnx.GraphProto:
    return onnx.load(path, load_external_data=whole).graph


def places(path: Path) -> dict[str, dict[str, str]]:
    """Where each tensor that lies in another file lies."""
    tensors = [one for one in graph(path).initializer if one.data_location == TensorProto.EXTERNAL]
    return {one.name: {entry.key: entry.value for entry in one.external_data} for one in tensors}


# ------------------------------------------------------------------------------------------------ the files as shipped


@pytest.mark.parametrize("name", QUANTISED)
def test_the_file_is_the_one_that_is_told_of(name: str) -> None:
    workload = suite(name)
    int8, file = workload.spec.int8, workload.model("int8").path
    assert int8 is not None
    assert int8.model_hash == model_hash(file) == workload.spec.hash_of("int8")
    assert workload.spec.hash_of("fp32") == workload.spec.hash_of("bf16") == workload.spec.model.model_hash
    counted = graph_statistics(file, forms_of(workload.spec.inputs))
    assert counted.parameters - workload.spec.model.parameters == MORE_BIASES.get(name, 0)
    assert counted.macs_per_sample == workload.spec.model.macs_per_sample
    assert int8.macs_share == pytest.approx(int8_macs_share(counted), abs=1e-4)
    assert int8.calibration_samples >= 100
    assert workload.model("int8").network is None, "a torch module knows nothing of this file"
    assert [one.name for one in graph(file).input] == [one.name for one in workload.spec.inputs]


@pytest.mark.parametrize("name", QUANTISED)
def test_the_weights_are_those_of_the_network_itself(name: str) -> None:
    workload = suite(name)
    file = workload.model("int8").path
    assert file.stat().st_size < 1 << 20
    theirs = places(workload.model().path)
    ours = places(file)
    assert len(ours) >= 10
    assert {one: theirs[one] for one in ours} == ours
    # What is not pointed to are scales, zero points, biases in int32 and small constants.
    largest = max(np.prod(one.dims) for one in graph(file).initializer if one.data_location != TensorProto.EXTERNAL)
    assert largest <= 2048


@pytest.mark.parametrize("name", QUANTISED)
def test_products_compute_in_int8_but_for_those_that_are_named(name: str) -> None:
    workload = suite(name)
    int8 = workload.spec.int8
    assert int8 is not None
    counted = graph_statistics(workload.model("int8").path, forms_of(workload.spec.inputs))
    floats = set(counted.macs_by_node) - counted.int8_nodes
    kept = {one for one in counted.macs_by_node if any(fnmatchcase(one, pattern) for pattern in int8.keep_float)}
    assert floats == kept
    assert int8.macs_share > 0.9 or name == "speech_command", "half of whose operations are the log-mel"
    makers = {one.output[0]: one for one in graph(workload.model("int8").path).node}
    for output in workload.spec.outputs:
        assert makers[output.name].op_type != "DequantizeLinear", "an answer in 256 steps"


@pytest.mark.parametrize("name", QUANTISED)
def test_weights_are_rounded_to_127_steps_per_channel_and_biases_to_products_of_scales(name: str) -> None:
    file = suite(name).model("int8").path
    nodes = graph(file).node
    values = {one.name: numpy_helper.to_array(one) for one in graph(file, whole=True).initializer}
    makers = {one.output[0]: one for one in nodes}
    looked_at = 0
    for product in (node for node in nodes if node.op_type in PRODUCTS):
        dequantise = makers.get(product.input[1])
        if dequantise is None or dequantise.op_type != "DequantizeLinear":
            continue
        quantise = makers[dequantise.input[0]]
        if not quantise.input[0].endswith(".float32"):  # attention multiplies two activations
            continue
        assert quantise.input[1:] == dequantise.input[1:]
        weights = _made(quantise.input[0], makers, values)
        scale, zero = (values[one] for one in quantise.input[1:])
        channels = np.moveaxis(weights, -1, 0) if product.op_type == "MatMul" else weights
        peaks = np.abs(channels).reshape(len(channels), -1).max(axis=1)
        assert zero.dtype == np.int8
        assert not zero.any()
        # Where a bias would not fit 32 bits the scale is larger; such channels are all but empty.
        assert (scale >= peaks / 127 * (1 - 1e-6)).all()
        assert np.isclose(scale, peaks / 127, rtol=1e-6).mean() > 0.9
        looked_at += 1
        if len(product.input) < 3:  # over sequences the bias is an addition of its own
            continue
        bias = makers[product.input[2]]
        step = values[makers[product.input[0]].input[1]]
        np.testing.assert_allclose(values[bias.input[1]], step * scale, rtol=1e-6)
        assert values[bias.input[0]].dtype == np.int32
    assert looked_at >= 16


def _made(name: str, makers: Mapping[str, NodeProto], values: Mapping[str, np.ndarray]) -> np.ndarray:
    """A weight in float32: stored in fp16 behind a cast, or in int8 steps behind casts and a product with scales."""
    node = makers.get(name)
    if node is None:
        return values[name]
    inputs = [_made(one, makers, values) for one in node.input]
    if node.op_type == "Cast":
        return inputs[0].astype(np.float32)
    assert node.op_type == "Mul"
    return inputs[0] * inputs[1]


def test_onnxs_own_evaluator_gives_the_same_answers() -> None:
    from onnx.reference import ReferenceEvaluator

    workload = suite("speech_command")
    file, inputs = workload.model("int8").path, workload.load_inputs(4, 11)
    model = onnx.load(file)
    model.opset_import[0].version = 19  # for older ones the evaluator has no DequantizeLinear
    (expected,) = ReferenceEvaluator(model).run(None, dict(inputs))
    # A sum on the edge between two steps may be rounded either way, here and in the layers after it.
    assert np.median(sample_errors(run(file, dict(inputs)), np.asarray(expected))) < 0.02


@pytest.mark.parametrize("name", QUANTISED)
def test_every_product_reads_weights_through_a_pair_of_its_own(name: str) -> None:
    file = suite(name).model("int8").path
    nodes = graph(file).node
    makers = {one.output[0]: one for one in nodes}
    pairs = [makers[one.input[1]] for one in nodes if one.op_type in PRODUCTS and one.input[1] in makers]
    pairs = [one for one in pairs if one.op_type == "DequantizeLinear"]
    assert len({one.output[0] for one in pairs}) == len({one.input[2] for one in pairs}) == len(pairs) > 5
    exact_session(file)


def _int8_answers(workload: SuiteWorkload, count: int) -> Answered:
    return answered(workload.model("int8").path, workload.evaluation_inputs, count, TASKS[workload.spec.task])


@pytest.mark.parametrize("name", QUANTISED)
def test_a_few_answers_are_close_to_the_reference(name: str) -> None:
    workload, count = suite(name), A_FEW[name]
    stored = workload.reference()
    assert stored is not None
    found = assessed(workload, stored, _int8_answers(workload, count))
    assert found.agreement >= 0.95
    if workload.spec.int8 is not None and workload.spec.int8.error_limit is not None:
        assert found.error.median <= workload.spec.int8.error_limit
    labels = workload.evaluation_labels(np.arange(count))
    assert labels is not None
    judged = int((labels[..., 0] >= 0).sum()) if labels.ndim == 3 else count // workload.spec.quality.group
    assert found.verdict.counts.total == judged


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", QUANTISED)
def test_the_whole_evaluation_set_gives_the_figures_that_are_told(name: str) -> None:
    workload = suite(name)
    int8, stored = workload.spec.int8, workload.reference()
    assert int8 is not None
    assert stored is not None
    count = workload.spec.quality.evaluation_samples
    found = assessed(workload, stored, _int8_answers(workload, count))
    assert found.verdict.passed is True
    # Other processors round other sums otherwise: a few answers of thousands.
    assert found.verdict.value == pytest.approx(int8.value, abs=0.002)
    assert found.agreement == pytest.approx(int8.agreement, abs=0.004)


# --------------------------------------------------------------------------------------------------------- the tool


@pytest.fixture
def beside_weights(tmp_path: Path) -> Callable[[str], Path]:
    """A folder that holds a workload's weights, so that a file in it can point at them."""

    def folder(name: str) -> Path:
        weights = suite("speech_command").folder / "weights.safetensors"
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").write_bytes(weights.read_bytes())
        return tmp_path / name

    return folder


def test_calibration_sees_no_evaluation_sample_and_no_label(
    beside_weights: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*arguments: object) -> None:
        raise AssertionError("calibration asks for evaluation data")

    for module in (speech, pictures):
        for name in ("evaluation_inputs", "evaluation_labels"):
            monkeypatch.setattr(module, name, forbidden)
    asked: list[int] = []
    given = speech.calibration_inputs
    monkeypatch.setattr(speech, "calibration_inputs", lambda count: asked.append(count) or given(count))
    build(suite("speech_command"), Recipe(samples=6, keep_float=("log_mel.*",)), beside_weights("a") / FILE)
    assert asked == [6]


def test_the_same_input_gives_the_same_bytes(beside_weights: Callable[[str], Path]) -> None:
    """In processes with other orders of sets and dictionaries; the library's code uses both."""
    program = (
        "import sys, pathlib; from bench.models.suite import load_workload; "
        "from bench.models.quantise.build import Recipe, build; "
        "recipe = Recipe(samples=8, keep_float=('log_mel.*',)); "
        "build(load_workload('speech_command'), recipe, pathlib.Path(sys.argv[1]))"
    )
    made = []
    for seed in ("1", "2"):
        file = beside_weights(seed) / FILE
        subprocess.run([sys.executable, "-c", program, str(file)], check=True, env=_with_hash_seed(seed), timeout=240)
        made.append(file.read_bytes())
    assert made[0] == made[1]


def _with_hash_seed(seed: str) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONHASHSEED": seed}


class Tiny:
    """A small network whose weights are stored in int8 with a scale per channel."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(2)
        self.weights = rng.integers(-127, 128, (8, 3, 3, 3), dtype=np.int8)
        self.scale = rng.uniform(0.001, 0.01, (8, 1, 1, 1)).astype(np.float32)
        self.matrix = rng.integers(-127, 128, (8, 5), dtype=np.int8)
        self.steps = rng.uniform(0.001, 0.01, (1, 5)).astype(np.float32)
        bias = rng.standard_normal(8).astype(np.float32)
        nodes = [
            helper.make_node("Cast", ["w8"], ["w8f"], "w8.Cast", to=TensorProto.FLOAT),
            helper.make_node("Mul", ["w8f", "w8s"], ["w"], "w8.Mul"),
            helper.make_node("Cast", ["m8"], ["m8f"], "m8.Cast", to=TensorProto.FLOAT),
            helper.make_node("Mul", ["m8s", "m8f"], ["m"], "m8.Mul"),
            helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"], "relu"),
            helper.make_node("GlobalAveragePool", ["r"], ["g"], "pool"),
            helper.make_node("Flatten", ["g"], ["f"], "flat"),
            helper.make_node("MatMul", ["f", "m"], ["logits"], "head"),
        ]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 8, 8])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])
        named = {"w8": self.weights, "w8s": self.scale, "m8": self.matrix, "m8s": self.steps, "b": bias}
        initial = [numpy_helper.from_array(value, name) for name, value in named.items()]
        self.file = save_model(helper.make_graph(nodes, "tiny", [x], [logits], initial), folder / "tiny.onnx")
        self.inputs = {"x": rng.standard_normal((32, 3, 8, 8)).astype(np.float32)}

    def quantised(self, folder: Path, keep_float: tuple[str, ...] = ()) -> Path:
        unfolded = unfold(self.file)
        onnx.save(unfolded.model, folder / "plain.onnx")
        ranges = activation_ranges(folder / "plain.onnx", [self.inputs], "minmax", OPERATORS, folder)
        write(in_qdq_form(unfolded, ranges, keep_float), folder / FILE)
        return folder / FILE


def test_weights_stored_in_int8_are_read_as_they_are(tmp_path: Path) -> None:
    tiny = Tiny(tmp_path)
    unfolded = unfold(tiny.file)
    plain = {one.name: numpy_helper.to_array(one) for one in unfolded.model.graph.initializer}
    np.testing.assert_array_equal(plain["w"], tiny.weights.astype(np.float32) * tiny.scale)
    assert [node.op_type for node in unfolded.model.graph.node] == [
        "Conv",
        "Relu",
        "GlobalAveragePool",
        "Flatten",
        "MatMul",
    ]
    file = tiny.quantised(tmp_path)
    readers = {node.input[0]: node for node in graph(file).node if node.op_type == "DequantizeLinear"}
    stored = {one.name: numpy_helper.to_array(one) for one in graph(file).initializer}
    for name, axis, scale in (("w8", 0, tiny.scale), ("m8", 1, tiny.steps)):
        assert readers[name].attribute[0].i == axis
        np.testing.assert_array_equal(stored[readers[name].input[1]], scale.reshape(-1))
    kinds = [node.op_type for node in graph(file).node]
    assert "Cast" not in kinds
    assert "Mul" not in kinds
    assert graph_statistics(file).int8_nodes == {"conv", "head"}
    assert sample_errors(run(file, tiny.inputs), run(tiny.file, tiny.inputs)).max() < 0.1


def test_what_stays_float_is_stored_as_before(tmp_path: Path) -> None:
    tiny = Tiny(tmp_path)
    file = tiny.quantised(tmp_path, keep_float=("head",))
    assert graph_statistics(file).int8_nodes == {"conv"}
    names = {node.name for node in graph(file).node}
    assert {"m8.Cast", "m8.Mul"} <= names
    assert not {"w8.Cast", "w8.Mul"} & names
    assert sample_errors(run(file, tiny.inputs), run(tiny.file, tiny.inputs)).max() < 0.1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["speech_comand"], "Did you mean 'speech_command'?"),
        (["speech_command", "--method", "minimax"], "There is no method 'minimax'; known: minmax, "),
        (["speech_command", "--samples", "0"], "0 calibration samples are none to calibrate on."),
        (["speech_command", "--keep-float", "logmel.*"], "No node of speech_command is called 'logmel.*'"),
    ],
)
def test_a_wrong_request_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = (suite("speech_command").folder / "workload.toml").read_bytes()
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert (suite("speech_command").folder / "workload.toml").read_bytes() == before


def test_a_file_that_loses_too_much_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The front end in eight bits loses a quarter of the answers."""
    workload = suite("speech_command")
    before = {file.name: file.read_bytes() for file in workload.folder.glob("*.*") if file.suffix in (".toml", ".onnx")}
    monkeypatch.setattr("bench.models.quantise.__main__.load_workload", lambda name: _shorter(workload))
    assert main(["speech_command", "--samples", "16", "--keep-float", "log_mel.Log"]) == 11
    assert "Not kept: " in capsys.readouterr().err
    after = {file.name: file.read_bytes() for file in workload.folder.glob("*.*") if file.suffix in (".toml", ".onnx")}
    assert before == after


def _shorter(workload: SuiteWorkload) -> SuiteWorkload:
    """The workload with a tenth of its evaluation set."""
    quality = msgspec.structs.replace(workload.spec.quality, evaluation_samples=256)
    workload.spec = msgspec.structs.replace(workload.spec, quality=quality)
    return workload


def test_a_recipe_is_checked() -> None:
    with pytest.raises(BadRecipe):
        Recipe(samples=-1)


def test_the_table_takes_the_place_of_an_older_one_and_leaves_the_rest() -> None:
    workload = suite("speech_command")
    text = (workload.folder / "workload.toml").read_text(encoding="utf-8")
    stored, file = workload.reference(), workload.model("int8").path
    assert stored is not None
    few = {name: array[:64] for name, array in stored.outputs.items()}
    found = assessed(workload, stored, Answered(few, few))
    recipe = Recipe("minmax", 8, ("log_mel.*", "a 'quoted' one"))
    again = written(text, recipe, file, FILE, found, 0.025)
    assert written(again, recipe, file, FILE, found, 0.025) == again
    new, old = tomllib.loads(again), tomllib.loads(text)
    table = new.pop("int8")
    old.pop("int8")
    assert new == old
    assert table["keep_float"] == ["log_mel.*", "a 'quoted' one"]
    assert (table["calibration_samples"], table["agreement"], table["graph"]) == (8, 1.0, FILE)
    before, _, after = text.partition("[[inputs]]")
    without = before[: before.index("# Written by `python -m bench.models.quantise")] + "[[inputs]]" + after
    assert "int8" not in tomllib.loads(without)
    assert (table["error"], table["error_limit"]) == (0.0, 0.025)
    assert written(without, recipe, file, FILE, found, 0.025) == again
