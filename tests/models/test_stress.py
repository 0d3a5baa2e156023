"""`bench.models.stress` and the stored answers of the reference: the same samples, whole files, one-line refusals."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.models.measure_stress import measure, reference_of, table
from bench.models.stress import conditions_of, fingerprint, why_not
from bench.models.stress_reference import CLEAN, FILE, StressReference, packed, read_stress_reference
from bench.models.suite import load_workload, reference_root
from bench.models.user_model import UserWorkload
from bench.records.untrusted import BadFile
from bench.robustness import change

from ..cli.things import CLASSES, picture_folder, tiny_model

WORKLOADS = ("image_classify", "speech_command")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> UserWorkload:
    folder = tmp_path_factory.mktemp("own")
    return UserWorkload(tiny_model(folder / "tiny.onnx"), picture_folder(folder / "pictures"))


@pytest.mark.parametrize("name", WORKLOADS)
def test_stored_answers_are_of_the_levels_and_samples_of_today(name: str) -> None:
    workload = load_workload(name)
    kept = workload.stress_reference()
    assert kept is not None
    assert kept.amounts == {one.name: one.amount for one in conditions_of(workload.spec)}
    assert set(kept.right) == {CLEAN, *kept.amounts}
    assert kept.stressed_sha256 == fingerprint(workload), "run `python -m bench.models.measure_stress` again"
    for condition, value in kept.values.items():
        right = kept.answers(condition)
        assert right is not None
        assert right.mean() == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("name", WORKLOADS)
def test_levels_cost_more_and_more_and_leave_more_than_chance(name: str) -> None:
    workload = load_workload(name)
    kept = workload.stress_reference()
    assert kept is not None
    chance = 1 / workload.spec.outputs[0].shape[0]
    for corruption in dict.fromkeys(one.corruption.name for one in conditions_of(workload.spec)):
        first, second, third = (kept.values[f"{corruption}.{level}"] for level in (1, 2, 3))
        assert kept.values[CLEAN] >= first - 0.002 > second > third > 5 * chance, corruption
        assert kept.values[CLEAN] - first < 0.1, "level 1 costs little"
        assert kept.values[CLEAN] - third > 0.15, "level 3 clearly hurts"


def test_the_stored_answers_are_those_of_the_network() -> None:
    workload = load_workload("speech_command")
    kept = workload.stress_reference()
    assert kept is not None
    right, _ = measure(workload, 64, 1, lambda _: None)
    for name, answers in right.items():
        stored = kept.answers(name)
        assert stored is not None
        assert (stored[:64] == answers).mean() > 0.98, name


def test_clean_answers_are_the_reference_answers() -> None:
    for name in WORKLOADS:
        workload = load_workload(name)
        kept, reference = workload.stress_reference(), workload.reference()
        assert kept is not None
        assert reference is not None
        stored = kept.answers(CLEAN)
        assert stored is not None
        labels = workload.evaluation_labels(np.arange(kept.samples))
        right = reference.outputs["logits"][: kept.samples].argmax(1) == labels
        assert (stored == right).mean() > 0.998


def test_packed_answers_come_back(own: UserWorkload) -> None:
    right, version = measure(own, 20, 1, lambda _: None)
    kept = reference_of(own, right, version)
    assert kept.samples == 20
    for name, answers in right.items():
        stored = kept.answers(name)
        np.testing.assert_array_equal(stored, answers)
    assert kept.answers("blur.2", 99.0) is None
    assert kept.answers("fog.1") is None
    assert table(own, right).count("|") == 5 * 6


def test_a_fingerprint_tells_samples_apart(own: UserWorkload, tmp_path: Path) -> None:
    pictures = picture_folder(tmp_path / "pictures")
    (pictures / "bee" / "1.png").write_bytes((pictures / "bee" / "2.png").read_bytes())
    other = UserWorkload(tiny_model(tmp_path / "tiny.onnx"), pictures)
    assert fingerprint(own) == fingerprint(own) != fingerprint(other)


def test_raw_samples_prepared_are_the_inputs(own: UserWorkload, tmp_path: Path) -> None:
    from onnx import TensorProto

    floats = UserWorkload(tiny_model(tmp_path / "f.onnx", TensorProto.FLOAT), picture_folder(tmp_path / "pictures"))
    indices = np.array([3, 17, 4])
    for workload in (own, floats, load_workload("speech_command")):
        (expected,) = workload.evaluation_inputs(indices).values()
        (found,) = workload.prepared(workload.evaluation_raw(indices)).values()
        np.testing.assert_array_equal(found, expected)
    (raw,) = floats.evaluation_raw(indices).values()
    assert raw.dtype == np.uint8
    spoilt = change(conditions_of(floats.spec)[0], floats.evaluation_raw(indices), indices)
    (inputs,) = floats.prepared(spoilt).values()
    assert inputs.dtype == np.float32
    assert len(CLASSES) == 5


def good() -> dict[str, object]:
    kept = StressReference(
        metric="top1",
        samples=9,
        stressed_sha256="",
        computed_with={},
        amounts={"blur.1": 1.0},
        values={CLEAN: 1.0},
        right={CLEAN: packed(np.ones(9, bool)), "blur.1": packed(np.zeros(9, bool))},
    )
    plain: dict[str, object] = msgspec.to_builtins(kept)
    return plain


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"right": {CLEAN: "//"}}, "no base64"),
        ({"right": {CLEAN: "////"}}, "3 bytes; 9 samples need 2"),
        ({"right": {CLEAN: "a"}}, "no base64"),
        ({"samples": "many"}, "samples"),
        ({"right": 3}, "right"),
    ],
)
def test_a_spoilt_file_is_refused(tmp_path: Path, spoil: dict[str, object], words: str) -> None:
    (tmp_path / FILE).write_text(json.dumps(good() | spoil))
    with pytest.raises(BadFile, match=words) as caught:
        read_stress_reference(tmp_path)
    assert FILE in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_is_no_reference(tmp_path: Path) -> None:
    assert read_stress_reference(tmp_path) is None
    (tmp_path / FILE).write_text(json.dumps(good()))
    kept = read_stress_reference(tmp_path)
    assert kept is not None
    np.testing.assert_array_equal(kept.answers("blur.1", 1.0), np.zeros(9, bool))


def test_why_a_workload_cannot_be_stressed(own: UserWorkload, tmp_path: Path) -> None:
    assert why_not(own) is None
    assert why_not(load_workload("speech_command")) is None
    assert "--data" in str(why_not(UserWorkload(tiny_model(tmp_path / "tiny.onnx"), None)))

    class Unlabelled(UserWorkload):
        def evaluation_labels(self, indices: np.ndarray) -> None:
            return None

    class Tabular(UserWorkload):
        pass

    unlabelled = Unlabelled(tmp_path / "tiny.onnx", picture_folder(tmp_path / "pictures"))
    assert "no labels" in str(why_not(unlabelled))
    tabular = Tabular(tmp_path / "tiny.onnx", tmp_path / "pictures")
    columns = msgspec.structs.replace(tabular.spec.inputs[0], shape=(17,))
    tabular.spec = msgspec.structs.replace(tabular.spec, inputs=(columns,))
    assert "x (17,)" in str(why_not(tabular))
    assert reference_root().exists()
