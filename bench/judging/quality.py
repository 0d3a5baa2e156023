"""Quality of a repetition's answers on the evaluation set (measurement.md section 4).

Value, paired verdict, numeric class.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.loadgen.keeping import EVALUATION_SHA256, INDICES
from bench.models.base import NamedArrays, Reference, Workload
from bench.records.findings import Finding, finding
from bench.records.numbers import Refusal, RelativeError
from bench.records.plan import Mode
from bench.records.record import Quality
from bench.scoring.numeric import agreement, relative_error
from bench.scoring.quality import ONE_SIDED, quality_verdict, wilson
from bench.tasks import TASKS
from bench.tasks.base import ERROR_CLASS

Q99 = 0.99
# Where the evaluation set is too small for the paired test, raw outputs decide: the answers must agree as the class
# says, and the numbers must lie in the error class of the precision that was executed.
_AGREEMENT = Q99

# Why nothing can be said; the sentences stand in the catalogues. Without the same samples, stored answers say nothing.
_NO_DATA, _NO_REFERENCE = "no evaluation data", "no reference answers or target"
_OTHER_DATA = "evaluation data differ from the suite's"

Judged = tuple[Quality, tuple[Finding, ...]]


def judge_quality(folder: Path, workload: Workload, precision_executed: str, mode: Mode) -> Judged:
    """The verdict on `folder/quality/outputs.safetensors` with its findings; "not verified" where nothing is known."""
    spec = workload.spec.quality
    file = folder / "quality" / "outputs.safetensors"
    if not file.exists():
        nothing = Quality(metric=spec.metric, samples=0, evaluation_samples=spec.evaluation_samples, target=spec.target)
        return nothing, (finding("quality-not-verified", mode, subject=_NO_DATA),)
    arrays, digest = _read(file)
    indices = arrays[INDICES].astype(np.int64)
    # In the model's order, which the file does not keep: the first output holds the answer.
    outputs = {tensor.name: arrays[tensor.name] for tensor in workload.spec.outputs}
    quality = _value(workload, outputs, indices)
    found: tuple[Finding, ...] = ()
    if len(indices) < spec.evaluation_samples:
        found += (finding("quality-subset", mode, len(indices), spec.evaluation_samples),)
    bad = _bad_samples(outputs)
    if bad:
        failed = msgspec.structs.replace(quality, passed=False)
        return failed, (*found, finding("non-finite-output", mode, bad, 0))
    reference = workload.reference()
    if reference is None or quality.target is None:
        return quality, (*found, finding("quality-not-verified", mode, subject=_NO_REFERENCE))
    if digest != reference.evaluation_sha256:
        return quality, (*found, finding("quality-not-verified", mode, subject=_OTHER_DATA))
    judged, more = _against_reference(quality, workload, outputs, reference, indices, precision_executed, mode)
    return judged, found + more


def _value(workload: Workload, outputs: NamedArrays, indices: NDArray[np.int64]) -> Quality:
    spec = workload.spec.quality
    correct = _correct(workload, outputs, indices)
    return Quality(
        metric=spec.metric,
        samples=len(indices),
        evaluation_samples=spec.evaluation_samples,
        target=spec.target,
        value=None if correct is None else float(correct.mean()),
        interval=None if correct is None else wilson(int(correct.sum()), len(correct)),
    )


def _bad_samples(outputs: NamedArrays) -> int:
    finite = [np.isfinite(array.reshape(len(array), -1)).all(axis=1) for array in outputs.values()]
    return int((~np.logical_and.reduce(finite)).sum())


def _against_reference(
    quality: Quality,
    workload: Workload,
    outputs: NamedArrays,
    reference: Reference,
    indices: NDArray[np.int64],
    precision: str,
    mode: Mode,
) -> Judged:
    stored = {name: reference.outputs[name][indices] for name in outputs if name in reference.outputs}
    error, agreed = _numeric(outputs, stored)
    correct, right = _correct(workload, outputs, indices), _correct(workload, stored, indices)
    if isinstance(error, Refusal) or correct is None or right is None or quality.target is None:
        return quality, (finding("quality-not-verified", mode, subject=_NO_REFERENCE),)
    verdict = quality_verdict(correct, right, _target_on_samples(quality, reference, right), Q99)
    within = error.max <= ERROR_CLASS[precision]
    by_agreement = verdict.target_met and _agrees(agreed, quality.samples, precision) and within
    passed = bool(verdict.passed) if verdict.passed is not None else by_agreement
    found = []
    if not within:
        found.append(finding("precision-mismatch", mode, error.max, ERROR_CLASS[precision], precision))
    if not passed:
        found.append(finding("quality-failed", mode, verdict.value, verdict.target, quality.metric))
    judged = msgspec.structs.replace(
        quality,
        verdict=verdict,
        error=error,
        agreement=agreed,
        judged_by="agreement" if verdict.passed is None else "paired-difference",
        passed=passed and within,
    )
    return judged, tuple(found)


def _agrees(agreed: float, samples: int, precision: str) -> bool:
    """Whether as many answers are the reference's as a class asks for.

    In floating point only near ties turn over. int8 turns over some more, a few in a thousand, so that on a small set
    only a share that is proven too small (one-sided 95 %) speaks against it.
    """
    if precision != "int8":
        return agreed >= _AGREEMENT
    return wilson(round(agreed * samples), samples, 2 * ONE_SIDED - 1).high >= _AGREEMENT


def _target_on_samples(quality: Quality, reference: Reference, right: NDArray[np.bool_]) -> float:
    """The absolute target; on a subset scaled by how hard its samples are to the reference.

    Unscaled, a perfect engine would fail one subset in ten by the luck of the draw.
    """
    assert quality.target is not None
    if quality.samples >= quality.evaluation_samples or reference.value <= 0:
        return quality.target
    return min(1.0, quality.target * float(right.mean()) / reference.value)


def _numeric(outputs: NamedArrays, stored: NamedArrays) -> tuple[RelativeError | Refusal, float]:
    worst: RelativeError | Refusal | None = None
    for name, array in stored.items():
        error = relative_error(outputs[name], array)
        if isinstance(error, Refusal):
            return error, 0.0
        if worst is None or (isinstance(worst, RelativeError) and error.max > worst.max):
            worst = error
    first = next(iter(stored))
    assert worst is not None
    flat = (outputs[first].reshape(len(outputs[first]), -1), stored[first].reshape(len(stored[first]), -1))
    return worst, agreement(*flat)


def _correct(workload: Workload, outputs: NamedArrays, indices: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    labels = workload.evaluation_labels(indices)
    if labels is None:
        return None
    answers = TASKS[workload.spec.task].answers(outputs)
    correct: NDArray[np.bool_] = answers == labels
    return correct


def _read(file: Path) -> tuple[NamedArrays, str | None]:
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
        return arrays, (opened.metadata() or {}).get(EVALUATION_SHA256)
