"""Arrays in memory that two processes share. It has no name, so that nothing is left when both are gone.

On Linux its size is sealed: an engine's process that cut it short would end the harness with a bus error.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import tempfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor

# Of <linux/fcntl.h>; Python has names for them from 3.12 or not at all.
_ADD_SEALS, _SEAL_SIZE, _SEAL_FUTURE_WRITE = 1033, 0x2 | 0x4, 0x10


def new_memory(size: int) -> int:
    """A descriptor of `size` zero bytes (one at least). Raises OSError where there is no room."""
    if not hasattr(os, "memfd_create"):  # macOS
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, max(size, 1))
        return descriptor
    descriptor = os.memfd_create("bench", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    # Reserved at once: memory that is missing is an error here, and not a bus error when it is first written to.
    os.posix_fallocate(descriptor, 0, max(size, 1))
    fcntl.fcntl(descriptor, _ADD_SEALS, _SEAL_SIZE)
    return descriptor


def new_array(shape: Sequence[int], dtype: str) -> tuple[int, NDArray[np.generic]]:
    """A shared array of zeros, and the descriptor by which another process maps it."""
    descriptor = new_memory(math.prod(shape) * np.dtype(dtype).itemsize)
    return descriptor, map_array(descriptor, shape, dtype)


def forbid_writing(descriptor: int) -> None:
    """From now on nobody may map this memory for writing; mappings that exist stay as they are."""
    if hasattr(os, "memfd_create"):
        fcntl.fcntl(descriptor, _ADD_SEALS, _SEAL_FUTURE_WRITE)


def map_array(descriptor: int, shape: Sequence[int], dtype: str, private: bool = False) -> NDArray[np.generic]:
    """Map a descriptor as an array; what is written into a `private` one stays in this process."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    access = mmap.ACCESS_COPY if private else mmap.ACCESS_WRITE
    mapped = mmap.mmap(descriptor, max(size, 1), access=access)
    return np.frombuffer(mapped, dtype, math.prod(shape)).reshape(shape)


def touch(array: NDArray[np.generic]) -> None:
    """Have every page of an array here, so that nobody's first use of it pays for that."""
    array.reshape(-1).view(np.uint8)[:: mmap.PAGESIZE].max(initial=0)


def shape_of(rows: int, tensor: Tensor) -> tuple[int, ...]:
    """The shape of `rows` samples of a tensor."""
    return (rows, *tensor.shape)
