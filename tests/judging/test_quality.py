"""`bench.judging.quality`: passed only where targets, the reference and the numbers of its precision say so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bench.backends.base import Model, Tensor
from bench.judging.quality import judge_quality
from bench.loadgen.keeping import EVALUATION_SHA256, INDICES
from bench.models.base import (
    LoadSpec,
    ModelSpec,
    NamedArrays,
    QualitySpec,
    Reference,
    WorkloadSpec,
)
from bench.models.end_to_end import ANSWER, EndToEnd
from bench.records.findings import Finding
from bench.records.record import Quality
from bench.scoring.quality import quality_verdict, wilson

CLASSES = 10
DIGEST = hashlib.sha256(b"evaluation").hexdigest()
SPEC = WorkloadSpec(
    name="w",
    version=1,
    task="classify",
    title={},
    model=ModelSpec(graph="", weights="", model_hash="", network="", opset=17, parameters=0, macs_per_sample=0),
    inputs=(Tensor(name="x", dtype="float32", shape=(1,)),),
    outputs=(Tensor(name="logits", dtype="float32", shape=(CLASSES,)),),
    load=LoadSpec(samples=1),
    scenarios={},
    quality=QualitySpec(metric="top1", target=0.8, evaluation_samples=400, quick_samples=100),
    origin={},
)


class Crafted:
    """A workload whose reference answers `right` of its `count` samples."""

    def __init__(self, count: int = 400, right: float = 0.9, labelled: bool = True) -> None:
        quality = msgspec.structs.replace(SPEC.quality, evaluation_samples=count)
        self.spec = msgspec.structs.replace(SPEC, quality=quality)
        rng = np.random.default_rng(0)
        self.labels = rng.integers(0, CLASSES, count)
        wrong = np.arange(count) >= right * count
        self.logits = rng.normal(size=(count, CLASSES)).astype(np.float32)
        self.logits[np.arange(count), np.where(wrong, (self.labels + 1) % CLASSES, self.labels)] += 20
        self.outputs: NamedArrays = {"logits": self.logits}
        self.digest: str | None = DIGEST
        self._labelled = labelled

    def model(self) -> Model:
        raise NotImplementedError

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        raise NotImplementedError

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        raise NotImplementedError

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64] | None:
        return self.labels[indices] if self._labelled else None

    def reference(self) -> Reference | None:
        if self.digest is None:
            return None
        return Reference(value=0.9, evaluation_sha256=self.digest, outputs=self.outputs)


def judged(
    folder: Path,
    workload: Crafted | Filed,
    outputs: Mapping[str, np.ndarray] | None = None,
    indices: np.ndarray | None = None,
    precision: str = "fp32",
) -> tuple[Quality, dict[str, Finding]]:
    """The verdict on `outputs` (default: the reference's) of the samples `indices` (default: all)."""
    indices = np.arange(len(workload.labels)) if indices is None else indices
    outputs = workload.outputs if outputs is None else outputs
    (folder / "quality").mkdir(parents=True)
    arrays = {name: np.ascontiguousarray(array[indices]) for name, array in outputs.items()} | {INDICES: indices}
    save_file(arrays, folder / "quality" / "outputs.safetensors", {EVALUATION_SHA256: DIGEST})
    quality, findings = judge_quality(folder, workload, precision, "quick")
    return quality, {entry.code: entry for entry in findings}


def test_the_reference_passes_itself(tmp_path: Path) -> None:
    quality, findings = judged(tmp_path, Crafted())
    assert findings == {}
    assert quality.passed is True
    assert quality.value == 0.9
    assert quality.interval == wilson(360, 400)
    assert quality.error is not None
    assert quality.error.max == 0.0
    assert quality.agreement == 1.0
    assert quality.judged_by == "agreement", "400 samples are too few for the paired test"


def test_a_set_that_is_large_enough_is_judged_by_the_paired_difference(tmp_path: Path) -> None:
    quality, findings = judged(tmp_path, Crafted(count=4000))
    assert findings == {}
    assert (quality.passed, quality.judged_by) == (True, "paired-difference")


def test_a_lower_quality_than_the_target_fails(tmp_path: Path) -> None:
    quality, findings = judged(tmp_path, Crafted(right=0.7))
    assert quality.passed is False
    entry = findings["quality-failed"]
    assert (entry.seen, entry.limit, entry.subject, entry.severity) == (0.7, 0.8, "top1", "error")


def test_a_loss_against_the_reference_fails_above_the_target(tmp_path: Path) -> None:
    workload = Crafted(count=4000)
    worse = workload.logits.copy()
    worse[:100] = -worse[:100]  # 2.5 % of the answers are lost; the target of 80 % is still met
    quality, findings = judged(tmp_path, workload, {"logits": worse}, precision="int8")
    assert quality.verdict is not None
    assert quality.verdict.target_met
    assert quality.passed is False
    assert set(findings) == {"quality-failed"}


def test_the_verdict_is_that_of_the_scoring_room(tmp_path: Path) -> None:
    workload = Crafted()
    worse = workload.logits.copy()
    worse[:3] = -worse[:3]
    quality, _ = judged(tmp_path, workload, {"logits": worse}, precision="int8")
    right = np.arange(400) < 360
    answered = right & (np.arange(400) >= 3)
    assert quality.verdict == quality_verdict(answered, right, 0.8, 0.99)
    assert quality.agreement == 397 / 400


@pytest.mark.parametrize(
    ("precision", "agreeing", "passed"),
    [
        ("fp32", 396, True),
        ("fp32", 395, False),
        # 1.75 % of 400 is not proven to be more than 1 %; 2 % is.
        ("int8", 393, True),
        ("int8", 392, False),
    ],
)
def test_a_small_set_passes_from_99_percent_agreement(
    tmp_path: Path, precision: str, agreeing: int, passed: bool
) -> None:
    workload = Crafted()
    turned = np.arange(agreeing, 400)  # wrong before, wrong after: quality stays
    tied = [(workload.labels[turned] + step) % CLASSES for step in (1, 2)]
    other = workload.logits.copy()
    for logits, winner in ((workload.logits, tied[0]), (other, tied[1])):
        logits[turned, tied[0]] = logits[turned, tied[1]] = 20
        logits[turned, winner] += np.float32(1e-5)
    quality, findings = judged(tmp_path, workload, {"logits": other}, precision=precision)
    assert quality.agreement == agreeing / 400
    assert quality.value is not None
    assert quality.value >= 0.9
    assert quality.passed is passed
    assert ("quality-failed" in findings) is not passed


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("digest", [DIGEST, None, "other"])
def test_answers_that_are_not_finite_fail_with_or_without_a_reference(
    tmp_path: Path, bad: float, digest: str | None
) -> None:
    workload = Crafted()
    workload.digest = digest
    broken = workload.logits.copy()
    broken[7, 3] = broken[7, 4] = broken[9, 0] = bad
    quality, findings = judged(tmp_path, workload, {"logits": broken})
    assert quality.passed is False
    assert findings["non-finite-output"].seen == 2
    assert findings["non-finite-output"].severity == "error"


def test_nan_is_never_a_right_answer(tmp_path: Path) -> None:
    workload = Crafted(right=1.0)
    quality, _ = judged(tmp_path, workload, {"logits": np.full_like(workload.logits, np.nan)})
    assert quality.value == 0.0


def test_other_evaluation_data_are_not_verified(tmp_path: Path) -> None:
    workload = Crafted()
    workload.digest = "of other pictures"
    quality, findings = judged(tmp_path, workload)
    assert quality.passed is None
    assert quality.value == 0.9
    assert findings["quality-not-verified"].subject == "evaluation data differ from the suite's"


def test_no_reference_is_not_verified(tmp_path: Path) -> None:
    workload = Crafted()
    workload.digest = None
    quality, findings = judged(tmp_path, workload)
    assert quality.passed is None
    assert findings["quality-not-verified"].subject == "no reference answers or target"


def test_no_target_is_not_verified(tmp_path: Path) -> None:
    workload = Crafted()
    open_ended = msgspec.structs.replace(workload.spec.quality, target=None)
    workload.spec = msgspec.structs.replace(workload.spec, quality=open_ended)
    quality, findings = judged(tmp_path, workload)
    assert quality.passed is None
    assert set(findings) == {"quality-not-verified"}


def test_labels_with_nothing_to_hold_their_score_against(tmp_path: Path) -> None:
    workload = Crafted()
    workload.digest = None
    workload.spec = msgspec.structs.replace(
        workload.spec, quality=msgspec.structs.replace(workload.spec.quality, target=None)
    )
    quality, findings = judged(tmp_path, workload)
    assert (quality.value, quality.passed) == (0.9, None)
    assert set(findings) == {"quality-without-target"}


def test_no_labels_are_not_verified(tmp_path: Path) -> None:
    quality, findings = judged(tmp_path, Crafted(labelled=False))
    assert (quality.value, quality.passed) == (None, None)
    assert set(findings) == {"quality-not-verified"}


def test_no_answers_are_not_verified(tmp_path: Path) -> None:
    quality, findings = judge_quality(tmp_path, Crafted(), "fp32", "quick")
    assert (quality.samples, quality.value, quality.passed) == (0, None, None)
    assert [entry.subject for entry in findings] == ["no evaluation data"]


@pytest.mark.parametrize(
    ("precision", "error", "within"),
    [
        ("fp32", 5e-6, True),
        ("fp32", 1e-4, False),
        ("fp16", 1e-3, True),
        ("fp16", 1e-2, False),
        ("bf16", 1e-2, True),
        ("bf16", 5e-2, False),
        ("int8", 0.3, True),
    ],
)
def test_numbers_beyond_the_class_of_the_precision_are_a_mismatch(
    tmp_path: Path, precision: str, error: float, within: bool
) -> None:
    workload = Crafted()
    off = (workload.logits.astype(np.float64) * (1 + error)).astype(np.float32)
    quality, findings = judged(tmp_path, workload, {"logits": off}, precision=precision)
    assert quality.passed is within
    assert ("precision-mismatch" in findings) is not within
    if not within:
        assert findings["precision-mismatch"].seen == pytest.approx(error, rel=0.05)
        assert findings["precision-mismatch"].subject == precision


def test_a_subset_is_named_and_judged_by_its_own_samples(tmp_path: Path) -> None:
    workload = Crafted()
    indices = np.arange(300, 400)  # the last 40 of them are wrong
    quality, findings = judged(tmp_path, workload, indices=indices)
    assert (quality.samples, quality.evaluation_samples, quality.value) == (100, 400, 0.6)
    assert (findings["quality-subset"].seen, findings["quality-subset"].limit) == (100, 400)
    assert quality.verdict is not None
    assert quality.verdict.reference == 0.6
    assert quality.target is not None
    # The samples are harder than the set is, and the target on them is lower by as much.
    assert quality.verdict.target == pytest.approx(quality.target * 0.6 / 0.9)
    assert quality.passed is True
    assert "quality-failed" not in findings


def test_the_first_output_of_the_model_answers_whatever_the_order_in_the_file(tmp_path: Path) -> None:
    """The file sorts its arrays: `a_features` stands before `logits` there."""
    workload = Crafted()
    features = Tensor(name="a_features", dtype="float32", shape=(CLASSES,))
    workload.spec = msgspec.structs.replace(workload.spec, outputs=(*workload.spec.outputs, features))
    workload.outputs = {"a_features": -workload.logits, "logits": workload.logits}
    quality, findings = judged(tmp_path, workload)
    assert findings == {}
    assert quality.value == 0.9


class Filed(EndToEnd):
    """`Crafted` as if it came in files."""

    def __init__(self, prepared: Crafted) -> None:
        super().__init__(prepared)
        self.labels, self.outputs = prepared.labels, prepared.outputs


@pytest.mark.parametrize(
    ("count", "lost", "passed", "codes"),
    [
        (400, 3, True, set()),  # 99.25 % of the answers are the reference's
        (400, 5, True, set()),  # 98.75 %: not proven to be under 99 %
        (400, 12, None, {"quality-not-verified"}),  # too few to tell whether the engine or the files cost them
        (400, 60, False, {"quality-failed"}),  # below the target, whatever cost it
        (4000, 3, True, set()),
        (4000, 100, False, {"quality-failed"}),
    ],
)
def test_raw_outputs_of_files_are_not_held_to_the_precision(
    tmp_path: Path, count: int, lost: int, passed: bool | None, codes: set[str]
) -> None:
    workload = Crafted(count=count)
    other = workload.logits * np.float32(1.01)  # beyond fp32's error class
    other[:lost] = -other[:lost]
    outputs = {"logits": other, ANSWER: other.argmax(axis=1)}
    quality, findings = judged(tmp_path, Filed(workload), outputs)
    assert quality.passed is passed
    assert quality.error is None
    assert set(findings) == codes


def test_top_5_stands_beside_top_1_where_there_are_classes_enough(tmp_path: Path) -> None:
    few, _ = judged(tmp_path / "few", Crafted())
    assert few.also == {}
    workload = Crafted()
    many = np.concatenate([workload.logits, np.full((400, 30), -99.0, np.float32)], axis=1)
    tensor = Tensor(name="logits", dtype="float32", shape=(CLASSES + 30,))
    workload.spec = msgspec.structs.replace(workload.spec, outputs=(tensor,))
    workload.outputs = {"logits": many}
    quality, _ = judged(tmp_path / "many", workload)
    above = (many > many[np.arange(400), workload.labels][:, None]).sum(axis=1)
    assert quality.also["top5"].value == np.mean(above < 5) > quality.value
    assert quality.also["top5"].interval == wilson(int((above < 5).sum()), 400)
