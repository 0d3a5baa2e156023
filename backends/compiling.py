"""What making a model ready took: seconds and host memory, which every engine states in its facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Effort:
    """Filled when the block of `compilation` ends: wall-clock seconds, and growth of this process in bytes."""

    seconds: float = 0.0
    memory_bytes: int = 0


@contextmanager
def compilation() -> Iterator[Effort]:
    """Watch a block that loads and compiles; what it took is known behind it."""
    import psutil

    effort, process = Effort(), psutil.Process()
    before, begun = process.memory_info().rss, perf_counter()
    yield effort
    effort.seconds = perf_counter() - begun
    effort.memory_bytes = max(process.memory_info().rss - before, 0)
