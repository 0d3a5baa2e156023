"""Whether a figure moves one way over time: the test of Mann (1945) and Kendall, with the correction for ties."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

# Fewer values say nothing; means of this many parts are enough, and their neighbours are less alike.
LEAST, PARTS = 10, 60
# A trend counts as drift where it is both sure and worth speaking of (measurement.md section 3 has the 2 %).
SURE, DRIFT = 0.01, 0.02


def mann_kendall(values: NDArray[np.float64]) -> float:
    """Two-sided p that (n,) values have no trend; 1 where there are too few of them."""
    n = values.size
    if n < LEAST:
        return 1.0
    signs = np.sign(values[None, :] - values[:, None])
    s = float(np.triu(signs, 1).sum())
    _, counts = np.unique(values, return_counts=True)
    ties = float((counts * (counts - 1) * (2 * counts + 5)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18.0
    if variance <= 0.0 or s == 0.0:
        return 1.0
    z = (abs(s) - 1.0) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2.0))


def parts(values: NDArray[np.float64], count: int = PARTS) -> NDArray[np.float64]:
    """Means of `count` successive parts; the values themselves where they are no more than that."""
    if values.size <= count:
        return values
    return np.array([part.mean() for part in np.array_split(values, count)])
