"""Reference answers of a workload: whether the kept ones are those of its network to its data, and making them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from bench.authoring.data import told
from bench.loadgen.keeping import evaluation_fingerprint
from bench.measures import MEASURES, Value
from bench.models.base import NamedArrays, Reference, Workload
from bench.models.challenge import reference_answers
from bench.models.suite import REFERENCE
from bench.plugins import one_line
from bench.records.numbers import Refusal
from bench.records.untrusted import BadFile
from bench.records.workload_check import Remark, seen, wrong
from bench.store.files import write_bytes
from bench.tasks import TASKS
from bench.tasks.base import RAW_SAMPLES, joined
from bench.tasks.ragged import packed

_CHUNK = 64
_TOLERANCE = 1e-6  # of the kept value: it is written with six digits


def remarks_on(workload: Workload) -> Iterator[Remark]:
    """What is wrong with the kept answers; that there are none is no fault."""
    try:
        kept = workload.reference()
    except (BadFile, OSError, ValueError) as error:
        yield wrong("unusable", error=str(error).splitlines()[0])
        return
    except Exception as error:  # noqa: BLE001 - safetensors raises a type of its own for a broken file
        yield wrong("unusable", error=one_line(error))
        return
    if kept is None:
        yield seen("no-reference")
        return
    found = evaluation_fingerprint(workload)
    if kept.evaluation_sha256 != found:
        yield wrong("reference-of-other-data", kept=kept.evaluation_sha256[:16], found=found[:16])
    faults = list(_faults(workload, kept))
    yield from faults
    if not faults:
        yield from _value(workload, kept)


def _faults(workload: Workload, kept: Reference) -> Iterator[Remark]:
    for tensor in workload.spec.outputs:
        shape = (_raw_samples(workload), *tensor.shape)
        array = kept.outputs.get(tensor.name)
        if array is None or array.shape != shape:
            found = "-" if array is None else told(array)
            yield wrong("array-differs", call=REFERENCE, name=tensor.name, found=found, declared=f"{shape}")
        elif array.dtype.kind == "f" and not np.isfinite(array).all():
            yield wrong("not-finite", call=REFERENCE, name=tensor.name)


def _raw_samples(workload: Workload) -> int:
    """Of how many samples, the first ones, raw outputs are kept."""
    total = workload.spec.quality.evaluation_samples
    return total if TASKS[workload.spec.task].condense is None else min(RAW_SAMPLES, total)


def _value(workload: Workload, kept: Reference) -> Iterator[Remark]:
    """The metric that its answers reach, against what is written beside them and what is asked of engines."""
    measured = measured_quality(workload, kept.answers)
    target = workload.spec.quality.target
    if measured is None:
        return
    value, _ = measured
    if abs(value - kept.value) > _TOLERANCE:
        yield wrong("reference-value", kept=f"{kept.value:.6g}", found=f"{value:.6g}")
    if target is not None and target > value:
        yield wrong("target-above", target=f"{target:g}", value=f"{value:.4f}")
    else:
        yield seen("reference-seen", value=f"{value:.4f}", target="-" if target is None else f"{target:g}")


def measured_quality(workload: Workload, answers: NamedArrays) -> Value | None:
    """What answers to the whole evaluation set are worth; None without labels, or where they are too few to say."""
    indices = np.arange(workload.spec.quality.evaluation_samples)
    labels = workload.evaluation_labels(indices)
    if labels is None:
        return None
    measured = MEASURES[workload.spec.task].value(answers, labels)
    return None if isinstance(measured, Refusal) else measured


def write_reference(workload: Workload, package: Path, observe: Callable[[int, int], None]) -> float | None:
    """Answer the evaluation set in double precision, keep it in `package`, and return the metric (None: no labels).

    `observe` is called with samples done and in all. Onnx's own evaluator computes, operator by operator: seconds for
    a sample of a large network. Raises NoChallenge for a network that it does not know.
    """
    total = workload.spec.quality.evaluation_samples
    graph = workload.model().path
    condense = TASKS[workload.spec.task].condense
    raw: list[NamedArrays] = []
    condensed: list[NamedArrays] = []
    for first in range(0, total, _CHUNK):
        observe(first, total)
        indices = np.arange(first, min(first + _CHUNK, total))
        answered = reference_answers(graph, workload.evaluation_inputs(indices), lambda: None)
        part = {tensor.name: answered[tensor.name].astype(tensor.dtype) for tensor in workload.spec.outputs}
        if condense is not None:
            condensed.append(condense(part))
        if condense is None or first < _raw_samples(workload):
            raw.append(part)
    outputs = {name: array[: _raw_samples(workload)] for name, array in joined(raw).items()}
    answers = None if condense is None else joined(condensed)
    measured = measured_quality(workload, outputs if answers is None else answers)
    _keep(workload, package / REFERENCE, outputs, answers, measured)
    return None if measured is None else measured[0]


def _keep(
    workload: Workload, folder: Path, outputs: NamedArrays, answers: NamedArrays | None, measured: Value | None
) -> None:
    import onnx
    from safetensors.numpy import save

    value, low, high = (0.0, 0.0, 1.0) if measured is None else (measured[0], measured[1].low, measured[1].high)
    kept = {
        "metric": workload.spec.quality.metric,
        "value": value,
        "interval": [round(low, 6), round(high, 6)],
        "samples": workload.spec.quality.evaluation_samples,
        "evaluation_sha256": evaluation_fingerprint(workload),
        "computed_with": {"onnx": onnx.__version__, "numpy": np.__version__, "arithmetic": "float64"},
    }
    write_bytes(folder / "outputs.safetensors", save(outputs))
    if answers is not None:
        write_bytes(folder / "answers.safetensors", save(packed(answers)))
    write_bytes(folder / "reference.json", msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
