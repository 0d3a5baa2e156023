"""The raw timeline of a repetition: one row per executed batch, in memory-mapped columns that the parent reads.

Space is reserved before the run, so that a full disk is an error message and not a bus error in the middle.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 10_000_000
_DTYPES: dict[str, type[np.generic]] = {
    "started": np.int64,
    "ended": np.int64,
    "worker": np.int16,
    "status": np.uint8,
}


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of equal length, row k the k-th batch in issue order; times in ns of one monotonic clock.

    `status` is 0 for an answered batch and 1 for a failed one.
    """

    started: NDArray[np.int64]
    ended: NDArray[np.int64]
    worker: NDArray[np.int16]
    status: NDArray[np.uint8]

    @property
    def rows(self) -> int:
        return len(self.started)


def in_memory(rows: int) -> Timeline:
    """A timeline that is not kept, for warm-up and tests."""
    return _build({name: np.zeros(rows, dtype) for name, dtype in _DTYPES.items()})


def create(folder: Path, rows: int) -> Timeline:
    """Columns on disk under `folder`, space reserved. Raises OSError when the disk has no room."""
    folder.mkdir(parents=True, exist_ok=True)
    return _build({name: _create_column(folder / f"{name}.bin", rows, dtype) for name, dtype in _DTYPES.items()})


def read(folder: Path) -> Timeline:
    """The columns that a child left under `folder`. Raises OSError or ValueError when they are not whole."""
    return _build({name: np.fromfile(folder / f"{name}.bin", dtype) for name, dtype in _DTYPES.items()})


def _create_column(path: Path, rows: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    size = rows * np.dtype(dtype).itemsize
    with open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:  # macOS has no posix_fallocate; writing zeros reserves the blocks as well
            file.write(bytes(size))
    # A plain ndarray over the mapping: item assignment through the memmap subclass costs a microsecond more.
    return np.asarray(np.memmap(path, dtype=dtype, mode="r+", shape=(rows,)))


def _build(columns: dict[str, NDArray[np.generic]]) -> Timeline:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"timeline columns differ in length: {lengths}")
    return Timeline(**columns)  # type: ignore[arg-type]  # dtypes are those of _DTYPES
