"""Quality of a repetition's answers on the evaluation set (measurement.md section 4).

Value, paired verdict, numeric class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.judging.numeric_class import Held, held_to_class
from bench.loadgen.keeping import INDICES, UNFINISHED, condensed_of, read_arrays
from bench.measures import MEASURES, Measure, TellsCurve, TellsMore, Value
from bench.models.base import KnowsWords, NamedArrays, QualitySpec, Reference, Workload
from bench.models.end_to_end import EndToEnd
from bench.records.findings import Finding, finding
from bench.records.numbers import Refusal, RocPoint, Share, Verdict
from bench.records.plan import Mode
from bench.records.record import Quality
from bench.scoring.numeric import unfinished
from bench.scoring.quality import ONE_SIDED, wilson
from bench.scoring.words import Lexicon
from bench.tasks import TASKS
from bench.tasks.error_class import ErrorClass

Q99 = 0.99
# Where the evaluation set is too small for the paired test, raw outputs decide: the answers must agree as the class
# says, and the numbers must lie in the error class of the precision that was executed.
_AGREEMENT = Q99

# Why nothing can be said; the sentences stand in the catalogues. Without the same samples, stored answers say nothing.
_NO_DATA, _NO_REFERENCE = "no evaluation data", "no reference answers or target"
_OTHER_DATA = "evaluation data differ from the suite's"
_REFUSED = {"too-few-impostors": "too few impostor pairs", "nothing-said": "nothing said"}
_TOO_SMALL = "too few samples to tell a loss from what the files cost"

Judged = tuple[Quality, tuple[Finding, ...]]


def judge_quality(folder: Path, workload: Workload, precision_executed: str, mode: Mode) -> Judged:
    """The verdict on `folder/quality/outputs.safetensors` with its findings; "not verified" where nothing is known."""
    spec = workload.spec.quality
    file = folder / "quality" / "outputs.safetensors"
    if not file.exists():
        nothing = Quality(metric=spec.metric, samples=0, evaluation_samples=spec.evaluation_samples, target=spec.target)
        return nothing, (finding("quality-not-verified", mode, subject=_NO_DATA),)
    arrays, digest = read_arrays(file)
    answered = _answered(arrays, workload, precision_executed)
    indices = answered.indices
    found: tuple[Finding, ...] = ()
    if len(indices) < spec.evaluation_samples:
        found += (finding("quality-subset", mode, len(indices), spec.evaluation_samples),)
    quality, refused = _value(spec, answered)
    bad = answered.unfinished
    if bad:
        failed = msgspec.structs.replace(quality, passed=False)
        return failed, (*found, finding("non-finite-output", mode, bad, 0))
    if refused is not None:
        why = _REFUSED[refused.code]
        return quality, (*found, finding("quality-not-verified", mode, refused.seen, refused.limit, why))
    reference, unlabelled = workload.reference(), answered.labels is None and quality.target is None
    aimless = quality.target is None and not unlabelled
    if reference is None and aimless:
        return quality, (*found, finding("quality-without-target", mode))
    if reference is None or aimless:
        return quality, (*found, finding("quality-not-verified", mode, subject=_NO_REFERENCE))
    if digest != reference.evaluation_sha256:
        return quality, (*found, finding("quality-not-verified", mode, subject=_OTHER_DATA))
    judge = _by_agreement if unlabelled else _against_reference
    judged, more = judge(quality, answered, reference, mode)
    return judged, found + more


@dataclass(frozen=True, slots=True)
class _Answered:
    """Answers to the evaluation samples at `indices`, their labels (None: the data have none), and how to measure.

    `raw` are outputs as the engine gave them, for the samples at `raw_indices`; `unfinished` of the samples that were
    answered gave some that were not finite.
    """

    answers: NamedArrays
    indices: NDArray[np.int64]
    raw: NamedArrays
    raw_indices: NDArray[np.int64]
    unfinished: int
    labels: NDArray[np.generic] | None
    measure: Measure
    error_class: ErrorClass
    words: Lexicon
    from_files: bool

    def held(self, reference: Reference) -> Held | Refusal | None:
        """Raw outputs held to the class of the precision; None for samples from files.

        A lossy file is another input: its raw outputs need not be the reference's, only its answers.
        """
        if self.from_files:
            return None
        return held_to_class(self.raw, self.raw_indices, reference, self.error_class)


def _answered(arrays: NamedArrays, workload: Workload, precision: str) -> _Answered:
    """What a child kept, for the task of its workload."""
    indices = arrays[INDICES].astype(np.int64)
    # In the model's order, which the file does not keep: the first output holds the answer.
    raw = {tensor.name: arrays[tensor.name] for tensor in workload.spec.outputs}
    # By the task, not by what lies in the file: it may come from anybody.
    condensed = TASKS[workload.spec.task].condense is not None
    return _Answered(
        answers=condensed_of(arrays) if condensed else raw,
        indices=indices,
        raw=raw,
        raw_indices=np.arange(len(next(iter(raw.values())))) if condensed else indices,
        unfinished=int(arrays[UNFINISHED]) if condensed else unfinished(raw),
        labels=workload.evaluation_labels(indices),
        measure=MEASURES[workload.spec.task],
        error_class=workload.spec.error_class(precision),
        words=workload.words() if isinstance(workload, KnowsWords) else (),
        from_files=isinstance(workload, EndToEnd),
    )


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
    measured = answered.measure.value(answered.answers, answered.labels)
    if isinstance(measured, Refusal):
        return quality, measured
    value, interval = measured
    also: dict[str, Share] = {}
    if isinstance(answered.measure, TellsMore):
        told = answered.measure.also(answered.answers, answered.labels, answered.words)
        also = {name: Share(value=one, interval=limits) for name, (one, limits) in told.items()}
    roc: tuple[RocPoint, ...] = ()
    if isinstance(answered.measure, TellsCurve):
        roc = answered.measure.curve(answered.answers, answered.labels)
    return msgspec.structs.replace(quality, value=value, interval=interval, also=also, roc=roc), None


def _against_reference(quality: Quality, answered: _Answered, reference: Reference, mode: Mode) -> Judged:
    answers, labels, measure = answered.answers, answered.labels, answered.measure
    stored = {name: reference.answers[name][answered.indices] for name in answers if name in reference.answers}
    held = answered.held(reference)
    unverified = quality, (finding("quality-not-verified", mode, subject=_NO_REFERENCE),)
    if isinstance(held, Refusal) or labels is None:
        return unverified
    target = _target_on_samples(quality, reference, lambda: measure.value(stored, labels))
    verdict = measure.verdict(answers, stored, labels, target, Q99)
    if isinstance(verdict, Refusal):
        return unverified
    agreed = measure.agreement(answers, stored, labels)
    within = held is None or held.within
    passed = _passed(verdict, agreed, within, answered)
    found = held.findings(mode) if held is not None else []
    if passed is None:
        found.append(finding("quality-not-verified", mode, quality.samples, verdict.samples_needed, _TOO_SMALL))
    elif not passed:
        found.append(finding("quality-failed", mode, verdict.value, verdict.target, quality.metric))
    judged = msgspec.structs.replace(
        quality,
        verdict=verdict,
        error=held.error if held is not None else None,
        agreement=agreed,
        judged_by="nothing" if passed is None else "agreement" if verdict.passed is None else "paired-difference",
        passed=passed and within,
    )
    return judged, tuple(found)


def _by_agreement(quality: Quality, answered: _Answered, reference: Reference, mode: Mode) -> Judged:
    """Without labels the share of answers that are the reference's is what can be said, and how far the numbers are."""
    unverified = quality, (finding("quality-not-verified", mode, subject=_NO_REFERENCE),)
    stored = {name: reference.answers[name][answered.indices] for name in answered.answers if name in reference.answers}
    held = answered.held(reference)
    if isinstance(held, Refusal) or not stored:
        return unverified
    agreed = answered.measure.agreement(answered.answers, stored, None)
    samples, within = len(answered.indices), held is None or held.within
    same = _agrees(agreed, samples, exact=not answered.from_files and answered.error_class.precision != "int8")
    found = held.findings(mode) if held is not None else []
    if not same:
        found.append(finding("quality-failed", mode, agreed, _AGREEMENT, quality.metric))
    judged = msgspec.structs.replace(
        quality,
        value=agreed,
        interval=wilson(round(agreed * samples), samples),
        target=_AGREEMENT,
        error=held.error if held is not None else None,
        agreement=agreed,
        judged_by="agreement",
        passed=same and within,
    )
    return judged, tuple(found)


