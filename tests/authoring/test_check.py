"""`bench workload check`: sound workloads pass, and each fault is found under its own name with what was seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper
from safetensors.numpy import load_file, save_file

import bench
from bench.authoring.process import check_workload
from bench.authoring.subject import BadWorkload, find_package
from bench.records.workload_check import WORKLOAD_CHECKS
from bench.text import sentence

from .conftest import Package, faults

Spoil = Callable[[Package], None]
EDIT = "workload.toml"


def edit(file: str, old: str, new: str) -> Spoil:
    return lambda package: package.edit(file, old, new)


def add(file: str, text: str) -> Spoil:
    return lambda package: package.add(file, text)


def graph(change: Callable[[ModelProto], None]) -> Spoil:
    return lambda package: package.change_graph(change)


def weight(value: float) -> Spoil:
    def change(array: np.ndarray) -> None:
        array[3, 1] = value

    return lambda package: package.change_weights(change)


def only_wrong(package: Package) -> dict[str, list[tuple[str, dict[str, str]]]]:
    found = faults(package.verdicts())
    return {check: [(remark.code, remark.values) for remark in remarks] for check, remarks in found.items()}


# ----------------------------------------------------------------------------------------------- what is sound


@pytest.mark.parametrize(
    "name",
    [
        "speech_command",
        *(pytest.param(name, marks=pytest.mark.full) for name in ("image_classify", "speech_recognize")),
    ],
)
def test_our_own_workloads_are_sound(name: str) -> None:
    verdicts = list(check_workload(name))
    assert faults(verdicts) == {}
    assert [verdict.check for verdict in verdicts] == list(WORKLOAD_CHECKS[:-1])
    assert {verdict.state for verdict in verdicts} == {"passed"}


def test_a_new_package_is_sound(package: Package) -> None:
    verdicts = package.verdicts_apart()
    assert faults(verdicts) == {}
    assert {verdict.state for verdict in verdicts} == {"passed"}
    told = {remark.code for verdict in verdicts for remark in verdict.remarks}
    assert told == {"labels-seen", "reference-seen", "ran"}


def test_project_and_package_are_the_same_workload(package: Package) -> None:
    found = (package.folder.name, package.project)
    assert find_package(str(package.project)) == find_package(str(package.folder)) == found


def test_a_package_inside_another_is_imported_from_outside() -> None:
    models = Path(str(bench.__file__)).resolve().parent.parent / "models"
    assert find_package(str(models / "speech_command")) == ("models.speech_command", models.parent)


def test_what_a_workload_may_do_without(package: Package) -> None:
    for file in (package.folder / "reference").iterdir():
        file.unlink()
    package.edit(EDIT, "target = 0.", "# target = 0.")
    package.edit(EDIT, "evaluation_samples = 2400", "evaluation_samples = 500")
    package.edit("data.py", "EVALUATION_SIZE = 2400", "EVALUATION_SIZE = 500")
    package.add("data.py", "def evaluation_labels(indices):\n    return None")
    verdicts = package.verdicts()
    assert faults(verdicts) == {}
    told = {remark.code for verdict in verdicts for remark in verdict.remarks}
    assert told == {"few-samples", "no-target", "no-labels", "no-reference", "ran"}


# ------------------------------------------------------------------------------------------- the specification


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("version = 1", "version = ", "unusable", "not usable as TOML"),
        ("version = 1", 'version = "one"', "unusable", "Expected `int`, got `str` - at `$.version`"),
        ("[load]", "[laod]", "unusable", "unknown field `laod`. Did you mean `load`?"),
        ("samples_per_query", "samples_per_qurey", "unusable", "Did you mean `samples_per_query`?"),
        ("[load]\nsamples = 64", "", "unusable", "missing required field `load`"),
        ('task = "classify"', 'task = "clasify"', "unknown", "task 'clasify'. Known: classify"),
        ("[scenarios.offline]", "[scenarios.offlin]", "unknown", "scenario 'offlin'"),
        ('metric = "top1"', 'metric = "top5"', "out-of-range", "`quality.metric` is top5; expected top1."),
        ('"bright', '"Bright', "", ""),
        (', zh = "最亮的角（示例）"', "", "no-title", "no text in language zh"),
        ('data = "noise', '_data = "noise', "no-origin", "where its data come from"),
        ("batch = 32", "batch = 0", "out-of-range", "`scenarios.offline.batch` is 0; expected > 0."),
        ("latency_bound_ms = 10", "latency_bound_ms = -1.5", "out-of-range", "latency_bound_ms` is -1.5"),
        ("samples = 64", "samples = 0", "out-of-range", "`load.samples` is 0; expected ≥ 1."),
        ("evaluation_samples = 2400", "evaluation_samples = 0", "out-of-range", "`quality.evaluation_samples` is 0"),
        ("quick_samples = 256", "quick_samples = 2401", "out-of-range", "expected 1 … 2400."),
        ("target = 0.", "target = 90.", "out-of-range", "`quality.target` is 90."),
        ('dtype = "uint8"', 'dtype = "uint9"', "out-of-range", "`inputs.image.dtype` is uint9"),
        ('dtype = "uint8"', 'dtype = "str"', "out-of-range", "`inputs.image.dtype` is str"),
        ("shape = [4]", "shape = [0]", "out-of-range", "`outputs.logits.shape` is [0]; expected ≥ 1."),
        (
            "[[outputs]]",
            '[[inputs]]\nname = "image"\ndtype = "uint8"\nshape = [1]\n\n[[outputs]]',
            "out-of-range",
            "image, image",
        ),
    ],
)
def test_wrong_fields(package: Package, old: str, new: str, code: str, words: str) -> None:
    if not code:
        old, new, code, words = f'name = "{package.name}"', 'name = "My workload"', "bad-name", "`name` is My workload"
    package.edit(EDIT, old, new)
    found = faults(package.verdicts())["specification"]
    assert code in {remark.code for remark in found}
    told = [sentence("en", f"workload_remark.{remark.code}", **remark.values) for remark in found]
    assert any(words in line for line in told), told


def test_a_name_that_is_not_the_registered_one(package: Package) -> None:
    package.registered = "theirs"
    assert only_wrong(package) == {"specification": [("other-name", {"name": package.name, "registered": "theirs"})]}


# ------------------------------------------------------------------------------------------------- the model file


def external(location: str, length: int = 4096) -> Spoil:
    def change(model: ModelProto) -> None:
        (tensor,) = model.graph.initializer
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, "offset": "0", "length": str(length)}.items():
            tensor.external_data.add(key=key, value=value)

    return graph(change)


def foreign(model: ModelProto) -> None:
    model.graph.node[1].domain = "com.acme"
    model.opset_import.append(helper.make_opsetid("com.acme", 1))


def fixed(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4


def other_axis(model: ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "n"


def junk(package: Package) -> None:
    (package.folder / "graph.onnx").write_bytes(b"\x08\x07 no model")


def linked(package: Package) -> None:
    """A link that leads out of the folder, to data that would do."""
    (package.project / "weights.bin").write_bytes(bytes(4096))
    (package.folder / "weights.bin").symlink_to(package.project / "weights.bin")
    external("weights.bin")(package)


def short(package: Package) -> None:
    (package.folder / "weights.bin").write_bytes(bytes(4095))
    external("weights.bin")(package)


MODEL_FAULTS: dict[str, tuple[Spoil, str, str, str]] = {
    "no graph": (lambda package: (package.folder / "graph.onnx").unlink(), "files", "file-missing", "graph.onnx"),
    "graph elsewhere": (edit(EDIT, '"graph.onnx"', '"../../graph.onnx"'), "files", "file-outside", "../../graph.onnx"),
    "no weights": (edit(EDIT, 'weights = ""', 'weights = "w.bin"'), "files", "file-missing", "w.bin"),
    "junk": (junk, "files", "no-onnx", "graph.onnx"),
    "data in /etc": (external("/etc/passwd"), "files", "data-outside", "/etc/passwd"),
    "data above": (external("../../weights.bin"), "files", "data-outside", "../../weights.bin"),
    "data behind a link": (linked, "files", "data-outside", "weights.bin"),
    "no data": (external("weights.bin"), "files", "data-missing", "weights.bin"),
    "short data": (short, "files", "data-short", "weights.bin"),
    "foreign operator": (graph(foreign), "operators", "foreign-operator", "com.acme"),
    "opset": (edit(EDIT, "opset = 17", "opset = 16"), "checker", "figure-differs", "17"),
    "fixed batch": (graph(fixed), "tensors", "batch-not-free", "[4, 1, 16, 16]"),
    "two axes": (graph(other_axis), "tensors", "batch-axes-differ", "batch, n"),
    "input name": (edit(EDIT, 'name = "image"', 'name = "picture"'), "tensors", "not-in-graph", "image"),
    "output name": (edit(EDIT, 'name = "logits"', 'name = "scores"'), "tensors", "not-declared", "logits"),
    "input type": (edit(EDIT, 'dtype = "uint8"', 'dtype = "int8"'), "tensors", "tensor-differs", "uint8 [1, 16, 16]"),
    "output shape": (edit(EDIT, "shape = [4]", "shape = [5]"), "tensors", "tensor-differs", "float32 [4]"),
    "hash": (weight(1.0), "figures", "figure-differs", "sha256:"),
    "parameters": (edit(EDIT, "parameters = 1024", "parameters = 1025"), "figures", "figure-differs", "1024"),
    "operations": (edit(EDIT, "sample = 1024", "sample = 1"), "figures", "figure-differs", "1024"),
    "NaN": (weight(np.nan), "weights", "nan-weights", "1024"),
}


@pytest.mark.parametrize("kind", MODEL_FAULTS)
def test_faults_of_the_model_file(package: Package, kind: str) -> None:
    spoil, check, code, value = MODEL_FAULTS[kind]
    spoil(package)
    found = only_wrong(package)
    assert check in found
    assert any(value in values.values() for found_code, values in found[check] if found_code == code) or any(
        value in text for found_code, values in found[check] if found_code == code for text in values.values()
    ), found


def test_the_checker_has_its_say(package: Package) -> None:
    def duplicate(model: ModelProto) -> None:
        model.graph.node[1].output[0] = "pixels"

    package.change_graph(duplicate)
    assert "checker-refuses" in {code for code, _ in only_wrong(package)["checker"]}


def test_nothing_is_read_outside_the_folder(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    external("../../../../../../etc/passwd")(package)
    monkeypatch.setattr(onnx.checker, "check_model", lambda *arguments, **more: pytest.fail("it was opened"))
    states = {verdict.check: verdict.state for verdict in package.verdicts()}
    assert states["files"] == "failed"
    assert {states[check] for check in ("operators", "checker", "tensors", "figures", "weights", "run")} == {"skipped"}


# ------------------------------------------------------------------------------------------------------- the data

RANDOM = """
import os
def load_inputs(count, seed):
    return {'image': np.frombuffer(os.urandom(count * 256), np.uint8).reshape(count, 1, 16, 16)}
