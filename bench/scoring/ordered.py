"""Order statistics of many timelines: the values of any ranks, exact.

What is in memory is sorted, in 32 bits where its values fit: numpy sorts whole vectors of a processor at once, 9 ns for
a latency on AVX2, where 18 ns are needed for 64 bits and 46 ns for a partition at 300 ranks (2026-11-26). What comes in
chunks is counted into buckets by the leading bits of its values, and only buckets that hold a wanted rank are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.scoring.columns import FAILED_NS, Int64s
from bench.scoring.ragged import Ragged

_BUCKET_BITS: Final = 17  # 131 072 counters of 8 bytes fit the second cache
_FAILED_32: Final = FAILED_NS & 0xFFFFFFFF
"""What `FAILED_NS` becomes in 32 bits: the largest value of all, as it is in 64."""
Chunks = Callable[[], Iterator[Int64s]]
"""Goes through the values of a timeline from the beginning, in arrays of any length."""


class Ordered:
    """The values of a `Ragged` of int64 ns, `FAILED_NS` among them, as if each timeline were sorted."""

    def __init__(self, ragged: Ragged) -> None:
        self.sizes: Int64s = ragged.sizes
        self.failed: Int64s = ragged.failed()
        """How many values of each timeline are `FAILED_NS`, (k,)."""
        self._buckets: _Buckets | None = None
        self._rows: npt.NDArray[Any] = _side_by_side(ragged, int(self.failed.sum()))
        self._rows.sort(axis=1)

    @classmethod
    def of_chunks(cls, chunks: Chunks) -> Ordered:
        """One timeline that comes in chunks, each time anew, and need not fit into memory.

        Raises ValueError where there is no value, or a negative one.
        """
        self = cls.__new__(cls)
        self._buckets = _Buckets(chunks)
        self.sizes, self.failed = np.array([self._buckets.size]), np.array([self._buckets.failed])
        return self

    @classmethod
    def of_sorted(cls, values: npt.NDArray[Any]) -> Ordered:
        """One timeline that is sorted already, (n,). Raises ValueError when it is empty."""
        if values.ndim != 1 or values.size == 0:
            raise ValueError(f"sorted values have shape {values.shape}: empty, or not one dimension")
        self = cls.__new__(cls)
        self.sizes, self._buckets, self._rows = np.array([values.size]), None, values.reshape(1, -1)
        self.failed = values.size - values.searchsorted(np.array([FAILED_NS]))
        return self

    def at(self, ranks: Int64s) -> npt.NDArray[Any]:
        """The values at `ranks`, (k, r) from 0, of each timeline; shape (k, r). A rank beyond its end is its last."""
        ranks = np.minimum(ranks, self.sizes[:, None] - 1)
        if self._buckets is not None:
            return self._buckets.at(ranks[0])[None, :]
        found = np.take_along_axis(self._rows, ranks, axis=1)
        return np.where(found == _FAILED_32, np.int64(FAILED_NS), found) if found.dtype == np.uint32 else found


class _Buckets:
    """One long timeline, counted. The leading bits of a double rise with it, so that every octave has equal shares.

    It is gone through in chunks: once for its ends, once to count, and once for every question that hits new buckets.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self.size = self.failed = 0
        least, most = FAILED_NS, 0
        for chunk in chunks():
            answered = chunk != FAILED_NS
            self.size += chunk.size
            self.failed += chunk.size - int(np.count_nonzero(answered))
            least = min(least, int(chunk.min()))
            most = max(most, int(chunk.max(where=answered, initial=0)))
        if self.size == 0 or least < 0:
            raise ValueError(f"{self.size} values from {least} up: expected at least one, and none below zero")
        self._least = _key(least)
        span = max(0, _key(most) - self._least)
        self._shift = max(0, span.bit_length() - _BUCKET_BITS)
        self._last = span >> self._shift
        self._counts = np.zeros(self._last + 2, np.int64)
        for chunk in chunks():
            self._counts += np.bincount(self._bucket(chunk), minlength=self._counts.size)
        self._ends = np.cumsum(self._counts)
        self._wanted = np.zeros(self._counts.size, np.bool_)
        self._sorted = np.empty(0, np.int64)  # the values of the wanted buckets

    def _bucket(self, chunk: Int64s) -> Int64s:
        """Which bucket each value belongs to; failures go above all others, and do not widen the buckets."""
        keys = chunk.astype(np.float64).view(np.int64)
        keys -= self._least
        keys >>= self._shift
        return np.minimum(keys, self._last + 1, out=keys) if self.failed else keys

    def at(self, ranks: Int64s) -> Int64s:
        bucket = self._ends.searchsorted(ranks, side="right")
        found, known = self._only_values(bucket)
        if not known.all():
            found[~known] = self._looked_up(bucket[~known], ranks[~known])
        return found

    def _only_values(self, bucket: Int64s) -> tuple[Int64s, npt.NDArray[np.bool_]]:
        """What lies in each bucket where it can only be one whole number, and where that is so: coarse clocks."""
        key = self._least + (bucket << self._shift)
        first, last = key.view(np.float64), (key + (1 << self._shift) - 1).view(np.float64)
        known = (np.ceil(first) == np.floor(last)) & (last < 2.0**53)  # beyond, doubles are not whole numbers' own
        found = np.where(known, np.ceil(first), 0.0).astype(np.int64)
        failed = bucket > self._last
        return np.where(failed, FAILED_NS, found), known | failed

    def _looked_up(self, bucket: Int64s, ranks: Int64s) -> Int64s:
        if not self._wanted[bucket].all():
            self._wanted[bucket] = True
            self._sorted = np.concatenate([chunk[self._wanted[self._bucket(chunk)]] for chunk in self._chunks()])
            self._sorted.sort()
        held = np.where(self._wanted, self._counts, 0)
        before = np.cumsum(held) - held
        found: Int64s = self._sorted[before[bucket] + ranks - (self._ends - self._counts)[bucket]]
        return found


def _key(value: int) -> int:
    return int(np.float64(value).view(np.int64))


def _side_by_side(ragged: Ragged, failed: int) -> npt.NDArray[Any]:
    """A row per timeline, (k, longest), of uint32 where everything fits; what is missing sorts last."""
    sizes, narrow = ragged.sizes, _fits(ragged.values, failed)
    longest = int(sizes.max())
    # Casting takes the low half: zero or more stays what it is, and a failure becomes `_FAILED_32`.
    values = ragged.values.astype(np.uint32) if narrow else ragged.values
    if int(sizes.min()) == longest:
        rows = values.reshape(-1, longest)
        return rows if narrow else rows.copy()
    rows = np.full((ragged.count, longest), _FAILED_32 if narrow else FAILED_NS, values.dtype)
    rows[np.arange(longest) < sizes[:, None]] = values
    return rows


def _fits(values: npt.NDArray[Any], failed: int) -> bool:
    """Whether what did not fail lies in 32 bits, below what a failure becomes: latencies under 4.29 s."""
    if values.dtype != np.int64 or int(values.min()) < 0:
        return False
    most = values.max(where=values != FAILED_NS, initial=0) if failed else values.max()
    return int(most) < _FAILED_32
