"""What LoadGen chose, left beside the timeline's columns for the parent: which sample, and when it was due."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

_SAMPLES, _DUE = "issued_samples.bin", "issued_due.bin"


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """Sample numbers in the order of issue, (samples,), and in `server` when each was due, ns after the first."""

    samples: NDArray[np.int64]
    due_ns: NDArray[np.int64] | None


def keep_issued(folder: Path, samples: NDArray[np.int64], due_ns: NDArray[np.int64] | None) -> None:
    """Write both under `folder`. Raises OSError when the disk has no room."""
    samples.tofile(folder / _SAMPLES)
    if due_ns is not None:
        due_ns.tofile(folder / _DUE)


def read_issued(folder: Path) -> Issued:
    """What `keep_issued` left. Raises OSError."""
    due = folder / _DUE
    return Issued(
        samples=np.fromfile(folder / _SAMPLES, np.int64),
        due_ns=np.fromfile(due, np.int64) if due.exists() else None,
    )