"""
DATA_FAULTS: dict[str, tuple[str, str, str, str]] = {
    "syntax": ("def (:", "data", "not-imported", "SyntaxError"),
    "leaves": ("raise SystemExit(3)", "data", "not-imported", "SystemExit: 3"),
    "member": ("del load_inputs", "data", "members-missing", "load_inputs"),
    "size": ("EVALUATION_SIZE = 2401", "data", "size-differs", "2401"),
    "raises": ("def evaluation_inputs(i):\n    raise OSError('no disk')", "data", "call-failed", "OSError: no disk"),
    "no dictionary": ("def evaluation_inputs(i):\n    return _pictures(1, 0, i)", "data", "names-differ", "ndarray"),
    "names": (
        "def evaluation_inputs(i):\n    return {'picture': _pictures(1, 0, i)}",
        "data",
        "names-differ",
        "picture",
    ),
    "type": (
        "def evaluation_inputs(i):\n    return {'image': _pictures(1, 0, i).astype(np.float32)}",
        *("data", "array-differs", "float32 (256, 1, 16, 16)"),
    ),
    "shape": (
        "def evaluation_inputs(i):\n    return {'image': _pictures(1, 0, i)[:, 0]}",
        *("data", "array-differs", "uint8 (256, 16, 16)"),
    ),
    "by neighbours": (
        "def evaluation_inputs(i):\n    return {'image': _pictures(1, len(i), i)}",
        *("data", "not-by-number", "255"),
    ),
    "last one": (
        "def evaluation_inputs(i):\n    return {'image': _pictures(1, 0, i[i < 2399])}",
        *("data", "array-differs", "uint8 (0, 1, 16, 16)"),
    ),
    "labels out of range": ("def evaluation_labels(i):\n    return i % 5", "labels", "label-outside", "480"),
    "negative labels": ("def evaluation_labels(i):\n    return i % 4 - 1", "labels", "label-outside", "-1"),
    "labels of floats": ("def evaluation_labels(i):\n    return i % 4.0", "labels", "array-differs", "float64 (2400,)"),
    "too few labels": ("def evaluation_labels(i):\n    return i[1:] % 4", "labels", "array-differs", "int64 (2399,)"),
    "labels raise": ("def evaluation_labels(i):\n    return 1 / 0", "labels", "call-failed", "ZeroDivisionError"),
    "one label": ("def evaluation_labels(i):\n    return i * 0", "labels", "one-label", "0"),
    "timing raises": (
        "def load_inputs(count, seed):\n    raise KeyError(seed)",
        "timing",
        "call-failed",
        "KeyError: 1",
    ),
    "timing too few": (
        "def load_inputs(count, seed):\n    return {'image': _pictures(2, seed, np.arange(count - 1))}",
        *("timing", "array-differs", "uint8 (63, 1, 16, 16)"),
    ),
    "timing at random": (RANDOM, "timing", "not-again", "load_inputs(64, 1)"),
    "seed ignored": (
        "def load_inputs(count, seed):\n    return {'image': _pictures(2, 0, np.arange(count))}",
        *("timing", "seed-ignored", "1, 2"),
    ),
    "repeated": (
        "def load_inputs(count, seed):\n    return {'image': _pictures(2, seed, np.arange(count) // 2 * 2)}",
        *("timing", "not-distinct", "32"),
    ),
    "timed evaluation": (
        "def load_inputs(n, seed):\n    return evaluation_inputs(np.random.default_rng(seed).permutation(200)[:n])",
        *("timing", "timed-evaluation", "64"),
    ),
}


@pytest.mark.parametrize("kind", DATA_FAULTS)
def test_faults_of_the_data(package: Package, kind: str) -> None:
    source, check, code, value = DATA_FAULTS[kind]
    package.add("data.py", source)
    found = only_wrong(package)
    assert [
        text for found_code, values in found[check] if found_code == code for text in values.values() if value in text
    ], found


def test_floating_point_data_must_be_numbers(package: Package) -> None:
    package.edit(EDIT, 'dtype = "uint8"', 'dtype = "float32"')
    package.add(
        "data.py", "def evaluation_inputs(i):\n    return {'image': np.full((len(i), 1, 16, 16), np.nan, np.float32)}"
    )
    assert ("not-finite", {"call": "evaluation_inputs(0 … 255)", "name": "image"}) in only_wrong(package)["data"]


def test_what_the_order_of_a_set_did_to_the_data_is_found(package: Package) -> None:
    package.add(
        "data.py",
        "_WORDS = list({'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'})\n"
        "_ORDER = sum(8**place * len(word) for place, word in enumerate(_WORDS))\n"
        "def load_inputs(count, seed):\n    return {'image': _pictures(2, seed + _ORDER, np.arange(count))}",
    )
    assert [remark.code for remark in faults(package.verdicts_apart())["timing"]] == ["other-process"]


# ------------------------------------------------------------------------------------- reference answers and running


def reference(change: Callable[[dict[str, object], dict[str, np.ndarray]], None]) -> Spoil:
    def spoil(package: Package) -> None:
        folder = package.folder / "reference"
        kept, outputs = json.loads((folder / "reference.json").read_text()), load_file(folder / "outputs.safetensors")
        change(kept, outputs)
        (folder / "reference.json").write_text(json.dumps(kept))
        save_file(outputs, folder / "outputs.safetensors")

    return spoil


def nan_answer(kept: dict[str, object], outputs: dict[str, np.ndarray]) -> None:
    outputs["logits"][7] = np.nan


def other_answers(kept: dict[str, object], outputs: dict[str, np.ndarray]) -> None:
    outputs["logits"][0] *= 1.01


REFERENCE_FAULTS: dict[str, tuple[Spoil, str, str, str]] = {
    "other data": (edit("data.py", "% np.uint64(200)", "% np.uint64(199)"), "reference", "reference-of-other-data", ""),
    "no outputs": (
        reference(lambda kept, outputs: outputs.update(scores=outputs.pop("logits"))),
        "reference",
        "array-differs",
        "-",
    ),
    "too few": (
        reference(lambda kept, outputs: outputs.update(logits=outputs["logits"][1:])),
        "reference",
        "array-differs",
        "float32 (2399, 4)",
    ),
    "NaN": (reference(nan_answer), "reference", "not-finite", "logits"),
    "value": (reference(lambda kept, outputs: kept.update(value=0.5)), "reference", "reference-value", "0.5"),
    "target": (edit(EDIT, "target = 0.", "target = 0.999 # 0."), "reference", "target-above", "0.999"),
    "other network": (reference(other_answers), "run", "reference-of-other-model", "onnxruntime"),
}


@pytest.mark.parametrize("kind", REFERENCE_FAULTS)
def test_faults_of_the_reference(package: Package, kind: str) -> None:
    spoil, check, code, value = REFERENCE_FAULTS[kind]
    spoil(package)
    found = only_wrong(package)
    assert [
        text for found_code, values in found[check] if found_code == code for text in values.values() if value in text
    ], found


@pytest.mark.parametrize("file", ["reference.json", "outputs.safetensors"])
@pytest.mark.parametrize("content", [None, b"{", b"\xff" * 100])
def test_reference_files_that_cannot_be_read(package: Package, file: str, content: bytes | None) -> None:
    path = package.folder / "reference" / file
    if content is None:
        path.unlink()
        if file == "reference.json":
            return  # then there is no reference
    else:
        path.write_bytes(content)
    assert [code for code, _ in only_wrong(package)["reference"]] == ["unusable"]


def test_without_reference_answers(package: Package) -> None:
    for file in (package.folder / "reference").iterdir():
        file.unlink()
    verdicts = package.verdicts()
    assert faults(verdicts) == {}
    (verdict,) = (verdict for verdict in verdicts if verdict.check == "reference")
    assert [remark.code for remark in verdict.remarks] == ["no-reference"]


def over_the_batch(model: ModelProto) -> None:
    """The mean over the batch is taken away from each sample."""
    model.graph.node[2].output[0] = "products"
    axes = onnx.numpy_helper.from_array(np.array([0]), "axes")
    model.graph.initializer.append(axes)
    model.graph.node.append(helper.make_node("ReduceMean", ["products"], ["mean"], axes=[0]))
    model.graph.node.append(helper.make_node("Sub", ["products", "mean"], ["logits"]))
    del model.graph.initializer[-1]


def test_answers_that_depend_on_neighbours(package: Package) -> None:
    package.change_graph(over_the_batch)
    assert "batch-matters" in {code for code, _ in only_wrong(package)["run"]}


def test_answers_that_are_not_finite(package: Package) -> None:
    package.change_weights(lambda array: array.fill(np.inf))
    assert ("not-finite", {"call": "onnxruntime", "name": "logits"}) in only_wrong(package)["run"]


# ---------------------------------------------------------------------------------------------- code that goes wrong


@pytest.mark.parametrize(
    ("source", "how"), [("import os\nos._exit(3)", "ended with code 3"), ("import os\nos.abort()", "ended by SIGABRT")]
)
def test_code_that_ends_its_process(package: Package, source: str, how: str) -> None:
    package.add("data.py", source)
    verdict = package.verdicts_apart()[-1]
    assert (verdict.check, verdict.state, verdict.remarks[0].values) == ("process", "failed", {"how": how})


def test_code_that_hangs(package: Package) -> None:
    package.add("__init__.py", "import time\ntime.sleep(600)")
    (verdict,) = package.verdicts_apart(patience_s=0.2)
    assert verdict.remarks[0].code == "process-ended"


def test_a_package_that_cannot_be_imported(package: Package) -> None:
    package.add("__init__.py", "import no_such_module")
    verdicts = package.verdicts()
    assert {v.check: v.state for v in verdicts[:1]} == {"package": "failed"}
    assert {verdict.state for verdict in verdicts[1:]} == {"skipped"}
    assert "no_such_module" in verdicts[0].remarks[0].values["error"]


def test_a_folder_with_the_name_of_an_installed_package(package: Package) -> None:
    package.folder = package.folder.rename(package.project / "json")
    verdicts = package.verdicts()
    assert [remark.code for remark in verdicts[0].remarks] == ["shadowed"]
    assert {verdict.state for verdict in verdicts[1:]} == {"skipped"}


def test_large_samples_are_looked_at_a_few_at_a_time(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.authoring.data._MOST_BYTES", 16 * 256)
    package.add(
        "data.py",
        "_ALL = evaluation_inputs\n"
        "def evaluation_inputs(i):\n    assert len(i) <= 64, 'too many at once'\n    return _ALL(i)",
    )
    assert faults(package.verdicts()) == {}


def test_what_there_is_not(tmp_path: Path) -> None:
    for asked, words in (
        ("speech_comand", "Did you mean 'speech_command'?"),
        (str(tmp_path / "nowhere"), "no folder of that name"),
        (str(tmp_path), "found none"),
    ):
        with pytest.raises(BadWorkload) as caught:
            list(check_workload(asked))
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
