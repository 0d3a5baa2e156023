"""Many timelines at once: their values end to end in one array, and where each begins.

Functions that take a `Ragged` answer for every timeline in one go; a timeline alone is a `Ragged` of one. What they
say comes as an array of `ANSWER`, a line per timeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval, IntervalKind, Refusal
from bench.scoring.columns import FAILED_NS, Int64s

Answers = npt.NDArray[np.void]
"""Shape (k,) or (k, probabilities), dtype `ANSWER`."""

CODES: Final = ("", "too-few-queries", "queries-failed", "interval-not-supported")
ANSWER: Final = np.dtype([("low", "f8"), ("high", "f8"), ("code", "u1"), ("seen", "f8"), ("limit", "f8")])
"""An interval, or a figure in `high`; `code` other than 0 is the refusal `CODES[code]`: what was seen, and allowed."""

BLOCK: Final = 1 << 17
"""Values that are worked on together: 1 MiB, so that they stay in a processor's cache and temporaries are small."""
_LONG: Final = 1 << 13
_MOST: Final = 1024  # timelines of a block: what is said of one is larger than a short timeline itself


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Values of k timelines: `values` (n,), of timeline i those from `offsets[i]` to `offsets[i + 1]`; (k + 1,) int64.

    Raises ValueError when there is no timeline or one without a value, or when the offsets do not go from 0 to n.
    """

    values: npt.NDArray[Any]
    offsets: Int64s

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.size == 0:
            raise ValueError(f"values have shape {self.values.shape}, expected one dimension and at least one value")
        if self.offsets.ndim != 1 or self.offsets.size < 2 or self.offsets.dtype != np.int64:
            raise ValueError(
                f"`offsets` are {self.offsets.dtype} {self.offsets.shape}, expected int64 (k + 1,), k >= 1"
            )
        if int(self.offsets[0]) != 0 or int(self.offsets[-1]) != self.values.size or int(self.sizes.min()) < 1:
            raise ValueError(f"`offsets` must rise from 0 to {self.values.size}, by at least one each")

    @classmethod
    def alone(cls, values: npt.NDArray[Any]) -> Ragged:
        """One timeline, (n,)."""
        return cls(values, np.array([0, values.size], np.int64))

    @classmethod
    def of(cls, timelines: Sequence[npt.NDArray[Any]]) -> Ragged:
        """Several timelines, each (n_i,), copied end to end."""
        return cls(np.concatenate(timelines), np.cumsum([0, *(len(one) for one in timelines)], dtype=np.int64))

    @property
    def count(self) -> int:
        """How many timelines there are."""
        return self.offsets.size - 1

    @property
    def sizes(self) -> Int64s:
        """How many values each has, (k,)."""
        return np.diff(self.offsets)

    def failed(self) -> Int64s:
        """How many values of each are `FAILED_NS`, (k,)."""
        return counted(self.values == FAILED_NS, self.offsets[:-1])

    def each(self, of_timeline: npt.NDArray[Any]) -> Any:  # an array (n,), or a scalar where there is one timeline
        """What holds for a timeline, (k,), for each of its values: it can be compared with `values`."""
        return of_timeline[0] if self.count == 1 else np.repeat(of_timeline, self.sizes)

    def take(self, chosen: Int64s) -> Ragged:
        """Some of the timelines by number, ascending or not; a view where they lie side by side."""
        first, last = int(chosen[0]), int(chosen[-1])
        if chosen.size == last - first + 1 and bool((chosen[1:] > chosen[:-1]).all()):
            begin, end = int(self.offsets[first]), int(self.offsets[last + 1])
            return Ragged(self.values[begin:end], self.offsets[first : last + 2] - begin)
        sizes = self.sizes[chosen]
        offsets = np.r_[0, np.cumsum(sizes)]
        index = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], sizes)
        return Ragged(self.values[index], offsets)

    def blocks(self) -> Iterator[Int64s]:
        """The numbers of all timelines in blocks of about `BLOCK` values, or one where it is longer than that.

        Those of a block are of similar length, so that they can be laid side by side with little waste.
        """
        sizes = self.sizes
        order = np.argsort(sizes, kind="stable")
        ordered = sizes[order]
        first = 0
        while first < order.size:
            least = int(ordered[first])
            longest = int(ordered.searchsorted(least + least // 4, side="right"))
            last = min(longest, first + min(_MOST, max(1, BLOCK // least)))
            yield order[first:last]
            first = last


def counted(flags: npt.NDArray[np.bool_], begins: Int64s) -> Int64s:
    """How many flags, (n,), are set from each of `begins`, which rise, to the next; shape of `begins`, one dimension.

    Counting long stretches one by one takes a sixth of the time of `reduceat`, which turns flags into numbers first.
    """
    if flags.size >= _LONG * begins.size:
        ends = [*begins[1:].tolist(), flags.size]
        return np.array([np.count_nonzero(flags[a:b]) for a, b in zip(begins.tolist(), ends, strict=True)], np.int64)
    found: Int64s = np.add.reduceat(flags, begins, dtype=np.int64)
    return found


def blank(shape: int | tuple[int, ...]) -> Answers:
    """Answers that refuse nothing and say nothing yet."""
    return np.zeros(shape, ANSWER)


def refuse(answers: Answers, where: Any, code: str, seen: Any, limit: Any) -> None:
    """Refuse the answers at `where`, a mask of their shape, unless they are refused already; the rest broadcasts."""
    fresh = np.asarray(where) & (answers["code"] == 0)
    if fresh.any():
        answers["code"][fresh] = CODES.index(code)
        answers["seen"][fresh] = np.broadcast_to(seen, answers.shape)[fresh]
        answers["limit"][fresh] = np.broadcast_to(limit, answers.shape)[fresh]


def figure(answer: Any) -> float | Refusal:
    """One answer as a figure: what stands in `high`."""
    return _refusal(answer) or float(answer["high"])


def interval(answer: Any, confidence: float, kind: IntervalKind) -> Interval | Refusal:
    """One answer as an interval."""
    low, high = float(answer["low"]), float(answer["high"])
    return _refusal(answer) or Interval(low=low, high=high, confidence=confidence, kind=kind)


def _refusal(answer: Any) -> Refusal | None:
    code = CODES[int(answer["code"])]
    return Refusal(code=code, seen=float(answer["seen"]), limit=float(answer["limit"])) if code else None
