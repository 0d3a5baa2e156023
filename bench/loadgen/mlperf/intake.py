"""What LoadGen has issued and nobody has run yet: batches are taken from it by the rules of the harness's own driver.

LoadGen names samples by labels. The k-th label of the set that it loads stands for the k-th place in the order of issue
of our loaded set, so that what it walks through in order (`offline`, `multi_stream`) is a view, as in our own driver.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import perf_counter_ns

import msgspec
import numpy as np
from numpy.typing import NDArray


class Taken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row: its number, that of its first sample in the order of issue, LoadGen's ids, its samples' places."""

    row: int
    first: int
    ids: list[int]
    places: list[int]


class Intake:
    """Samples in the order of issue; `take` gives whatever waits, at most `batch`, to one worker at a time.

    A row that is not full waits until `max_wait_ns` after its first sample was issued. `close` ends the waiting.
    """

    def __init__(self, count: int, batch: int, max_wait_ns: int = 0) -> None:
        self._batch, self._max_wait_ns = batch, max_wait_ns
        self._place: list[int] = list(range(count))
        self._ids: list[int] = []
        self._places: list[int] = []
        self._issued_ns: list[int] = []
        self._next = self._row = 0
        self._closed = False
        self._changed = threading.Condition(threading.Lock())
        self._taking = threading.Lock()

    def load(self, labels: Sequence[int]) -> None:
        """Called by LoadGen before the clock starts, with every label once and perhaps the first of them again."""
        count = len(self._place)
        if sorted(labels[:count]) != list(range(count)):
            raise ValueError(f"LoadGen loads {len(labels)} labels that are not the {count} of the loaded set")
        for place, label in enumerate(labels[:count]):
            self._place[label] = place

    def put(self, ids: list[int], labels: list[int]) -> None:
        """One query, as issued."""
        place = self._place
        with self._changed:
            self._ids += ids
            self._places += [place[label] for label in labels]
            if self._max_wait_ns:
                self._issued_ns += [perf_counter_ns()] * len(ids)
            self._changed.notify()

    def take_now(self) -> Taken | None:
        """What waits, for the only worker, in the thread that issues; None when there is nothing."""
        lo = self._next
        hi = min(lo + self._batch, len(self._ids))
        return self._hand_out(lo, hi) if lo < hi else None

    def take(self) -> Taken | None:
        """Wait for samples and take them; None when all are taken and no more will come."""
        with self._taking, self._changed:
            lo = self._next
            self._changed.wait_for(lambda: self._closed or len(self._ids) > lo)
            if self._max_wait_ns and len(self._ids) > lo:
                left_ns = self._issued_ns[lo] + self._max_wait_ns - perf_counter_ns()
                self._changed.wait_for(lambda: len(self._ids) >= lo + self._batch, max(0.0, left_ns / 1e9))
            hi = min(lo + self._batch, len(self._ids))
            return self._hand_out(lo, hi) if lo < hi else None

    def close(self) -> None:
        """No more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    @property
    def rows(self) -> int:
        """How many rows were taken."""
        return self._row

    def issued_places(self) -> NDArray[np.int64]:
        """Place in the loaded set's order of issue of every sample issued, (samples,)."""
        return np.array(self._places, np.int64)

    def labels(self) -> NDArray[np.int64]:
        """The label that stands for each place, (count,)."""
        return np.argsort(np.array(self._place, np.int64))

    def _hand_out(self, lo: int, hi: int) -> Taken:
        self._next = hi
        row, self._row = self._row, self._row + 1
        return Taken(row=row, first=lo, ids=self._ids[lo:hi], places=self._places[lo:hi])
