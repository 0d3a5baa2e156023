"""Answers of different lengths: as one array filled up with -1 in memory, and without the filling in files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.tasks.base import NamedArrays

FILLER = -1
_COUNTS, _MOST = ".counts", ".most"


def packed(padded: Mapping[str, NDArray[np.generic]]) -> NamedArrays:
    """Arrays (n, most, …) without the places, at the end of each row, that hold nothing but the filler.

    Each becomes its used places (used, …), their number per row (n,) under `<name>.counts`, and `<name>.most`.
    """
    result: NamedArrays = {}
    for name, array in padded.items():
        used = _used(array)
        result[name] = np.ascontiguousarray(array[used])
        result[name + _COUNTS] = used.sum(axis=1).astype(np.int32)
        result[name + _MOST] = np.array(array.shape[1], np.int64)
    return result


def unpacked(stored: Mapping[str, NDArray[np.generic]]) -> NamedArrays:
    """What was `packed`. Raises ValueError for arrays that are no such thing."""
    result: NamedArrays = {}
    for name in (name for name in stored if not name.endswith((_COUNTS, _MOST))):
        if name + _COUNTS not in stored or name + _MOST not in stored:
            raise ValueError(f"{name!r} lacks {_COUNTS} or {_MOST}")
        values, counts, most = stored[name], stored[name + _COUNTS].astype(np.int64), int(stored[name + _MOST])
        if counts.min(initial=0) < 0 or counts.max(initial=0) > most or counts.sum() != len(values):
            raise ValueError(f"{name!r} holds {len(values)} places; its counts say {counts.sum()}, of {most} at most")
        padded = np.full((len(counts), most, *values.shape[1:]), FILLER, values.dtype)
        padded[np.arange(most) < counts[:, None]] = values
        result[name] = padded
    return result


def _used(array: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which places (n, most) lie before the end of their row's answer."""
    filled = (array != FILLER).any(axis=tuple(range(2, array.ndim)))
    used: NDArray[np.bool_] = np.logical_or.accumulate(filled[:, ::-1], axis=1)[:, ::-1]
    return used
