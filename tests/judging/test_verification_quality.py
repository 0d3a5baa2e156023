"""Quality of a verification workload through `judge_quality`: TAR at FAR 0.1 %, in whole people."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bench.backends.base import Model, Tensor
from bench.judging.quality import judge_quality
from bench.loadgen.answering import chosen_indices
from bench.loadgen.keeping import EVALUATION_SHA256, INDICES
from bench.models.base import LoadSpec, ModelSpec, NamedArrays, QualitySpec, Reference, WorkloadSpec
from bench.records.findings import Finding
from bench.records.record import Quality

DIGEST = hashlib.sha256(b"people").hexdigest()
DIMENSIONS = 16


class Gate:
    """`people` with two pictures each whose embeddings differ by noise of the given size; odd samples are side 1."""

    def __init__(self, people: int, noise: float = 0.5) -> None:
        rng = np.random.default_rng(people)
        centres = np.repeat(rng.normal(size=(people, DIMENSIONS)), 2, axis=0)
        self.embeddings = (centres + noise * rng.normal(size=centres.shape)).astype(np.float32)
        model = ModelSpec(graph="", weights="", model_hash="", network="", opset=17, parameters=0, macs_per_sample=0)
        self.spec = WorkloadSpec(
            name="w",
            version=1,
            task="verify",
            title={},
            model=model,
            inputs=(Tensor(name="x", dtype="float32", shape=(1,)),),
            outputs=(Tensor(name="embedding", dtype="float32", shape=(DIMENSIONS,)),),
            load=LoadSpec(samples=1),
            scenarios={},
            quality=QualitySpec(
                metric="tar_at_far_1e-3", target=0.5, evaluation_samples=2 * people, quick_samples=384, group=2
            ),
            origin={},
        )

    def model(self) -> Model:
        raise NotImplementedError

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        raise NotImplementedError

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        raise NotImplementedError

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.stack(np.divmod(indices, 2), axis=1)

    def reference(self) -> Reference:
        value = slow_rate(self.embeddings, np.arange(len(self.embeddings)))
        return Reference(value=value, evaluation_sha256=DIGEST, outputs={"embedding": self.embeddings})


def slow_rate(embeddings: np.ndarray, indices: np.ndarray) -> float:
    """TAR at FAR 0.1 % of the samples at `indices`, one live picture after the other against all documents."""
    unit = embeddings / np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    cards, genuine, impostors = indices[indices % 2 == 0], [], []
    for live in indices[indices % 2 == 1]:
        alike, own = unit[cards] @ unit[live], cards // 2 == live // 2
        genuine.append(alike[own])
        impostors.append(alike[~own])
    others = np.sort(np.concatenate(impostors))[::-1]
    return float(np.mean(np.concatenate(genuine) > others[others.size // 1000]))


def judged(
    folder: Path, gate: Gate, embeddings: np.ndarray | None = None, indices: np.ndarray | None = None
) -> tuple[Quality, dict[str, Finding]]:
    indices = np.arange(len(gate.embeddings)) if indices is None else indices
    embeddings = gate.embeddings if embeddings is None else embeddings
    (folder / "quality").mkdir(parents=True)
    arrays = {"embedding": np.ascontiguousarray(embeddings[indices]), INDICES: indices}
    save_file(arrays, folder / "quality" / "outputs.safetensors", {EVALUATION_SHA256: DIGEST})
    quality, findings = judge_quality(folder, gate, "int8", "quick")
    return quality, {entry.code: entry for entry in findings}


def test_the_value_is_that_of_all_pairs_and_a_small_set_is_judged_by_agreement(tmp_path: Path) -> None:
    gate = Gate(200)
    quality, findings = judged(tmp_path, gate)
    assert findings == {}
    assert quality.value == gate.reference().value
    assert quality.value is not None
    assert 0.5 < quality.value < 1.0
    assert quality.interval is not None
    assert quality.interval.kind == "bootstrap-identities"
    assert (quality.passed, quality.judged_by, quality.agreement) == (True, "agreement", 1.0)


def test_many_people_are_judged_by_the_paired_difference(tmp_path: Path) -> None:
    gate = Gate(2600, noise=0.3)
    quality, findings = judged(tmp_path / "same", gate)
    assert findings == {}
    assert (quality.passed, quality.judged_by) == (True, "paired-difference")
    worse = gate.embeddings.copy()
    worse[1:260:2] *= -1  # 130 of 2 600 people, 5 %, are not recognised any more
    quality, findings = judged(tmp_path / "worse", gate, worse)
    assert quality.passed is False
    assert set(findings) == {"quality-failed"}


def test_the_length_of_an_embedding_does_not_matter_and_its_direction_does(tmp_path: Path) -> None:
    gate = Gate(200)
    longer = gate.embeddings * np.linspace(1, 3, 400, dtype=np.float32)[:, None]
    quality, _ = judged(tmp_path / "longer", gate, longer)
    assert quality.value == gate.reference().value
    shuffled = gate.embeddings[np.random.default_rng(0).permutation(400)]
    quality, findings = judged(tmp_path / "shuffled", gate, shuffled)
    assert quality.passed is False
    assert "quality-failed" in findings


def test_one_answer_for_all_recognises_nobody(tmp_path: Path) -> None:
    """A constant embedding accepts everyone at any threshold that accepts one; strictly above it lies nobody."""
    gate = Gate(200)
    quality, _ = judged(tmp_path, gate, np.ones_like(gate.embeddings))
    assert quality.value == 0.0
    assert quality.passed is False


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_answers_that_are_not_finite_fail(tmp_path: Path, bad: float) -> None:
    gate = Gate(200)
    broken = gate.embeddings.copy()
    broken[7, 3] = bad
    quality, findings = judged(tmp_path, gate, broken)
    assert quality.passed is False
    assert findings["non-finite-output"].seen == 1


def test_a_subset_of_whole_people_is_judged(tmp_path: Path) -> None:
    gate = Gate(400)
    indices = chosen_indices(800, 384, 5, group=2)
    assert len(indices) == 384
    quality, findings = judged(tmp_path, gate, indices=indices)
    assert quality.value == slow_rate(gate.embeddings, indices)
    assert set(findings) == {"quality-subset"}
    assert quality.passed is True


@pytest.mark.parametrize("indices", [np.arange(100), np.arange(0, 800, 2), np.arange(1, 800, 2)])
def test_too_few_impostors_or_one_side_only_is_not_verified(tmp_path: Path, indices: np.ndarray) -> None:
    quality, findings = judged(tmp_path, Gate(400), indices=indices)
    assert (quality.value, quality.passed) == (None, None)
    entry = findings["quality-not-verified"]
    assert (entry.subject, entry.limit) == ("too few impostor pairs", 30_000)
