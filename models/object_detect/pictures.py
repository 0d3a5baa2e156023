"""The rendered training scenes; batches of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.making import rendered
from bench.models.object_detect.data import Images, Labels, training_scenes
from bench.models.object_detect.place import SIZE

# How many scenes the shipped weights were trained on.
TRAINING_SIZE = 15_000
_CHUNK = 100


def training_set(cache: Path, count: int, workers: int) -> tuple[Images, Labels]:
    """Return `count` training pictures (memory-mapped) and labels; renders them if the cache lacks them."""
    return rendered.training_set(cache / f"training-{count}.npy", count, SIZE, training_scenes, _CHUNK, workers)


def batch(images: Images, labels: Labels, size: int, seed: int, step: int) -> tuple[Images, NDArray[np.float32]]:
    """Return pictures (size, 3, 320, 320) and labels (size, 8, 7) of one step, half of them mirrored.

    Every epoch has an order of its own.
    """
    per_epoch = len(images) // size
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(len(images))
    chosen = np.sort(order[place * size : (place + 1) * size])
    pictures, truth = np.asarray(images[chosen]), labels[chosen].astype(np.float32)
    turned = np.random.default_rng([seed, step, 1]).random(size) < 0.5
    pictures[turned] = pictures[turned][..., ::-1]
    return pictures, mirrored(truth, turned)


def mirrored(labels: NDArray[np.float32], turned: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Labels (n, 8, 7) as they are where the pictures marked in `turned` (n,) are seen in a mirror."""
    result = labels.copy()
    moved = turned[:, None] & (labels[..., 0] >= 0)
    result[..., 1] = np.where(moved, SIZE - labels[..., 3], labels[..., 1])
    result[..., 3] = np.where(moved, SIZE - labels[..., 1], labels[..., 3])
    return result
