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
_OPEN_LOOP: dict[str, type[np.generic]] = {"queries": np.int32}


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of equal length, row k the k-th batch in issue order; times in ns of one monotonic clock.

    `status` is as in `bench.scoring.columns`. `queries`, how many a row holds, is there only for an
    open loop, where their number follows from nothing else; rows that were not needed hold none and come last.
    """

    started: NDArray[np.int64]
    ended: NDArray[np.int64]
    worker: NDArray[np.int16]
    status: NDArray[np.uint8]
    queries: NDArray[np.int32] | None = None

    @property
    def rows(self) -> int:
        return len(self.started)

    def put(self, row: int, started_ns: int, ended_ns: int, status: int, queries: int, worker: int = 0) -> None:
        """Write one row of an open loop that no session answered."""
        assert self.queries is not None
        self.started[row], self.ended[row], self.status[row] = started_ns, ended_ns, status
        self.queries[row], self.worker[row] = queries, worker


def in_memory(rows: int, open_loop: bool = False) -> Timeline:
    """A timeline that is not kept, for warm-up and tests."""
    return _build({name: np.zeros(rows, dtype) for name, dtype in _columns(open_loop).items()})


def create(folder: Path, rows: int, open_loop: bool = False) -> Timeline:
    """Columns on disk under `folder`, space reserved. Raises OSError when the disk has no room."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = _columns(open_loop).items()
    return _build({name: _create_column(folder / f"{name}.bin", rows, dtype) for name, dtype in columns})


def read(folder: Path) -> Timeline:
    """The columns that a child left under `folder`, without rows that were not needed.

    Raises OSError or ValueError when they are not whole.
    """
    columns = _columns((folder / "queries.bin").exists()).items()
    whole = _build({name: np.fromfile(folder / f"{name}.bin", dtype) for name, dtype in columns})
    return used(whole)


def used(timeline: Timeline) -> Timeline:
    """The timeline without the rows at its end that an open loop did not need."""
    if timeline.queries is None:
        return timeline
    rows = int(np.count_nonzero(timeline.queries))
    fields = {name: getattr(timeline, name)[:rows] for name in timeline.__struct_fields__}
    return Timeline(**fields)


def _columns(open_loop: bool) -> dict[str, type[np.generic]]:
    return {**_DTYPES, **_OPEN_LOOP} if open_loop else _DTYPES


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
