"""The data module of a workload: what it gives, whether it gives it again, and whether timing stays off evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.models.base import NamedArrays, Workload
from bench.plugins import one_line
from bench.records.workload_check import Remark, seen, wrong

# So many are looked at: a data set of pictures may take a core a hundredth of a second for each.
LOOKED_AT, TIMED, NEIGHBOURS = 256, 64, 5
_MOST_BYTES = 256 << 20  # of samples held at once; video frames are large
# Tasks whose label is the number of the largest of the first output's scores.
CLASSES = frozenset({"classify", "command"})
_SEEDS = (1, 2)


class Unusable(Exception):
    """What was given cannot be looked at further."""

    def __init__(self, *remarks: Remark) -> None:
        super().__init__(remarks[0].code)
        self.remarks = remarks


def evaluation(workload: Workload) -> Iterator[Remark]:
    """Evaluation samples: as declared, and each a function of its number alone."""
    total = workload.spec.quality.evaluation_samples
    count = _fitting(workload, min(total, LOOKED_AT))
    call = f"evaluation_inputs(0 … {count - 1})"
    whole = arrays(call, workload.spec.inputs, count, lambda: workload.evaluation_inputs(np.arange(count)))
    few = np.unique(np.linspace(0, count - 1, NEIGHBOURS, dtype=np.int64))[::-1]
    apart = arrays(
        f"evaluation_inputs({few.tolist()})", workload.spec.inputs, len(few), lambda: workload.evaluation_inputs(few)
    )
    for name, array in whole.items():
        differing = [
            int(index) for place, index in enumerate(few) if array[index].tobytes() != apart[name][place].tobytes()
        ]
        if differing:
            yield wrong("not-by-number", call="evaluation_inputs", index=differing[0])
    last = np.array([total - 1])
    arrays(f"evaluation_inputs([{total - 1}])", workload.spec.inputs, 1, lambda: workload.evaluation_inputs(last))


def labels(workload: Workload) -> Iterator[Remark]:
    """One label for each evaluation sample, inside the classes."""
    total = workload.spec.quality.evaluation_samples
    try:
        given: object = workload.evaluation_labels(np.arange(total))
    except Exception as error:  # noqa: BLE001 - the author's code may raise anything
        yield wrong("call-failed", call="evaluation_labels", error=one_line(error))
        return
    if given is None:
        yield seen("no-labels")
        return
    of_classes = workload.spec.task in CLASSES
    declared = f"int64 ({total},)" if of_classes else f"({total}, …)"
    if not isinstance(given, np.ndarray) or given.shape[:1] != (total,) or (of_classes and given.dtype != np.int64):
        yield wrong("array-differs", call="evaluation_labels", name="labels", found=told(given), declared=declared)
    elif of_classes:
        yield from _classes(given, int(np.prod(workload.spec.outputs[0].shape)))


def _classes(given: NDArray[np.int64], classes: int) -> Iterator[Remark]:
    outside = np.flatnonzero((given < 0) | (given >= classes))
    if len(outside):
        yield wrong("label-outside", index=outside[0], value=given[outside[0]], count=len(outside), last=classes - 1)
    present = np.unique(given)
    if len(present) == 1 and classes > 1:
        yield wrong("one-label", value=present[0])
    elif not len(outside):
        yield seen("labels-seen", present=len(present), classes=classes, samples=len(given))


def timing(workload: Workload) -> Iterator[Remark]:
    """Samples for timing: as declared, a function of the seed, distinct, and none of them an evaluation sample."""
    count = _fitting(workload, min(workload.spec.load.samples, TIMED))
    first, again, other = (_timed(workload, count, seed) for seed in (_SEEDS[0], *_SEEDS))
    if _digest(first) != _digest(again):
        yield wrong("not-again", call=f"load_inputs({count}, {_SEEDS[0]})")
    if _digest(first) == _digest(other):
        yield wrong("seed-ignored", call="load_inputs", seeds=f"{_SEEDS[0]}, {_SEEDS[1]}")
    drawn = _samples(first)
    if len(set(drawn)) < count:
        yield wrong("not-distinct", count=count - len(set(drawn)), total=count)
    looked_at = _fitting(workload, min(workload.spec.quality.evaluation_samples, LOOKED_AT))
    known = set(_samples(workload.evaluation_inputs(np.arange(looked_at))))
    shared = sum(sample in known for sample in drawn)
    if shared:
        yield wrong("timed-evaluation", count=shared, total=count)


def fingerprint(workload: Workload) -> str:
    """SHA-256 of some evaluation samples and some for timing, to be compared with another process's."""
    few = np.arange(min(workload.spec.quality.evaluation_samples, NEIGHBOURS))
    count = min(workload.spec.load.samples, NEIGHBOURS)
    return _digest(workload.evaluation_inputs(few)) + _digest(workload.load_inputs(count, _SEEDS[0]))


def arrays(call: str, tensors: Sequence[Tensor], count: int, make: Callable[[], object]) -> NamedArrays:
    """What `make` gives, where it is as declared. Raises Unusable."""
    try:
        given = make()
    except Exception as error:  # noqa: BLE001 - the author's code may raise anything
        raise Unusable(wrong("call-failed", call=call, error=one_line(error))) from None
    names = [tensor.name for tensor in tensors]
    if not isinstance(given, dict) or sorted(map(str, given)) != sorted(names):
        found = ", ".join(map(str, given)) if isinstance(given, dict) else type(given).__name__
        raise Unusable(wrong("names-differ", call=call, found=found, declared=", ".join(names)))
    faults = [fault for tensor in tensors for fault in _array_faults(call, tensor, count, given[tensor.name])]
    if faults:
        raise Unusable(*faults)
    return given


def _array_faults(call: str, tensor: Tensor, count: int, array: object) -> Iterator[Remark]:
    shape = (count, *tensor.shape)
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(tensor.dtype) or array.shape != shape:
        declared = f"{tensor.dtype} {shape}"
        yield wrong("array-differs", call=call, name=tensor.name, found=told(array), declared=declared)
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        yield wrong("not-finite", call=call, name=tensor.name)


def told(array: object) -> str:
    """Type and shape in words."""
    return f"{array.dtype.name} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__


def _fitting(workload: Workload, count: int) -> int:
    """`count`, or as many samples as may be held at once."""
    sizes = [np.dtype(tensor.dtype).itemsize * int(np.prod(tensor.shape)) for tensor in workload.spec.inputs]
    return min(count, max(NEIGHBOURS, _MOST_BYTES // sum(sizes)))


def _timed(workload: Workload, count: int, seed: int) -> NamedArrays:
    call = f"load_inputs({count}, {seed})"
    return arrays(call, workload.spec.inputs, count, lambda: workload.load_inputs(count, seed))


def _samples(inputs: NamedArrays) -> list[bytes]:
    """The bytes of each sample, all its inputs together, by their digest."""
    rows = zip(*(inputs[name] for name in sorted(inputs)), strict=True)
    return [hashlib.sha256(b"".join(part.tobytes() for part in row)).digest() for row in rows]


def _digest(inputs: NamedArrays) -> str:
    return hashlib.sha256(b"".join(_samples(inputs))).hexdigest()
