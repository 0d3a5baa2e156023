"""Arrival times of open-loop scenarios: fixed before the clock starts, and a function of seed, rate and count alone.

Drawn from raw PCG64 words, which numpy promises across versions; its `exponential` stream it does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def poisson_ns(count: int, rate_per_s: float, seed: int) -> NDArray[np.int64]:
    """Arrivals of a Poisson process in ns after t0, (count,), rescaled so that the last one is at count / rate.

    u = word / 2^53, gap = -log1p(-u), arrivals = cumulated gaps. Equal seeds give the same gaps at every rate, up to
    their scale. Raises ValueError unless `count` and `rate_per_s` are positive.
    """
    if count < 1 or not 0.0 < rate_per_s < np.inf:
        raise ValueError(f"{count} arrivals at {rate_per_s} per second: expected at least one, and a positive rate")
    words = np.atleast_1d(np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count))
    arrivals = np.cumsum(-np.log1p(-((words >> np.uint64(11)) * 2.0**-53)))
    arrivals *= count / rate_per_s * 1e9 / max(float(arrivals[-1]), 1e-300)
    rounded: NDArray[np.int64] = np.rint(arrivals).astype(np.int64)
    return rounded
