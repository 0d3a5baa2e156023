"""The rendered training pictures: one memory-mapped file in the cache, outside the source tree, rendered once."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.face_verify.data import Images, Labels, training_pictures
from bench.models.face_verify.head import SIZE

# How many people the shipped weights were trained on, and how many pictures of each.
IDENTITIES, SIDES = 4000, 8
_CHUNK = 20


def training_set(cache: Path, identities: int, sides: int, workers: int) -> Images:
    """Return training pictures (identities · sides, 3, 112, 112), memory-mapped; renders them if the cache lacks them.

    Picture number n shows side n % sides of person n // sides. Only a whole file has its final name.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"training-{identities}x{sides}.npy"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}.partial")
        shape = (identities * sides, 3, SIZE, SIZE)
        images = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        step = _CHUNK * sides
        numbers = [np.arange(first, min(first + step, shape[0])) for first in range(0, shape[0], step)]
        who, side = [some // sides for some in numbers], [some % sides for some in numbers]
        with ProcessPoolExecutor(workers) as pool:
            for some, pictures in zip(numbers, pool.map(training_pictures, who, side), strict=True):
                images[some[0] : some[-1] + 1] = pictures
        images.flush()
        partial.replace(path)
    result: Images = np.load(path, mmap_mode="r")
    return result


def batch(images: Images, sides: int, size: int, seed: int, step: int) -> tuple[Images, Labels]:
    """Return pictures (size, 3, 112, 112) and people (size,) of one step; every epoch has an order of its own."""
    per_epoch = len(images) // size
    epoch, place = divmod(step, per_epoch)
    order: NDArray[np.int64] = np.random.default_rng([seed, epoch]).permutation(len(images))
    chosen = np.sort(order[place * size : (place + 1) * size])
    return np.asarray(images[chosen]), chosen // sides
