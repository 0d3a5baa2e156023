"""Where the level of a series changes: binary segmentation by the strongest two-sample t over all places.

The statistic of a place is Student's t of the means before and after it with pooled variance, as the normal quantile of
its probability, so that one threshold serves short and long series. The strongest place is the likelihood-ratio test
for one change in a normal mean of unknown variance (Worsley 1979, JASA 74:365); what lies on either side is searched
again (Scott and Knott 1974). How often that cries wolf, and what it finds, was simulated: `docs/regressions.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.scoring.columns import Floats
from bench.scoring.distributions import special

THRESHOLD: Final = 4.3
"""Kept by all but 0.9 % of normal series without change looked at after each of 100 records (simulated)."""
LEAST_SEGMENT: Final = 3
"""Records on either side of a place: two slow ones in a row are no new level."""
_SMALLEST: Final = 1e-300


class Change(NamedTuple):
    """The first record of a new level, the statistic there, and by how much the mean of the logarithms moved."""

    place: int
    strength: float
    step: float


def change_points(logs: Sequence[float] | Floats, threshold: float = THRESHOLD) -> list[Change]:
    """The changes of level in a series, in order. Raises ValueError unless it is one-dimensional and finite."""
    series = np.asarray(logs, dtype=np.float64)
    if series.ndim != 1 or not np.isfinite(series).all():
        raise ValueError(f"`logs` has shape {series.shape}, expected finite values of shape (n,)")
    places = sorted(_segmented(series, 0, threshold))
    ends = [0, *(place for place, _ in places), series.size]
    levels = [float(series[low:high].mean()) for low, high in pairwise(ends)] if series.size else []
    return [
        Change(place, strength, after - before)
        for (place, strength), before, after in zip(places, levels, levels[1:], strict=False)
    ]


def strengths(series: Floats) -> Floats:
    """The statistic of each place from LEAST_SEGMENT to n - LEAST_SEGMENT of series, shape (..., n)."""
    n = series.shape[-1]
    before = np.arange(LEAST_SEGMENT, n - LEAST_SEGMENT + 1)
    if before.size == 0:
        return np.empty((*series.shape[:-1], 0))
    centred = series - series.mean(axis=-1, keepdims=True)
    sums = np.cumsum(centred, axis=-1)[..., before - 1]
    between = sums**2 * (1.0 / before + 1.0 / (n - before))
    within = np.maximum((centred**2).sum(axis=-1, keepdims=True) - between, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.sqrt(between / (within / (n - 2)))
    tail = special().stdtr(n - 2, -np.nan_to_num(t, nan=0.0, posinf=1e9))
    found: npt.NDArray[np.float64] = -special().ndtri(np.maximum(tail, _SMALLEST))
    return found


def _segmented(series: Floats, start: int, threshold: float) -> list[tuple[int, float]]:
    found = strengths(series)
    if found.size == 0 or found.max() < threshold:
        return []
    cut = int(found.argmax()) + LEAST_SEGMENT
    here = (start + cut, float(found.max()))
    left, right = _segmented(series[:cut], start, threshold), _segmented(series[cut:], start + cut, threshold)
    return [*left, here, *right]
