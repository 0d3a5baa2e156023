"""Order statistics of many timelines: the values of any ranks, exact, without sorting what nobody asks for.

A long timeline is counted into buckets by the leading bits of its values, and only buckets that hold a wanted rank are
looked at: 300 quantiles of a million latencies cost a fifth of a sort. Short ones are laid side by side and sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.scoring.columns import FAILED_NS, Int64s
from bench.scoring.ragged import BLOCK, Ragged

_BUCKET_BITS: Final = 17  # 131 072 counters of 8 bytes fit the second cache
_CHUNK: Final = 4 * BLOCK
Chunks = Callable[[], Iterator[Int64s]]
"""Goes through the values of a timeline from the beginning, in arrays of any length."""


class Ordered:
    """The values of a `Ragged` of int64 ns, `FAILED_NS` among them, as if each timeline were sorted."""

    def __init__(self, ragged: Ragged) -> None:
        self.sizes: Int64s = ragged.sizes
        self.failed: Int64s
        """How many values of each timeline are `FAILED_NS`, (k,)."""
        self._buckets: _Buckets | None = None
        self._rows: npt.NDArray[Any] | None = None
        if ragged.count == 1 and ragged.values.size > BLOCK and int(ragged.values.min()) >= 0:
            self._buckets = _Buckets(lambda: _chunks(ragged.values))
            self.failed = np.array([self._buckets.failed])
        else:
            self.failed = ragged.failed()
            self._rows = _side_by_side(ragged)
            self._rows.sort(axis=1)

    @classmethod
    def of_chunks(cls, chunks: Chunks) -> Ordered:
        """One timeline that comes in chunks, each time anew, and need not fit into memory.

        Raises ValueError where there is no value, or a negative one.
        """
        self = cls.__new__(cls)
        self._buckets, self._rows = _Buckets(chunks), None
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
        if self._rows is None:
            assert self._buckets is not None
            return self._buckets.at(ranks[0])[None, :]
        return np.take_along_axis(self._rows, ranks, axis=1)


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


def _chunks(values: Int64s) -> Iterator[Int64s]:
    return (values[first : first + _CHUNK] for first in range(0, values.size, _CHUNK))


def _side_by_side(ragged: Ragged) -> npt.NDArray[Any]:
    """A row per timeline, (k, longest); what is missing sorts last."""
    sizes = ragged.sizes
    longest = int(sizes.max())
    if int(sizes.min()) == longest:
        return ragged.values.reshape(-1, longest).copy()
    rows = np.full((ragged.count, longest), FAILED_NS)
    rows[np.arange(longest) < sizes[:, None]] = ragged.values
    return rows
