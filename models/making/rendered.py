"""Rendered training pictures: two files in the cache, outside the source tree, rendered once, the pictures mapped."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any  # labels are whatever a workload's loss takes

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Labels = NDArray[Any]
# Of picture numbers (n,), of any process: pictures (n, 3, side, side) and labels (n, …).
Render = Callable[[NDArray[np.int64]], tuple[Images, Labels]]


def training_set(path: Path, count: int, side: int, render: Render, chunk: int, workers: int) -> tuple[Images, Labels]:
    """Pictures 0 to count - 1, (count, 3, side, side) memory-mapped, and labels; rendered where the cache lacks them.

    Only a whole file has its final name, and the labels get theirs last: where they are, the pictures are whole, also
    when two processes render at the same time or one is killed.
    """
    labels_path = path.with_name(f"{path.stem}-labels.npy")
    if not labels_path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = [one.with_suffix(f".{os.getpid()}.partial") for one in (path, labels_path)]
        try:
            labels = _render(unfinished[0], count, side, render, chunk, workers)
            with unfinished[1].open("wb") as opened:  # by name, numpy would add an ending of its own
                np.save(opened, labels)
            for partial, final in zip(unfinished, (path, labels_path), strict=True):
                partial.replace(final)
        finally:
            for partial in unfinished:
                partial.unlink(missing_ok=True)
    return np.load(path, mmap_mode="r"), np.load(labels_path)


def _render(path: Path, count: int, side: int, render: Render, chunk: int, workers: int) -> Labels:
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, 3, side, side))
    chunks = [np.arange(first, min(first + chunk, count)) for first in range(0, count, chunk)]
    labels = []
    with ProcessPoolExecutor(workers) as pool:
        for some, (pictures, theirs) in zip(chunks, pool.map(render, chunks), strict=True):
            images[some[0] : some[-1] + 1] = pictures
            labels.append(theirs)
    images.flush()
    return np.concatenate(labels)
