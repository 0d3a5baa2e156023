"""Where a series becomes steady: MSER-5 (White 1997, Simulation 69:323; White, Cobb, Spratt 2000, WSC)."""

from __future__ import annotations

from typing import Final

import numpy as np

from bench.records.numbers import Refusal
from bench.scoring.columns import Floats, Int64s

GROUP: Final = 5
TAIL: Final = 5  # the statistic of fewer remaining groups is mostly chance, and is 0 for the last one
LEAST_GROUPS: Final = 10


def mser5_cut(series: Int64s | Floats) -> int | Refusal:
    """How many leading values of `series` (shape (n,), any unit, in the order of time) belong to the warm-up.

    With Z the means of k groups of 5 values, the cut d (in groups) makes Σ_{j>=d} (Z_j - Z̄)² / (k - d)² least, the
    squared standard error of the mean of what is kept. The last 5 groups are never cut; of equals the earliest holds.
    Refused with `too-few-queries` under 10 groups. Raises ValueError unless `series` is finite and one-dimensional.
    """
    if series.ndim != 1 or not np.isfinite(series).all():
        raise ValueError(f"`series` must be finite numbers in one dimension, shape {series.shape}")
    groups = series.size // GROUP
    if groups < LEAST_GROUPS:
        return Refusal(code="too-few-queries", seen=float(series.size), limit=float(LEAST_GROUPS * GROUP))
    means = series[: groups * GROUP].reshape(groups, GROUP).mean(axis=1)
    means -= means[-1]  # keeps the difference of sums below from cancelling, and is exact for a constant series
    kept = np.arange(groups, 0, -1)
    sums = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum(means[::-1] ** 2)[::-1]
    statistic = np.maximum(squares - sums**2 / kept, 0.0) / kept.astype(np.float64) ** 2
    return int(np.argmin(statistic[: groups - TAIL + 1])) * GROUP


def is_steady(cut: int, n: int) -> bool:
    """Whether the cut of a series of `n` values leaves at least half of it; otherwise the finding is `not-steady`.

    Raises ValueError unless 0 <= cut <= n.
    """
    if not 0 <= cut <= n:
        raise ValueError(f"`cut` is {cut}, expected 0 to {n}")
    return 2 * cut <= n