def _passed(verdict: Verdict, agreed: float, within: bool, answered: _Answered) -> bool | None:
    """By the paired difference where the set is large enough, else by agreement of the answers.

    What a lossy format changes is no fault of the engine's: where its files have cost more than agreement allows, a
    small set cannot tell that from a loss.
    """
    if verdict.passed is not None:
        return verdict.passed
    if within and _agrees(
        agreed, len(answered.indices), exact=not answered.from_files and answered.error_class.precision != "int8"
    ):
        return True
    return None if answered.from_files else False


def _agrees(agreed: float, samples: int, exact: bool) -> bool:
    """Whether as many answers are the reference's as a class asks for.

    In floating point only near ties turn over. int8 and lossy files turn over some more, a few in a thousand, so that
    on a small set only a share that is proven too small (one-sided 95 %) speaks against them.
    """
    if exact:
        return agreed >= _AGREEMENT
    return wilson(round(agreed * samples), samples, 2 * ONE_SIDED - 1).high >= _AGREEMENT


def _target_on_samples(quality: Quality, reference: Reference, of_reference: Callable[[], Value | Refusal]) -> float:
    """The absolute target; on a subset scaled by how hard its samples are to the reference.

    Unscaled, a perfect engine would fail one subset in ten by the luck of the draw.
    """
    assert quality.target is not None
    if quality.samples >= quality.evaluation_samples or reference.value <= 0:
        return quality.target
    measured = of_reference()
    if isinstance(measured, Refusal):
        return quality.target
    return min(1.0, quality.target * measured[0] / reference.value)
