"""The bootstrap (Efron 1979): how often each of many is drawn in one resample, and the interval of resampled values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval, IntervalKind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def drawn(count: int, number: int) -> Ints:
    """How often each of `count` is drawn in resample `number`; from raw words, the same in every version of numpy."""
    words = np.random.PCG64(np.random.SeedSequence([count, number])).random_raw(count)
    return np.bincount((words >> np.uint64(11)).astype(np.int64) % count, minlength=count).astype(np.int64)


def percentile_interval(values: Floats, confidence: float, kind: IntervalKind) -> Interval:
    """The middle `confidence` of resampled values (resamples,); those that are NaN could not be computed."""
    low, high = np.nanquantile(values, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    return Interval(low=float(low), high=float(high), confidence=confidence, kind=kind)
