"""The rendered training pictures of people who do not exist, numbered; batches of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.face_verify.data import Images, Labels, training_pictures
from bench.models.face_verify.head import SIZE
from bench.models.making import rendered

# How many people the shipped weights were trained on, and how many pictures of each.
IDENTITIES, SIDES = 4000, 8
_CHUNK = 20


def training_set(cache: Path, identities: int, sides: int, workers: int) -> Images:
    """Return training pictures (identities · sides, 3, 112, 112), memory-mapped; renders them if the cache lacks them.

    Picture number n shows side n % sides of person n // sides.
    """
    path = cache / f"training-{identities}x{sides}.npy"
    render = partial(_numbered, sides=sides)
    return rendered.training_set(path, identities * sides, SIZE, render, _CHUNK * sides, workers)[0]


def _numbered(numbers: NDArray[np.int64], sides: int) -> tuple[Images, Labels]:
    who = numbers // sides
    return training_pictures(who, numbers % sides), who


def batch(images: Images, sides: int, size: int, seed: int, step: int) -> tuple[Images, Labels]:
    """Return pictures (size, 3, 112, 112) and people (size,) of one step; every epoch has an order of its own."""
    per_epoch = len(images) // size
    epoch, place = divmod(step, per_epoch)
    order: NDArray[np.int64] = np.random.default_rng([seed, epoch]).permutation(len(images))
    chosen = np.sort(order[place * size : (place + 1) * size])
    return np.asarray(images[chosen]), chosen // sides
