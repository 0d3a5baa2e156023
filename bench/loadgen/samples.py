"""The loaded set: samples laid out once in issue order, so that every batch of every scenario is a view.

No gather happens while the clock runs; the order is a seeded permutation, repeated (LoadGen draws with replacement).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Named = dict[str, NDArray[np.generic]]


def issue_order(count: int, seed: int) -> NDArray[np.int64]:
    """The order in which `count` samples are issued: a seeded permutation, (count,)."""
    return np.random.default_rng(seed).permutation(count)


def samples_of_rows(order: NDArray[np.int64], rows: int, batch: int) -> NDArray[np.int64]:
    """Sample numbers of rows 0 … rows − 1, (rows, batch), for samples issued in `order` again and again."""
    return np.resize(order, (rows, batch))


class Layout(Protocol):
    """Where a loaded set is laid out when it is not in this process's own memory."""

    def lay(self, samples: Mapping[str, NDArray[np.generic]], positions: NDArray[np.int64]) -> Named:
        """Arrays that hold `samples` in the order of `positions`."""

    def remember(self, batches: Sequence[Mapping[str, NDArray[np.generic]]]) -> None:
        """These views of what was laid out will be run again and again."""


class LoadedSet:
    """`count` samples in issue order, its head repeated behind its end by one batch.

    Row k of a run holds positions [k · batch, (k + 1) · batch) modulo `count`; `order` maps positions to samples. With
    no `seed` samples are issued as they come.
    """

    def __init__(
        self, samples: Mapping[str, NDArray[np.generic]], batch: int, seed: int | None, layout: Layout | None = None
    ) -> None:
        self.count = len(next(iter(samples.values())))
        if self.count == 0 or any(len(array) != self.count for array in samples.values()):
            sizes = {name: len(array) for name, array in samples.items()}
            raise ValueError(f"a loaded set needs the same positive number of samples in every input; got {sizes}")
        self.batch = batch
        self.order = np.arange(self.count) if seed is None else issue_order(self.count, seed)
        positions = self.order[np.arange(self.count + batch - 1) % self.count]
        self.layout = layout
        self._arrays: Named = (
            {name: np.ascontiguousarray(array[positions]) for name, array in samples.items()}
            if layout is None
            else layout.lay(samples, positions)
        )
        # After lcm(count, batch) samples the same starts come round again.
        self._cycle = math.lcm(self.count, batch) // batch
        self.batches: list[Named] = [self._view(row) for row in range(self._cycle)]
        if layout is not None:
            layout.remember(self.batches)

    def row(self, row: int) -> Named:
        """The batch of row `row`: views, leading axis `batch`."""
        return self.batches[row % self._cycle]

    def span(self, first: int, count: int) -> Named:
        """`count` samples, at most `batch`, from number `first` of the run on: views, leading axis `count`."""
        start = first % self.count
        return {name: array[start : start + count] for name, array in self._arrays.items()}

    def gathered(self, places: Sequence[int]) -> Named:
        """Copies of the samples at `places` in issue order, leading axis `len(places)`."""
        return {name: array[places] for name, array in self._arrays.items()}

    def of_all(self, name: str) -> NDArray[np.generic]:
        """One input of all samples in issue order: a view, leading axis `count`."""
        return self._arrays[name][: self.count]

    def positions(self, first: int, count: int) -> NDArray[np.int64]:
        """Places in issue order, (count,), of the samples of `span`."""
        return (first + np.arange(count, dtype=np.int64)) % self.count

    def watching(self, cameras: NDArray[np.int32]) -> LoadedSet:
        """What is fed where query i comes from camera `cameras[i]`: the same, for samples that belong to none."""
        return self

    def _view(self, row: int) -> Named:
        return self.span(row * self.batch, self.batch)
