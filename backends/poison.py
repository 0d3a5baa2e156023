"""What outputs hold before an engine answers into them, and what no answer holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# No truth value, and no likely integer once it fills four bytes.
PATTERN = 0x5A


def poison(array: NDArray[np.generic]) -> None:
    """Fill an array with what no answer holds: NaN, or a byte pattern for integers and truth values."""
    if np.issubdtype(array.dtype, np.inexact):
        array.fill(np.nan)
    else:
        array.view(np.uint8).fill(PATTERN)
