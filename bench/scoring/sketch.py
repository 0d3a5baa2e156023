"""The sketch of a timeline that reports draw from: about 300 quantiles and 300 time windows (decisions.md 14)."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Sketch
from bench.scoring.columns import FAILED_NS, Int64s, is_sorted
from bench.scoring.percentiles import rank

WINDOWS: Final = 300


def _grid() -> tuple[float, ...]:
    """Steps of 0.5 % up to p90, then 24 points a decade of 1 - p down to 1e-6, and the maximum."""
    body = [round(0.005 * i, 3) for i in range(180)]
    tail = [round(1.0 - 10.0 ** (-1.0 - i / 24.0), 9) for i in range(121)]
    return tuple(sorted({*body, *tail, 0.95, 0.97, 1.0}))


PROBABILITIES: Final[tuple[float, ...]] = _grid()


def sketch(
    values_ns: Int64s,
    sorted_ns: Int64s,
    ended_ns: Int64s,
    start_ns: int,
    *,
    quantity: Literal["latency_ns", "service_ns"] = "latency_ns",
    samples: int | npt.NDArray[np.integer[Any]] = 1,
) -> Sketch:
    """Quantiles and windows of `values_ns` (n,), int64 ns with `FAILED_NS`, that completed at `ended_ns` (n,).

    `sorted_ns` are the same values ascending; `start_ns` is where the first window begins; `samples` is what each
    completion counts for: one number, or shape (n,). Windows are equal and at least 1 ns wide; the last holds the end.
    Raises ValueError when empty, when shapes differ, or when a completion precedes `start_ns`.
    """
    shapes = [values_ns.shape, sorted_ns.shape, ended_ns.shape]
    if len(set(shapes)) != 1 or values_ns.ndim != 1 or values_ns.size == 0:
        raise ValueError(f"shapes {shapes}: expected the same (n,), n >= 1")
    if int(ended_ns.min()) < start_ns:
        raise ValueError(f"a completion at {int(ended_ns.min())} ns precedes the start at {start_ns} ns")
    n = values_ns.size
    failed = n - int(sorted_ns.searchsorted(FAILED_NS))
    quantiles = sorted_ns[[min(n - 1, rank(n, p)) for p in PROBABILITIES]].tolist()
    return Sketch(
        quantity=quantity,
        count=n,
        failed=failed,
        probabilities=PROBABILITIES,
        values=tuple(None if value == FAILED_NS else value for value in quantiles),
        **_windows(values_ns, ended_ns, start_ns, samples, failed > 0),
    )


def _windows(
    values: Int64s, ended: Int64s, start: int, samples: int | npt.NDArray[np.integer[Any]], any_failed: bool
) -> dict[str, Any]:  # the fields of `Sketch` that begin with `window_`
    elapsed = int(ended.max()) - start
    width = max(1, -(-elapsed // WINDOWS))
    starts = [start + i * width for i in range(max(1, -(-elapsed // width)))]
    brought = np.broadcast_to(samples, values.shape) if np.ndim(samples) else None
    values, ended, brought = _in_order(values, ended, brought, any_failed)
    bounds = np.r_[0, np.searchsorted(ended, starts[1:]), ended.size]
    filled = bounds[1:] > bounds[:-1]
    counts = np.diff(bounds)
    first = bounds[:-1][filled]
    low, high = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    # Summed in float64: int64 would overflow at 1e7 latencies of a thousand seconds.
    mean = np.add.reduceat(values, first, dtype=np.float64) / counts[filled]
    if brought is None:
        completed = counts * int(samples)
    else:
        completed = np.diff(np.r_[0, np.cumsum(brought, dtype=np.int64)][bounds])
    return {
        "window_ns": width,
        "window_start_ns": tuple(starts),
        "window_min_ns": _spread(low, filled),
        "window_mean_ns": _spread(mean, filled),
        "window_max_ns": _spread(high, filled),
        "window_completed": tuple(completed.tolist()),
    }


def _in_order(
    values: Int64s, ended: Int64s, brought: npt.NDArray[Any] | None, any_failed: bool
) -> tuple[Int64s, Int64s, npt.NDArray[Any] | None]:
    """What completed without failure, in the order of completion; copied only where something is left out or moved."""
    pick: npt.NDArray[Any] | None = np.flatnonzero(values != FAILED_NS) if any_failed else None
    if not is_sorted(ended):
        pick = np.arange(ended.size) if pick is None else pick
        pick = pick[np.argsort(ended[pick], kind="stable")]
    if pick is None:
        return values, ended, brought
    return values[pick], ended[pick], None if brought is None else brought[pick]


def _spread(found: npt.NDArray[Any], filled: npt.NDArray[np.bool_]) -> tuple[Any, ...]:
    """One entry per window: what was found for the filled ones, None for the others."""
    entries = iter(found.tolist())
    return tuple(next(entries) if has else None for has in filled.tolist())
