"""One look at the network through the reference engine: batches of one and of three, the same answers in both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.backends.base import EngineError, Options, Session
from bench.backends.registry import load_backend
from bench.loadgen.outputs import OutputRing
from bench.models.base import NamedArrays, Workload
from bench.records.workload_check import Remark, seen, wrong
from bench.scoring.numeric import sample_errors
from bench.tasks.base import ERROR_CLASS

_ENGINE = "onnxruntime"
_BATCH = 3
_LIMIT = ERROR_CLASS["fp32"]
# Another batch may take another kernel.
_BATCH_LIMIT = 10 * _LIMIT


def remarks_on(workload: Workload) -> Iterator[Remark]:
    """What goes wrong when the first evaluation samples are answered."""
    backend = load_backend(_ENGINE)
    options = Options(precision="fp32", max_batch=_BATCH, workers=1, threads=1)
    count = min(_BATCH, workload.spec.quality.evaluation_samples)
    inputs = workload.evaluation_inputs(np.arange(count))
    try:
        compiled = backend.compile(workload.model(), backend.devices()[0], options)
        session = compiled.open(0)
        together = _answers(session, workload, inputs, 0, count)
        singly = [_answers(session, workload, inputs, index, 1) for index in range(count)]
    except EngineError as error:
        yield wrong("engine-fails", engine=_ENGINE, error=error)
        return
    bad = [name for name, array in together.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if bad:
        yield from (wrong("not-finite", call=_ENGINE, name=name) for name in bad)
        return
    apart = {name: np.concatenate([one[name] for one in singly]) for name in together}
    between = _error(together, apart)
    if between > _BATCH_LIMIT:
        yield wrong("batch-matters", batch=count, error=f"{between:.2g}", limit=f"{_BATCH_LIMIT:g}")
    else:
        yield seen("ran", engine=_ENGINE, batch=count, error=f"{between:.2g}")
    yield from _against_reference(workload, together, count)


def _answers(session: Session, workload: Workload, inputs: NamedArrays, first: int, count: int) -> NamedArrays:
    ring = OutputRing(workload.spec.outputs, count)
    ring.poison()
    session.run({name: array[first : first + count].copy() for name, array in inputs.items()}, ring.slots[0])
    return ring.copy(0, count)


def _against_reference(workload: Workload, found: NamedArrays, count: int) -> Iterator[Remark]:
    kept = workload.reference()
    if kept is None or any(name not in kept.outputs for name in found):
        return
    expected = {name: kept.outputs[name][:count] for name in found}
    if any(expected[name].shape != found[name].shape for name in found):
        return  # told where the reference is looked at
    error = _error(found, expected)
    if not error <= _LIMIT:
        yield wrong("reference-of-other-model", engine=_ENGINE, error=f"{error:.2g}", limit=f"{_LIMIT:g}")


def _error(found: NamedArrays, expected: NamedArrays) -> float:
    return max(float(sample_errors(found[name], expected[name]).max()) for name in found)
