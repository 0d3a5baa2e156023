"""Output arrays that the harness owns: poisoned before use, checked after it, and secretly sampled for recomputation.

Work is done per ring of slots and not per query, so that the discipline costs nanoseconds where queries are short.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor

Named = dict[str, NDArray[np.generic]]
RING_BYTES = 64 << 10  # small enough to stay in a first- or second-level cache
_MOST_SLOTS = 1024
_POISON = 0x5A  # no truth value, and no likely integer once it fills four bytes
# A single int8 or int16 may well be the pattern.
_LEAST_TELLING = 4


class OutputRing:
    """Slots of output arrays for one worker, each (batch, …) per output, used in turn and settled together."""

    def __init__(self, outputs: Sequence[Tensor], batch: int) -> None:
        one_slot = sum(np.dtype(t.dtype).itemsize * batch * int(np.prod(t.shape, dtype=np.int64)) for t in outputs)
        count = max(1, min(_MOST_SLOTS, RING_BYTES // max(one_slot, 1)))
        self._arrays: Named = {t.name: np.empty((count, batch, *t.shape), t.dtype) for t in outputs}
        self.slots: list[Named] = [{name: array[i] for name, array in self._arrays.items()} for i in range(count)]
        self.bad_samples = 0

    def poison(self) -> None:
        """Fill every slot with what no answer holds: NaN, or a byte pattern for integers and truth values."""
        for array in self._arrays.values():
            if np.issubdtype(array.dtype, np.inexact):
                array.fill(np.nan)
            else:
                _as_bytes(array).fill(_POISON)

    def settle(self, used: int) -> None:
        """Count samples in the first `used` slots that hold NaN, infinity or an untouched pattern in any output."""
        if used == 0:
            return
        found = [bad for array in self._arrays.values() if (bad := _bad_samples(array[:used])) is not None]
        if found:
            self.bad_samples += int(np.logical_or.reduce(found).sum())

    def copy(self, slot: int) -> Named:
        """The harness's own copy of one slot's arrays."""
        return {name: array.copy() for name, array in self.slots[slot].items()}


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
    unwritten: NDArray[np.bool_] = (_as_bytes(_per_sample(part)) == _POISON).all(axis=1)
    return unwritten


def _as_bytes(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    return array.view(np.uint8)


def _per_sample(part: NDArray[np.generic]) -> NDArray[np.generic]:
    samples = part.shape[0] * part.shape[1]
    return np.ascontiguousarray(part).reshape(samples, -1)


class SecretSample:
    """Keeps copies of some rows' outputs; which rows is drawn only after their outputs were delivered.

    At least one row and about `share` of all rows; at most `most_samples` samples are expected to be kept.
    """

    def __init__(self, rows: int, batch: int, seed: int, share: float = 0.01, most_samples: int = 4096) -> None:
        least = min(1.0, 4 / max(rows, 1))
        self._probability = min(1.0, max(least, min(share, most_samples / max(rows * batch, 1))))
        self._rng = np.random.default_rng(seed)
        self.kept: dict[int, Named] = {}

    def draw(self, lo: int, hi: int, ring: OutputRing, last: bool) -> None:
        """Choose among rows [lo, hi), which lie in slots 0, 1, … of `ring`."""
        wanted = int(self._probability * (hi - lo) + self._rng.random())
        if last and not self.kept:
            wanted = max(wanted, 1)
        if wanted:
            for slot in self._rng.choice(hi - lo, size=min(wanted, hi - lo), replace=False):
                self.kept[lo + int(slot)] = ring.copy(int(slot))
