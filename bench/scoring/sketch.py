"""The sketch of a timeline that reports draw from: about 300 quantiles and 300 time windows (decisions.md 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Sketch
from bench.scoring.columns import FAILED_NS, Floats, Int64s
from bench.scoring.ordered import Ordered
from bench.scoring.percentiles import ranks
from bench.scoring.ragged import Ragged

Integers = npt.NDArray[np.integer[Any]]
Quantity = Literal["latency_ns", "service_ns"]
WINDOWS: Final = 300
_LONGEST_NS: Final = 2.0**62


def _grid() -> tuple[float, ...]:
    """Steps of 0.5 % up to p90, then 24 points a decade of 1 - p down to 1e-6, and the maximum."""
    body = [round(0.005 * i, 3) for i in range(180)]
    tail = [round(1.0 - 10.0 ** (-1.0 - i / 24.0), 9) for i in range(121)]
    return tuple(sorted({*body, *tail, 0.95, 0.97, 1.0}))


PROBABILITIES: Final[tuple[float, ...]] = _grid()


@dataclass(frozen=True, slots=True, eq=False)
class Sketches:
    """The sketches of k timelines: `quantiles` (k, probabilities) int64 ns, the other tables (k, `WINDOWS`).

    Of a timeline the first `windows` columns count; minimum, mean and maximum hold only where `filled`.
    """

    count: Int64s
    failed: Int64s
    quantiles: Int64s
    start_ns: Int64s
    width_ns: Int64s
    windows: Int64s
    filled: npt.NDArray[np.bool_]
    low_ns: Int64s
    mean_ns: Floats
    high_ns: Int64s
    completed: Int64s

    def one(self, i: int, quantity: Quantity = "latency_ns") -> Sketch:
        """The sketch of timeline `i` as it is kept."""
        start, width, windows = int(self.start_ns[i]), int(self.width_ns[i]), int(self.windows[i])
        has = self.filled[i, :windows].tolist()
        return Sketch(
            quantity=quantity,
            count=int(self.count[i]),
            failed=int(self.failed[i]),
            probabilities=PROBABILITIES,
            values=tuple(None if value == FAILED_NS else value for value in self.quantiles[i].tolist()),
            window_ns=width,
            window_start_ns=tuple(range(start, start + windows * width, width)),
            window_min_ns=_where(self.low_ns[i], has),
            window_mean_ns=_where(self.mean_ns[i], has),
            window_max_ns=_where(self.high_ns[i], has),
            window_completed=tuple(self.completed[i, :windows].tolist()),
        )


def sketches(
    values_ns: Ragged, ordered: Ordered, ended_ns: Int64s, start_ns: Int64s, samples: int | Integers = 1
) -> Sketches:
    """Quantiles and windows of timelines of int64 ns with `FAILED_NS`, whose values completed at `ended_ns`, (n,).

    `ordered` are the same values; `start_ns`, (k,), is where the first window begins; `samples` is what each
    completion counts for: one number, or shape (n,). Windows are equal and at least 1 ns wide; the last holds the end.
    Raises ValueError when shapes differ, or when a completion precedes its start.
    """
    count = values_ns.count
    if (
        values_ns.values.shape != ended_ns.shape
        or start_ns.shape != (count,)
        or not np.array_equal(values_ns.sizes, ordered.sizes)
    ):
        shapes = [values_ns.values.shape, ended_ns.shape, start_ns.shape, ordered.sizes.shape]
        raise ValueError(f"shapes {shapes}: expected (n,), (n,), (k,), (k,) of the same timelines")
    first = np.minimum.reduceat(ended_ns, values_ns.offsets[:-1])
    if (first < start_ns).any():
        early = int((first - start_ns).argmin())
        raise ValueError(f"a completion at {first[early]} ns precedes the start at {start_ns[early]} ns")
    elapsed = np.maximum.reduceat(ended_ns, values_ns.offsets[:-1]) - start_ns
    if elapsed.sum(dtype=np.float64) >= _LONGEST_NS:
        raise ValueError(f"{count} timelines last 2^62 ns together, too long to be laid one after another: take fewer")
    width = np.maximum(1, -(-elapsed // WINDOWS))
    cut = _Cut(start_ns, elapsed, width, np.maximum(1, -(-elapsed // width)))
    return Sketches(
        count=values_ns.sizes,
        failed=ordered.failed,
        quantiles=ordered.at(ranks(values_ns.sizes, PROBABILITIES)),
        start_ns=start_ns,
        width_ns=width,
        windows=cut.windows,
        **_windows(_answered(values_ns, ordered.failed, ended_ns, samples), cut),
    )


def sketch(
    values_ns: Int64s,
    ordered: Ordered,
    ended_ns: Int64s,
    start_ns: int,
    *,
    quantity: Quantity = "latency_ns",
    samples: int | Integers = 1,
) -> Sketch:
    """`sketches` of one timeline, (n,)."""
    start = np.array([start_ns], np.int64)
    return sketches(Ragged.alone(values_ns), ordered, ended_ns, start, samples).one(0, quantity)


@dataclass(frozen=True, slots=True, eq=False)
class _Answered:
    """What completed without failure, timeline after timeline in the order of completion; `sizes` (k,) may be 0."""

    values: Int64s
    ended: Int64s
    samples: int | Integers
    sizes: Int64s

    def taken(self, pick: npt.NDArray[Any], sizes: Int64s) -> _Answered:
        samples = self.samples[pick] if isinstance(self.samples, np.ndarray) else self.samples
        return _Answered(self.values[pick], self.ended[pick], samples, sizes)


def _answered(values: Ragged, failed: Int64s, ended: Int64s, samples: int | Integers) -> _Answered:
    """Copied only where something is left out or moved."""
    found = _Answered(values.values, ended, samples, values.sizes)
    if failed.any():
        found = found.taken(np.flatnonzero(values.values != FAILED_NS), values.sizes - failed)
    begins = np.cumsum(found.sizes)[:-1]
    rising = found.ended[1:] >= found.ended[:-1]
    rising[begins[(begins > 0) & (begins < found.ended.size)] - 1] = True  # from one timeline to the next it may fall
    if rising.all():
        return found
    order = np.lexsort((found.ended, np.repeat(np.arange(found.sizes.size), found.sizes)))
    return found.taken(order, found.sizes)


class _Cut(NamedTuple):
    """Into which windows the time of each timeline is cut, all (k,)."""

    start: Int64s
    elapsed: Int64s
    width: Int64s
    windows: Int64s


def _windows(found: _Answered, cut: _Cut) -> dict[str, Any]:  # fields of `Sketches`
    """Where each window begins among the completions follows from one search, timelines laid one after another."""
    base, number = np.r_[0, np.cumsum(cut.elapsed + 1)[:-1]], np.arange(WINDOWS)
    # Beyond its last window a timeline has none: the last one holds the end.
    end = (base + cut.elapsed + 1)[:, None]
    starts = np.where(number < cut.windows[:, None], base[:, None] + cut.width[:, None] * number, end)
    if len(base) == 1:  # spares the moving
        moved, starts = found.ended, starts + cut.start[0]
    else:
        moved = found.ended + np.repeat(base - cut.start, found.sizes)
    starts = starts.reshape(-1)
    bounds = np.r_[np.searchsorted(moved, starts), found.ended.size]
    counts = np.diff(bounds)
    filled = counts > 0
    low, mean, high = np.zeros(counts.size, np.int64), np.zeros(counts.size), np.zeros(counts.size, np.int64)
    if filled.any():
        first = bounds[:-1][filled]
        low[filled], high[filled] = np.minimum.reduceat(found.values, first), np.maximum.reduceat(found.values, first)
        # Summed in float64: int64 would overflow at 1e7 latencies of a thousand seconds.
        mean[filled] = np.add.reduceat(found.values, first, dtype=np.float64) / counts[filled]
    if isinstance(found.samples, np.ndarray):
        completed = np.diff(np.r_[0, np.cumsum(found.samples, dtype=np.int64)][bounds])
    else:
        completed = counts * found.samples
    tables = {"filled": filled, "low_ns": low, "mean_ns": mean, "high_ns": high, "completed": completed}
    return {name: table.reshape(-1, WINDOWS) for name, table in tables.items()}


def _where(row: npt.NDArray[Any], has: Sequence[bool]) -> tuple[Any, ...]:
    """One entry per window: what was found for the filled ones, None for the others."""
    return tuple(value if there else None for value, there in zip(row.tolist(), has, strict=False))
