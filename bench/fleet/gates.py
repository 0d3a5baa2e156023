"""Common starts: a moment of the head's clock for each repetition, once all nodes wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import perf_counter_ns

Key = tuple[int, int]
"""Position of a measurement, and repetition."""
# From the agreement until the start: long enough for every node to learn of it.
LEAD_NS = 3_000_000_000


class Gates:
    """For several threads, each of which follows one node, known by its number."""

    def __init__(self, nodes: Iterable[int], now: Callable[[], int] = perf_counter_ns) -> None:
        self._lock, self._now = threading.Lock(), now
        self._at: dict[int, Key] = dict.fromkeys(nodes, (-1, 0))
        self._all = frozenset(self._at)
        self.opened: dict[Key, tuple[int, frozenset[int]]] = {}
        """What was started, when, and by whom."""

    def arrive(self, node: int, key: Key) -> None:
        """A node waits for the start of `key`; it asks for no earlier one any more."""
        with self._lock:
            self._at[node] = key

    def leave(self, node: int) -> None:
        """A node is done, or lost; others need not wait for it."""
        with self._lock:
            self._at.pop(node, None)

    def moment(self, key: Key) -> int | None:
        """When `key` starts, in ns of the head's clock; None while a node that may still take part is elsewhere."""
        with self._lock:
            if key not in self.opened and all(there >= key for there in self._at.values()):
                together = frozenset(node for node, there in self._at.items() if there == key)
                self.opened[key] = (self._now() + LEAD_NS, together)
            return self.opened[key][0] if key in self.opened else None

    def by_all(self, key: Key) -> bool:
        """Whether every node took part in `key`: one may need more repetitions than another."""
        return key in self.opened and self.opened[key][1] == self._all
