"""Pictures (1, 16, 16) of noise with one brighter quarter; each is a pure function of stream, seed and number.

Raw words of the generator are used, for numpy promises no other stream across versions. Only whole numbers are
computed with, so that every machine draws the same bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EVALUATION_SIZE = 2400
SIDE, CLASSES = 16, 4
_EVALUATION, _LOAD = 1, 2


def evaluation_inputs(indices: NDArray[np.int64]) -> dict[str, NDArray[np.uint8]]:
    """Return {"image": uint8 (len(indices), 1, 16, 16)}, the same for the same number whatever is asked beside it."""
    return {"image": _pictures(_EVALUATION, 0, _checked(indices))}


def evaluation_labels(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the brighter quarter of each: 0 and 1 above, 2 and 3 below."""
    return np.asarray(_checked(indices), np.int64) % CLASSES


def load_inputs(count: int, seed: int) -> dict[str, NDArray[np.uint8]]:
    """Return `count` distinct pictures for timing; other ones for each seed, and never evaluation pictures."""
    return {"image": _pictures(_LOAD, seed, np.arange(count))}


def _pictures(stream: int, seed: int, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    pictures = np.empty((len(indices), 1, SIDE, SIDE), np.uint8)
    for picture, index in zip(pictures, indices.tolist(), strict=True):
        words = np.random.PCG64(np.random.SeedSequence([stream, seed, index])).random_raw(SIDE * SIDE + 1)
        noise = (words[1:] >> np.uint64(40)) % np.uint64(200)
        picture[0] = noise.reshape(SIDE, SIDE)
        down, right = divmod(index % CLASSES, 2)
        half = SIDE // 2
        picture[0, down * half : (down + 1) * half, right * half : (right + 1) * half] += np.uint8(
            14 + int(words[0]) % 24
        )
    return pictures


def _checked(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    wrong = indices[(indices < 0) | (indices >= EVALUATION_SIZE)]
    if len(wrong):
        raise IndexError(f"there are evaluation pictures 0 to {EVALUATION_SIZE - 1}; asked for {wrong[0]}")
    return indices
