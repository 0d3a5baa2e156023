"""Python's garbage collector while the clock runs: off, and what it did all the same is counted."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[Callable[[], int]]:
    """Collect now, and not again until the block ends; yields what counts the collections that happened all the same.

    An engine in this process can collect, or turn the collector on again. The interpreter itself counts.
    """
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    before = _collections()
    try:
        yield lambda: _collections() - before
    finally:
        if collecting:
            gc.enable()


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
