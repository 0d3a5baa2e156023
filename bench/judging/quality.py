"""Quality of a repetition's answers on the evaluation set (measurement.md section 4).

Value, paired verdict, numeric class.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.judging.measures import MEASURES, Measure, Value
from bench.loadgen.keeping import EVALUATION_SHA256, INDICES
from bench.models.base import NamedArrays, QualitySpec, Reference, Workload
from bench.records.findings import Finding, finding
from bench.records.numbers import Refusal, RelativeError
from bench.records.plan import Mode
from bench.records.record import Quality
from bench.scoring.numeric import relative_error
from bench.tasks.base import ERROR_CLASS

Q99 = 0.99
# Where the evaluation set is too small for the paired test, raw outputs decide: the answers must agree as the class
# says, and the numbers must lie in the error class of the precision that was executed.
_AGREEMENT = Q99

# Why nothing can be said; the sentences stand in the catalogues. Without the same samples, stored answers say nothing.
_NO_DATA, _NO_REFERENCE = "no evaluation data", "no reference answers or target"
_OTHER_DATA = "evaluation data differ from the suite's"
_TOO_FEW = "too few impostor pairs"

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
    answered = _Answered(
        outputs={tensor.name: arrays[tensor.name] for tensor in workload.spec.outputs},
        indices=indices,
        labels=workload.evaluation_labels(indices),
        measure=MEASURES[workload.spec.task],
    )
    found: tuple[Finding, ...] = ()
    if len(indices) < spec.evaluation_samples:
        found += (finding("quality-subset", mode, len(indices), spec.evaluation_samples),)
    quality, refused = _value(spec, answered)
    bad = _bad_samples(answered.outputs)
    if bad:
        failed = msgspec.structs.replace(quality, passed=False)
        return failed, (*found, finding("non-finite-output", mode, bad, 0))
    if refused is not None:
        return quality, (*found, finding("quality-not-verified", mode, refused.seen, refused.limit, _TOO_FEW))
    reference = workload.reference()
    if reference is None or quality.target is None:
        return quality, (*found, finding("quality-not-verified", mode, subject=_NO_REFERENCE))
    if digest != reference.evaluation_sha256:
        return quality, (*found, finding("quality-not-verified", mode, subject=_OTHER_DATA))
    judged, more = _against_reference(quality, answered, reference, precision_executed, mode)
    return judged, found + more


@dataclass(frozen=True, slots=True)
class _Answered:
    """Outputs for the evaluation samples at `indices`, their labels (None: the data have none), and how to measure."""

    outputs: NamedArrays
    indices: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    measure: Measure


def _value(spec: QualitySpec, answered: _Answered) -> tuple[Quality, Refusal | None]:
    """What the answers are worth, where there are labels, or why that cannot be said."""
    quality = Quality(
        metric=spec.metric,
        samples=len(answered.indices),
        evaluation_samples=spec.evaluation_samples,
        target=spec.target,
    )
    if answered.labels is None:
        return quality, None
    measured = answered.measure.value(answered.outputs, answered.labels)
    if isinstance(measured, Refusal):
        return quality, measured
    value, interval = measured
    return msgspec.structs.replace(quality, value=value, interval=interval), None


def _bad_samples(outputs: NamedArrays) -> int:
    finite = [np.isfinite(array.reshape(len(array), -1)).all(axis=1) for array in outputs.values()]
    return int((~np.logical_and.reduce(finite)).sum())


def _against_reference(
    quality: Quality, answered: _Answered, reference: Reference, precision: str, mode: Mode
) -> Judged:
    outputs, labels, measure = answered.outputs, answered.labels, answered.measure
    stored = {name: reference.outputs[name][answered.indices] for name in outputs if name in reference.outputs}
    error = _numeric(outputs, stored)
    unverified = quality, (finding("quality-not-verified", mode, subject=_NO_REFERENCE),)
    if isinstance(error, Refusal) or labels is None:
        return unverified
    target = _target_on_samples(quality, reference, measure.value(stored, labels))
    verdict = measure.verdict(outputs, stored, labels, target, Q99)
    if isinstance(verdict, Refusal):
        return unverified
    agreed = measure.agreement(outputs, stored, labels)
    within = error.max <= ERROR_CLASS[precision]
    by_agreement = verdict.target_met and agreed >= _AGREEMENT and within
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


def _target_on_samples(quality: Quality, reference: Reference, of_reference: Value | Refusal) -> float:
    """The absolute target; on a subset scaled by how hard its samples are to the reference.

    Unscaled, a perfect engine would fail one subset in ten by the luck of the draw.
    """
    assert quality.target is not None
    whole = quality.samples >= quality.evaluation_samples
    if whole or reference.value <= 0 or isinstance(of_reference, Refusal):
        return quality.target
    return min(1.0, quality.target * of_reference[0] / reference.value)


def _numeric(outputs: NamedArrays, stored: NamedArrays) -> RelativeError | Refusal:
    worst: RelativeError | Refusal | None = None
    for name, array in stored.items():
        error = relative_error(outputs[name], array)
        if isinstance(error, Refusal):
            return error
        if worst is None or (isinstance(worst, RelativeError) and error.max > worst.max):
            worst = error
    assert worst is not None
    return worst


def _read(file: Path) -> tuple[NamedArrays, str | None]:
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
        return arrays, (opened.metadata() or {}).get(EVALUATION_SHA256)
