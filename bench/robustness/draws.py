"""Random numbers and powers that are the same on every IEEE machine: raw PCG64 words and integers made of them.

numpy promises the words across versions, but not its distributions, and a C library's `pow` differs in its last bit.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

# "ROBU" in ASCII: no other stream of the suite begins with it, so that no noise repeats what a sample was drawn with.
_STREAM: Final = 0x524F_4255
# Deviation of the sum of four bytes.
BELL_DEVIATION: Final = math.sqrt(4 * (256**2 - 1) / 12)
BELL_LIMIT: Final = 510
_DIGITS: Final = Context(prec=24)


def words(corruption: int, seed: int, index: int) -> np.random.PCG64:
    """The random words of sample `index` under corruption number `corruption`; levels share them.

    Raises ValueError for a negative index or seed.
    """
    if index < 0 or seed < 0:
        raise ValueError(f"seed {seed} and index {index}: neither may be negative")
    # Four words of 32 bits fill SeedSequence's pool: shorter keys are padded with zeros and could collide.
    key = [_STREAM + corruption, seed & 0xFFFFFFFF, seed >> 32, index]
    return np.random.PCG64(np.random.SeedSequence(key))


def uniform(source: np.random.PCG64) -> float:
    """One number in [0, 1)."""
    return (int(source.random_raw()) >> 11) * 2.0**-53


def integer(source: np.random.PCG64, count: int) -> int:
    """One number in 0 … count - 1; `count` is far below 2^53."""
    return int(uniform(source) * count)


def bell(source: np.random.PCG64, count: int) -> NDArray[np.int16]:
    """Nearly normal whole numbers (count,): four bytes added up, less their mean, so from -510 to 510.

    The deviation is `BELL_DEVIATION`, the excess kurtosis -0.3.
    """
    raw = np.asarray(source.random_raw((count + 1) // 2), dtype="<u8").view(np.uint8).reshape(4, -1)
    total = raw[0].astype(np.int16)
    for part in raw[1:]:
        total += part
    total -= BELL_LIMIT
    centred: NDArray[np.int16] = total[:count]
    return centred


def power(base: float, exponent: float) -> float:
    """base^exponent by decimal arithmetic, which no C library rounds in its own way. Raises as `decimal` does."""
    return float(_DIGITS.power(Decimal(base), Decimal(exponent)))
