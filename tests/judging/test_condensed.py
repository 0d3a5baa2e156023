"""Quality of a task whose answers are condensed: value and verdict from them, numbers from the few raw outputs kept."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from bench.judging.quality import judge_quality
from bench.loadgen.keeping import CONDENSED, EVALUATION_SHA256, INDICES, UNFINISHED
from bench.models.base import Reference
from bench.tasks.base import RAW_SAMPLES

from ..condensing import ANSWERS, TASK, condense, register
from .test_quality import DIGEST, Crafted


class Condensing(Crafted):
    def __init__(self, count: int = 4000) -> None:
        super().__init__(count)
        self.spec = msgspec.structs.replace(self.spec, task=TASK)

    def reference(self) -> Reference:
        raw = {name: array[:RAW_SAMPLES] for name, array in self.outputs.items()}
        return Reference(value=0.9, evaluation_sha256=DIGEST, outputs=raw, condensed=condense(self.outputs))


def judged(folder: Path, workload: Condensing, logits: np.ndarray, indices: np.ndarray, bad: int = 0):  # type: ignore[no-untyped-def]
    (folder / "quality").mkdir(parents=True)
    arrays = {
        "logits": logits[:RAW_SAMPLES].copy(),
        CONDENSED + ANSWERS: condense({"logits": logits[indices]})[ANSWERS],
        INDICES: indices,
        UNFINISHED: np.array(bad, np.int64),
    }
    save_file(arrays, folder / "quality" / "outputs.safetensors", {EVALUATION_SHA256: DIGEST})
    quality, findings = judge_quality(folder, workload, "fp32", "quick")
    return quality, {entry.code: entry for entry in findings}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def test_the_reference_passes_itself(tmp_path: Path) -> None:
    workload = Condensing()
    quality, findings = judged(tmp_path, workload, workload.logits, np.arange(4000))
    assert findings == {}
    assert (quality.passed, quality.judged_by, quality.value, quality.agreement) == (
        True,
        "paired-difference",
        0.9,
        1.0,
    )
    assert quality.error is not None
    assert quality.error.max == 0.0


def test_answers_are_held_against_those_to_the_same_samples(tmp_path: Path) -> None:
    workload = Condensing()
    quality, findings = judged(tmp_path, workload, workload.logits, np.arange(1000, 1400))
    assert set(findings) == {"quality-subset"}
    assert (quality.passed, quality.agreement) == (True, 1.0)


def test_wrong_answers_fail_though_the_raw_outputs_that_are_kept_are_right(tmp_path: Path) -> None:
    workload = Condensing()
    other = workload.logits.copy()
    other[100:300] = -other[100:300]
    quality, findings = judged(tmp_path, workload, other, np.arange(4000))
    assert quality.passed is False
    assert set(findings) == {"quality-failed"}


def test_other_numbers_fail_though_the_answers_are_right(tmp_path: Path) -> None:
    workload = Condensing()
    quality, findings = judged(tmp_path, workload, workload.logits * np.float32(1.01), np.arange(4000))
    assert quality.passed is False
    assert set(findings) == {"precision-mismatch"}


def test_numbers_that_were_not_finite_fail_whatever_was_condensed_of_them(tmp_path: Path) -> None:
    workload = Condensing()
    quality, findings = judged(tmp_path, workload, workload.logits, np.arange(4000), bad=3)
    assert quality.passed is False
    assert findings["non-finite-output"].seen == 3
