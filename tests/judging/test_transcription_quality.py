"""Quality of speech recognition, judged from texts: value, agreement, verdict, and what cannot be judged."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from bench.judging.quality import judge_quality
from bench.loadgen.keeping import CONDENSED, EVALUATION_SHA256, INDICES, UNFINISHED
from bench.measures import MEASURES
from bench.models.base import Reference
from bench.tasks.base import RAW_SAMPLES

from .test_quality import DIGEST, Crafted

COUNT, LONG = 2400, 10


class Spoken(Crafted):
    """Ten characters each; the reference is wrong in one of them in every second utterance: 95 % right."""

    def __init__(self, silent: bool = False) -> None:
        super().__init__(COUNT)
        rng = np.random.default_rng(1)
        self.said = np.full((COUNT, LONG), -1) if silent else rng.integers(1, 9, (COUNT, LONG))
        self.text = np.full((COUNT, 2 * LONG), -1, np.int32)
        self.text[:, :LONG] = self.said
        self.text[::2, 3] = 9
        quality = msgspec.structs.replace(
            self.spec.quality, metric="character_accuracy", target=0.94, evaluation_samples=COUNT
        )
        self.spec = msgspec.structs.replace(self.spec, task="recognise", quality=quality)

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        return self.said[indices]

    def reference(self) -> Reference:
        raw = {name: array[:RAW_SAMPLES] for name, array in self.outputs.items()}
        return Reference(value=0.95, evaluation_sha256=DIGEST, outputs=raw, condensed={"text": self.text})


def judged(folder: Path, workload: Spoken, text: NDArray[np.int32], indices: NDArray[np.int64] | None = None):  # type: ignore[no-untyped-def]
    indices = np.arange(COUNT) if indices is None else indices
    (folder / "quality").mkdir(parents=True)
    arrays = {
        **{name: array[:RAW_SAMPLES].copy() for name, array in workload.outputs.items()},
        CONDENSED + "text": text[indices],
        INDICES: indices,
        UNFINISHED: np.array(0, np.int64),
    }
    save_file(arrays, folder / "quality" / "outputs.safetensors", {EVALUATION_SHA256: DIGEST})
    quality, findings = judge_quality(folder, workload, "fp32", "quick")
    return quality, {entry.code: entry for entry in findings}


def test_the_reference_passes_itself(tmp_path: Path) -> None:
    workload = Spoken()
    quality, findings = judged(tmp_path, workload, workload.text)
    assert findings == {}
    assert (quality.passed, quality.judged_by, quality.agreement) == (True, "paired-difference", 1.0)
    assert quality.value == pytest.approx(0.95)
    assert quality.interval is not None
    assert quality.interval.kind == "bootstrap-utterances"
    assert (quality.verdict.counts.both, quality.verdict.counts.neither) == (COUNT // 2, COUNT // 2)


def test_a_loss_of_two_in_a_hundred_fails(tmp_path: Path) -> None:
    workload = Spoken()
    worse = workload.text.copy()
    worse[::5, 7] = 9  # one character of ten in every fifth utterance
    quality, findings = judged(tmp_path, workload, worse)
    assert set(findings) == {"quality-failed"}
    assert quality.value == pytest.approx(0.93, abs=1e-3)
    assert quality.agreement == pytest.approx(0.98, abs=1e-3)


def test_a_part_of_the_set_is_judged_by_characters_that_agree(tmp_path: Path) -> None:
    workload = Spoken()
    other = workload.text.copy()
    other[::20, 5] = 9  # of ten characters in twenty utterances one
    quality, findings = judged(tmp_path, workload, other, np.arange(0, 400))
    assert set(findings) == {"quality-subset"}
    assert (quality.passed, quality.judged_by) == (True, "agreement")
    assert quality.agreement == pytest.approx(0.995, abs=1e-3)


def test_where_nothing_is_said_nothing_is_verified(tmp_path: Path) -> None:
    workload = Spoken(silent=True)
    quality, findings = judged(tmp_path, workload, workload.text)
    assert (quality.value, quality.passed) == (None, None)
    assert findings["quality-not-verified"].subject == "nothing said"


def test_utterances_without_an_error_are_told_besides() -> None:
    workload, measure = Spoken(), MEASURES["recognise"]
    found = measure.also({"text": workload.text}, workload.said)  # type: ignore[attr-defined]
    assert found["utterances_right"][0] == 0.5


def test_agreement_with_a_reference_that_says_nothing() -> None:
    silent, measure = np.full((3, 4), -1, np.int32), MEASURES["recognise"]
    assert measure.agreement({"text": silent}, {"text": silent}, None) == 1.0
    noisy = silent.copy()
    noisy[1, 0] = 5
    assert measure.agreement({"text": noisy}, {"text": silent}, None) == 0.0
    assert measure.agreement({"text": silent}, {"text": noisy}, None) == 0.0
