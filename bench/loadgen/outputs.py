"""Output arrays that the harness owns: poisoned before use, checked after it, and secretly sampled for recomputation.

Work is done per ring of slots and not per query, so that the discipline costs nanoseconds where queries are short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.backends.poison import PATTERN, poison

Named = dict[str, NDArray[np.generic]]
Span = tuple[int, int]  # first sample, and how many
RING_BYTES = 64 << 10  # small enough to stay in a first- or second-level cache
_MOST_SLOTS = 1024
# A single int8 or int16 may well be the pattern.
_LEAST_TELLING = 4
# So many of a sample's numbers are looked at where only a glance is taken.
_GLANCE = 16


class OutputRing:
    """Slots of output arrays for one worker, each (batch, …) per output, used in turn and settled together."""

    def __init__(self, outputs: Sequence[Tensor], batch: int, worker: int = 0) -> None:
        self.worker = worker
        one_slot = sum(np.dtype(t.dtype).itemsize * batch * int(np.prod(t.shape, dtype=np.int64)) for t in outputs)
        count = max(1, min(_MOST_SLOTS, RING_BYTES // max(one_slot, 1)))
        self._batch = batch
        self._arrays: Named = {t.name: np.empty((count, batch, *t.shape), t.dtype) for t in outputs}
        self.slots: list[Named] = [{name: array[i] for name, array in self._arrays.items()} for i in range(count)]
        self.bad_samples = 0

    def poison(self) -> None:
        """Fill every slot with what no answer holds: NaN, or a byte pattern for integers and truth values."""
        for array in self._arrays.values():
            poison(array)

    def part(self, slot: int, count: int) -> Named:
        """The first `count` samples of a slot; the others are filled with what counts as answered."""
        whole = self.slots[slot]
        if count == self._batch:
            return whole
        for array in whole.values():
            array[count:] = 0
        return {name: array[:count] for name, array in whole.items()}

    def blank(self, slot: int) -> None:
        """Fill a slot with what counts as answered."""
        for array in self.slots[slot].values():
            array.fill(0)

    def is_untouched(self, slot: int, sample: int) -> bool:
        """Whether the last numbers of a sample are still what `poison` left in any output; cheap, for one look."""
        return any(_is_poison(array[slot, sample : sample + 1]) for array in self._arrays.values())

    def settle(self, used: int) -> None:
        """Count samples in the first `used` slots that hold NaN, infinity or an untouched pattern in any output."""
        if used == 0:
            return
        found = [bad for array in self._arrays.values() if (bad := _bad_samples(array[:used])) is not None]
        if found:
            self.bad_samples += int(np.logical_or.reduce(found).sum())

    def copy(self, slot: int, count: int) -> Named:
        """The harness's own copy of the first `count` samples in a slot."""
        return {name: array[:count].copy() for name, array in self.slots[slot].items()}


def _bad_samples(part: NDArray[np.generic]) -> NDArray[np.bool_] | None:
    """Which samples of (slots, batch, …) are no answers, (slots · batch,); None where all may be."""
    if np.issubdtype(part.dtype, np.inexact):
        # A sum is finite only if its terms are; each sample is looked at only where it is not.
        wide = np.float32 if part.dtype == np.float16 else None
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(part.sum(dtype=wide)):
                return None
        broken: NDArray[np.bool_] = (~np.isfinite(_per_sample(part))).any(axis=1)
        return broken
    if part.dtype != np.bool_ and part[:1, :1].nbytes < _LEAST_TELLING:
        return None
    unwritten: NDArray[np.bool_] = (_as_bytes(_per_sample(part)) == PATTERN).all(axis=1)
    return unwritten


def _is_poison(part: NDArray[np.generic]) -> bool:
    """Whether the end of (1, …) is untouched; False where an answer could look the same."""
    end = part.reshape(-1)[-_GLANCE:]
    if np.issubdtype(part.dtype, np.inexact):
        return bool(end.size and np.isnan(end).all())
    if part.dtype != np.bool_ and end.nbytes < _LEAST_TELLING:
        return False
    return bool(end.size and (_as_bytes(end) == PATTERN).all())


def _as_bytes(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    return array.view(np.uint8)


def _per_sample(part: NDArray[np.generic]) -> NDArray[np.generic]:
    samples = part.shape[0] * part.shape[1]
    return np.ascontiguousarray(part).reshape(samples, -1)


class Kept:
    """Rows' outputs, and the worker that answered each, by the number of its first sample in the order of issue."""

    def __init__(self) -> None:
        self.kept: dict[int, Named] = {}
        self.worker: dict[int, int] = {}


class SecretSample(Kept):
    """Keeps copies of some rows' outputs; which rows is drawn only after their outputs were delivered.

    At least one row of every worker, so that no device goes unchecked beside others, and about `share` of all rows; at
    most `most_samples` samples are expected to be kept beyond these.
    """

    def __init__(self, rows: int, batch: int, seed: int, share: float = 0.01, most_samples: int = 4096) -> None:
        least = min(1.0, 4 / max(rows, 1))
        super().__init__()
        self._probability = min(1.0, max(least, min(share, most_samples / max(rows * batch, 1))))
        self._rng = np.random.default_rng(seed)
        self._seen: set[int] = set()

    def draw(self, used: int, span: Callable[[int], Span | None], ring: OutputRing, last: bool) -> None:
        """Choose among the first `used` slots of `ring`; `span` tells what a slot holds, None: nothing to keep."""
        wanted = int(self._probability * used + self._rng.random())
        if ring.worker not in self._seen or (last and not self.kept):
            wanted = max(wanted, 1)
        if not wanted:
            return
        for slot in self._rng.choice(used, size=min(wanted, used), replace=False).tolist():
            held = span(slot)
            if held is not None:
                self.kept[held[0]] = ring.copy(slot, held[1])
                self.worker[held[0]] = ring.worker
                self._seen.add(ring.worker)
