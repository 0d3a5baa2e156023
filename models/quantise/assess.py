"""What a file answers in onnxruntime: on the evaluation set against the reference, or beside another file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.measures import MEASURES
from bench.models.base import NamedArrays, Reference
from bench.models.suite import SuiteWorkload
from bench.records.numbers import Refusal, RelativeError, Verdict
from bench.scoring.numeric import agreement, sample_errors, worst_output_error
from bench.tasks import TASKS
from bench.tasks.base import RAW_SAMPLES, Task, joined
from bench.tasks.error_class import ErrorClass

Indices = NDArray[np.int64]
_CHUNK = 16
_SHARE = 0.99  # class q99
INT8 = ErrorClass("int8")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a file answers to samples: all that a measure takes, and raw outputs (of the first, where it condenses)."""

    answers: NamedArrays
    raw: NamedArrays


@dataclass(frozen=True, slots=True)
class Assessed:
    """Quality of a file on evaluation samples: verdict of class q99, same answers as the reference's, raw errors."""

    verdict: Verdict
    agreement: float
    error: RelativeError

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


def answers(path: Path, inputs: Callable[[Indices], NamedArrays], count: int) -> NamedArrays:
    """Raw outputs (count, …) by name to `count` samples, which are made a chunk at a time."""
    return joined(list(_chunks(path, inputs, count)))


def answered(path: Path, inputs: Callable[[Indices], NamedArrays], count: int, task: Task) -> Answered:
    """As a run keeps them: answers to `count` samples, and raw outputs to as many as are compared."""
    if task.condense is None:
        found = answers(path, inputs, count)
        return Answered(found, found)
    parts: list[NamedArrays] = []
    raw: list[NamedArrays] = []
    for number, outputs in enumerate(_chunks(path, inputs, count)):
        parts.append(task.condense(outputs))
        if number * _CHUNK < RAW_SAMPLES:
            raw.append(outputs)
    first = {name: array[:RAW_SAMPLES] for name, array in joined(raw).items()}
    return Answered(joined(parts), first)


def _chunks(path: Path, inputs: Callable[[Indices], NamedArrays], count: int) -> Iterator[NamedArrays]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # As the backend has it: without it 8-bit sums saturate on processors that have AVX2 but no VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for first in range(0, count, _CHUNK):
        found = session.run(names, inputs(np.arange(first, min(first + _CHUNK, count))))
        yield dict(zip(names, found, strict=True))


def assessed(workload: SuiteWorkload, reference: Reference, found: Answered, kind: ErrorClass = INT8) -> Assessed:
    """Judge answers to the first evaluation samples, as many as there are, against the reference's to the same ones.

    Of several outputs the error is that of the one that is furthest off, by the figure that `kind` holds.
    """
    outputs = found.answers
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
    agreed = measure.agreement(outputs, stored, labels)
    return Assessed(verdict, agreed, raw_error(found.raw, reference, kind))


def raw_error(raw: NamedArrays, reference: Reference, kind: ErrorClass = INT8) -> RelativeError:
    """How far raw outputs to the first samples are from the reference's. Raises ValueError for what is not finite."""
    kept = {name: stored[: len(raw[name])] for name, stored in reference.outputs.items() if name in raw}
    error = worst_output_error(raw, kept, kind.by_median)
    if isinstance(error, Refusal):
        raise ValueError(f"{error.seen:g} samples gave outputs that are not finite")
    return error


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
