"""What corrupted samples cost a session: quality and paired loss under each condition, beside the reference's loss."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.loadgen.keeping import INDICES, condensed_of
from bench.loadgen.robustness import STRESSED, STRESSED_SHA256
from bench.measures import MEASURES
from bench.models.base import NamedArrays, Workload
from bench.models.stress import conditions_of
from bench.models.stress_reference import CLEAN, StressReference
from bench.records.findings import Finding, finding
from bench.records.numbers import Refusal
from bench.records.plan import Mode
from bench.records.robustness import Robustness, Stressed
from bench.robustness import Condition
from bench.scoring.robustness import larger_loss_p, loss
from bench.spoilt import COSTS, Cost
from bench.tasks import TASKS
from bench.tasks.classify import top_class

Bools = NDArray[np.bool_]

# What a session may lose beyond the reference: the hundredth that quality class `q99` allows on clean samples.
_ALLOWED = 0.01
# Fewer stored answers than this say nothing.
_LEAST_COVERED = 100
# Over all conditions of a record together: each is held against its share of it (Bonferroni).
_SIGNIFICANT = 0.05

Judged = tuple[Robustness | None, tuple[Finding, ...]]


class _Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Which samples were asked, and what was answered: outputs by name, clean and under each condition."""

    indices: NDArray[np.int64]
    clean: NamedArrays
    stressed: dict[str, NamedArrays]
    digest: str | None


def judge_robustness(folder: Path, workload: Workload, mode: Mode) -> Judged:
    """The losses of a trial in `folder`, which still holds the child's files; None where nothing was asked for."""
    answers = _read(folder, workload)
    if answers is None:
        return None, ()
    labels = workload.evaluation_labels(answers.indices)
    if labels is None:
        return None, ()
    spec, task = workload.spec.quality, TASKS[workload.spec.task]
    measured, costs = MEASURES[task.name].value(answers.clean, labels), COSTS[task.name](answers.clean, labels)
    if isinstance(measured, Refusal) or isinstance(costs, Refusal):
        return None, ()  # the quality check tells why
    # Beside the reference, single answers are held one by one, and others not at all.
    reference = workload.stress_reference() if task.single_answers else None
    known = _Known.of(reference, answers) if reference is not None else None
    stressed = tuple(
        _judge(condition, costs(answers.stressed[condition.name]), answers, labels, known)
        for condition in conditions_of(workload.spec)
        if condition.name in answers.stressed
    )
    robustness = Robustness(
        metric=spec.metric,
        samples=len(answers.indices),
        evaluation_samples=spec.evaluation_samples,
        value=measured[0],
        interval=measured[1],
        stressed=stressed,
        reference_samples=int(known.covered.sum()) if known is not None else 0,
    )
    return robustness, _findings(stressed, mode)


def _right(outputs: NamedArrays, labels: NDArray[np.generic]) -> Bools:
    """Whether each of single answers is right, (n,); one that holds NaN is not."""
    right: Bools = top_class(outputs) == labels
    return right


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The reference's answers to the samples that were asked: `covered` says of which they are stored."""

    reference: StressReference
    covered: Bools
    indices: NDArray[np.int64]

    @staticmethod
    def of(reference: StressReference, answers: _Answers) -> _Known | None:
        """None where the reference was asked other samples, or too few of these."""
        covered: Bools = answers.indices < reference.samples
        if reference.stressed_sha256 != answers.digest or covered.sum() < min(_LEAST_COVERED, len(covered)):
            return None
        return _Known(reference=reference, covered=covered, indices=answers.indices[covered])

    def right(self, condition: str, amount: float | None = None) -> Bools | None:
        stored = self.reference.answers(condition, amount)
        return None if stored is None else stored[self.indices]


def _judge(
    condition: Condition, cost: Cost, answers: _Answers, labels: NDArray[np.generic], known: _Known | None
) -> Stressed:
    (value, interval), (lost, lost_interval) = cost.value, cost.loss
    plain = Stressed(
        corruption=condition.corruption.name,
        level=condition.level,
        amount=condition.amount,
        unit=condition.corruption.unit,
        value=value,
        interval=interval,
        loss=lost,
        loss_interval=lost_interval,
    )
    before = known.right(CLEAN) if known is not None else None
    after = known.right(condition.name, condition.amount) if known is not None else None
    if known is None or before is None or after is None:
        return plain
    clean, right = _right(answers.clean, labels), _right(answers.stressed[condition.name], labels)
    own = clean[known.covered], right[known.covered]
    theirs = loss(before, after)[0]
    return msgspec.structs.replace(
        plain,
        reference_value=float(after.mean()),
        reference_loss=theirs,
        excess_loss=loss(*own)[0] - theirs,
        larger_loss_p=larger_loss_p(*own, before, after),
    )


def _findings(stressed: tuple[Stressed, ...], mode: Mode) -> tuple[Finding, ...]:
    """One finding for each corruption under which more is lost than by the reference: its worst level."""
    worst: dict[str, Stressed] = {}
    for one in stressed:
        if _loses_more(one, len(stressed)) and (
            one.corruption not in worst or _excess(one) > _excess(worst[one.corruption])
        ):
            worst[one.corruption] = one
    return tuple(
        finding("robustness-loss", mode, one.loss, one.reference_loss, one.corruption) for one in worst.values()
    )


def _loses_more(one: Stressed, compared: int) -> bool:
    return one.larger_loss_p is not None and one.larger_loss_p < _SIGNIFICANT / compared and _excess(one) > _ALLOWED


def _excess(one: Stressed) -> float:
    return one.excess_loss or 0.0


def _read(folder: Path, workload: Workload) -> _Answers | None:
    from safetensors import safe_open

    file, clean = folder / STRESSED / "outputs.safetensors", folder / "quality" / "outputs.safetensors"
    if not file.exists() or not clean.exists():
        return None
    with safe_open(clean, framework="numpy") as opened:
        plain = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
    # In the model's order, which a file does not keep: the first output holds the answer.
    raw = [tensor.name for tensor in workload.spec.outputs]
    judged = condensed_of(plain) if TASKS[workload.spec.task].condense else {name: plain[name] for name in raw}
    with safe_open(file, framework="numpy") as opened:
        kept = set(opened.keys())
        return _Answers(
            indices=opened.get_tensor(INDICES).astype(np.int64),
            clean=judged,
            stressed={
                condition.name: {name: opened.get_tensor(f"{condition.name}/{name}") for name in judged}
                for condition in conditions_of(workload.spec)
                if all(f"{condition.name}/{name}" in kept for name in judged)
            },
            digest=(opened.metadata() or {}).get(STRESSED_SHA256),
        )
