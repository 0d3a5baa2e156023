"""What a file answers in onnxruntime: on the evaluation set against the reference, or beside another file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.measures import MEASURES
from bench.models.base import NamedArrays, Reference
from bench.models.suite import SuiteWorkload
from bench.records.numbers import Refusal, Verdict
from bench.scoring.numeric import agreement, sample_errors
from bench.tasks import TASKS
from bench.tasks.base import Outputs, joined

Indices = NDArray[np.int64]
_CHUNK = 16
_SHARE = 0.99  # class q99


@dataclass(frozen=True, slots=True)
class Assessed:
    """Quality of a file on evaluation samples: the verdict of class q99, and how often it answers as the reference."""

    verdict: Verdict
    agreement: float

    @property
    def loss_at_most(self) -> float:
        """What is lost against the reference at worst: end of the one-sided 95 % interval of the paired difference."""
        return -self.verdict.difference.low


@dataclass(frozen=True, slots=True)
class Beside:
    """Answers of one file against another's: how often the same, and relative errors of raw outputs."""

    agreement: float
    median_error: float
    error_95: float


def answers(
    path: Path,
    inputs: Callable[[Indices], NamedArrays],
    count: int,
    condense: Callable[[Outputs], NamedArrays] | None = None,
) -> NamedArrays:
    """Answers (count, …) by name to `count` samples, which are made a chunk at a time: outputs, or condensed ones."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    parts: list[NamedArrays] = []
    for first in range(0, count, _CHUNK):
        found = session.run(names, inputs(np.arange(first, min(first + _CHUNK, count))))
        outputs = dict(zip(names, found, strict=True))
        parts.append(outputs if condense is None else condense(outputs))
    return joined(parts)


def assessed(workload: SuiteWorkload, reference: Reference, outputs: NamedArrays) -> Assessed:
    """Judge answers to the first evaluation samples, as many as there are, against the reference's to the same ones."""
    count = len(next(iter(outputs.values())))
    indices = np.arange(count)
    stored = {name: reference.answers[name][:count] for name in outputs}
    labels, measure = workload.evaluation_labels(indices), MEASURES[workload.spec.task]
    if labels is None:
        raise ValueError(f"{workload.spec.name} has no labels, so that nothing can be said of its quality.")
    verdict = measure.verdict(outputs, stored, labels, workload.spec.quality.target or 0.0, _SHARE)
    if isinstance(verdict, Refusal):
        raise ValueError(
            f"{count} samples of {workload.spec.name} are too few; {verdict.limit:g} of {verdict.code} needed"
        )
    return Assessed(verdict, measure.agreement(outputs, stored, labels))


def beside(task: str, outputs: NamedArrays, others: NamedArrays) -> Beside:
    """Compare the first raw output of two files on the same samples; agreement is of answers where a task condenses."""
    first, condense = next(iter(outputs)), TASKS[task].condense
    errors = sample_errors(outputs[first], others[first])
    agreed = (
        agreement(outputs[first], others[first])
        if condense is None
        else MEASURES[task].agreement(condense(outputs), condense(others), None)
    )
    return Beside(
        agreement=agreed,
        median_error=float(np.median(errors)),
        error_95=float(np.quantile(errors, 0.95)),
    )
