"""The rendered training pictures, and random crops of them, which depend on (seed, step) only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import SIZE
from bench.models.image_classify.data import Images, Labels, training_pictures
from bench.models.making import rendered

# How many pictures the shipped weights were trained on.
TRAINING_SIZE = 28_800
_CHUNK = 240


def training_set(cache: Path, count: int, workers: int) -> tuple[Images, Labels]:
    """Return `count` training pictures (memory-mapped) and labels, rendering them if the cache lacks them."""
    return rendered.training_set(cache / f"training-{count}.npy", count, SIZE, training_pictures, _CHUNK, workers)


def crops(images: Images, labels: Labels, side: int, batch: int, seed: int, step: int) -> tuple[Images, Labels]:
    """Return the batch of one training step: random pictures, crops of `side` pixels, mirrored and turned."""
    random = np.random.default_rng([seed, step])
    chosen = _epoch_slice(len(images), batch, seed, step)
    result = np.empty((batch, 3, side, side), dtype=np.uint8)
    for target, index in zip(result, chosen, strict=True):
        top, left, turn = random.integers(0, [SIZE - side + 1, SIZE - side + 1, 8])
        crop = images[index, :, top : top + side, left : left + side]
        if turn & 4:
            crop = crop.transpose(0, 2, 1)
        target[:] = crop[:, :: -1 if turn & 2 else 1, :: -1 if turn & 1 else 1]
    return result, labels[chosen]


def _epoch_slice(count: int, batch: int, seed: int, step: int) -> NDArray[np.int64]:
    """Pictures of one step: every epoch goes through all pictures in an order of its own."""
    per_epoch = count // batch
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch, 1]).permutation(count)
    return order[place * batch : (place + 1) * batch]
