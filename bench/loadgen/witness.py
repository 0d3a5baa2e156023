"""An independent thread that looks now and then at what is in the workers' hands (measurement.md, section 5, iii).

It has a clock of its own and writes nothing that workers write. What it saw is held against the timeline afterwards:
`bench.scoring.busy`.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Between two looks, evenly spread: no load can keep in step. A look takes some ten microseconds of the interpreter.
_LEAST_S, _MOST_S = 0.02, 0.06
# A look that took longer than this was interrupted: when it was is not known well enough.
_LONGEST_LOOK_NS = 200_000
_FILE = "looks.npy"


class Hand(Protocol):
    """What a worker shows: its state, read by another thread."""

    def busy(self) -> bool:
        """Whether a session has a row right now."""

    def empty(self) -> bool:
        """Whether the row that came back last brought nothing; False where there is none, or none can tell."""


class Witness:
    """Looks at hands while `watching`; `looks` is (looks, 3) int64: when in ns, rows in hands, rows that were empty."""

    def __init__(self, least_s: float = _LEAST_S, most_s: float = _MOST_S) -> None:
        # Bound here, before anybody's engine is opened: who replaces the workers' clock does not replace this one.
        self._now, self._between = perf_counter_ns, (least_s, most_s)
        self._chance, self._looks = random.Random(), list[tuple[int, int, int]]()

    @property
    def looks(self) -> NDArray[np.int64]:
        return np.array(self._looks, np.int64).reshape(-1, 3)

    @contextlib.contextmanager
    def watching(self, hands: Sequence[Hand]) -> Iterator[None]:
        """Look at `hands`, in a thread of its own, for as long as the block runs."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(hands, over), name="witness", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, hands: Sequence[Hand], over: threading.Event) -> None:
        while not over.wait(self._chance.uniform(*self._between)):
            before_ns = self._now()
            busy, empty = sum(hand.busy() for hand in hands), sum(hand.empty() for hand in hands)
            if self._now() - before_ns <= _LONGEST_LOOK_NS:
                self._looks.append((before_ns, busy, empty))

    def keep(self, folder: Path) -> None:
        """Leave the looks beside the columns of the timeline."""
        np.save(folder / _FILE, self.looks)


def watched(witness: Witness | None, hands: Sequence[Hand]) -> contextlib.AbstractContextManager[None]:
    """`witness.watching`, where there is a witness."""
    return witness.watching(hands) if witness is not None else contextlib.nullcontext()


def read_looks(folder: Path) -> NDArray[np.int64]:
    """The looks that were kept in `folder`, (looks, 3). Raises OSError or ValueError when they are not whole."""
    looks = np.load(folder / _FILE, allow_pickle=False)
    if looks.dtype != np.int64 or looks.ndim != 2 or looks.shape[1] != 3:
        raise ValueError(f"{folder / _FILE}: {looks.dtype} of shape {looks.shape}, expected int64 of (looks, 3)")
    found: NDArray[np.int64] = looks
    return found
