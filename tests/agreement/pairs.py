"""Interleaved pairs of runs, each driver's own floor taken off, and the test of equivalence over the pairs.

The floor is what a driver finds for a system that does nothing, in the same scenario, measured in every pair. Two
one-sided tests at 5 % (TOST) say "same" when the interval of the ratio lies within the margin. On a noisy machine it is
wide and reaches beyond: nothing is known then. The drivers differ only where it lies wholly outside.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from bench.records.loadgen import DRIVERS, Driver
from bench.scoring.distributions import t_quantile

from .one_run import Asked, Figures, figures_of

MARGIN = 0.02
LOOKS = (5, 10, 20)
# Three looks: each side of each at a third of the 5 %.
_LEVEL = 1.0 - 2.0 * 0.05 / len(LOOKS)
Verdict = Literal["same", "different", "undecided"]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one case: medians by driver without and with its floor, and the interval of ours over LoadGen's."""

    figure: str
    pairs: int
    raw: dict[Driver, float]
    floor: dict[Driver, float]
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        if self.low > 1.0 - MARGIN and self.high < 1.0 + MARGIN:
            return "same"
        return "different" if self.low > 1.0 + MARGIN or self.high < 1.0 - MARGIN else "undecided"


class Case:
    """Runs of one system in one scenario, and of its null system, by both drivers; pairs are added one by one."""

    def __init__(self, asked: Asked, folder: Path) -> None:
        self.asked, self._folder, self._number = asked, folder, 0
        self._arrivals: dict[str, Path] = {}
        self._runs: dict[tuple[str, Driver], list[Figures]] = {}
        self._systems = {"floor": msgspec.structs.replace(asked, system="null"), "raw": asked}

    def looks(self) -> Iterator[list[Compared]]:
        """Add pairs up to each look in turn, until every figure has a verdict; gives all figures at each look."""
        for look in LOOKS:
            while self._number < look:
                self.add_pair()
            found = self.compared()
            yield found
            if all(one.verdict != "undecided" for one in found):
                return

    def add_pair(self) -> None:
        """One run of each driver on the null system and on the system; who goes first alternates."""
        order = DRIVERS if self._number % 2 else DRIVERS[::-1]
        for kind, asked in self._systems.items():
            for driver in order:
                self._runs.setdefault((kind, driver), []).append(self._run(kind, asked, driver))
        self._number += 1

    def compared(self) -> list[Compared]:
        """Every figure of the scenario over the pairs so far."""
        return [
            compare(figure, *({d: self._column(kind, d, figure) for d in DRIVERS} for kind in ("floor", "raw")))
            for figure in self._runs["raw", "bench"][0]
        ]

    def _column(self, kind: str, driver: Driver, figure: str) -> list[float]:
        return [entry[figure] for entry in self._runs[kind, driver]]

    def _run(self, kind: str, asked: Asked, driver: Driver) -> Figures:
        place = self._folder / f"{asked.system}-{asked.scenario}-{kind}-{driver}-{self._number}"
        arrivals = None
        if asked.scenario == "server" and driver == "bench":
            # LoadGen draws them from the seed alone, so one run of it tells those of all.
            if kind not in self._arrivals:
                first = place.with_name(place.name + "-arrivals")
                figures_of(asked, "loadgen", first)
                self._arrivals[kind] = first / "columns"
            arrivals = self._arrivals[kind]
        return figures_of(asked, driver, place, arrivals)


def compare(figure: str, floors: dict[Driver, list[float]], raws: dict[Driver, list[float]]) -> Compared:
    """Ratio of ours to LoadGen's, each without its floor, with the interval over the pairs.

    The differences of the pairs over the median of LoadGen's figure, and not the logarithms of their ratios: on a noisy
    machine a floor may be above a figure. A floor that is above the median leaves nothing to compare with.
    """
    floor: dict[Driver, float] = {d: statistics.median(floors[d]) for d in DRIVERS}
    raw: dict[Driver, float] = {d: statistics.median(raws[d]) for d in DRIVERS}
    size, k = raw["loadgen"] - floor["loadgen"], len(raws["bench"])
    mean = half = math.inf
    if size > 0:
        parted = [
            ((ours - floor["bench"]) - (theirs - floor["loadgen"])) / size
            for ours, theirs in zip(raws["bench"], raws["loadgen"], strict=True)
        ]
        mean, half = statistics.fmean(parted), t_quantile(_LEVEL, k - 1) * statistics.stdev(parted) / math.sqrt(k)
    low, high = (1.0 + mean - half, 1.0 + mean + half) if size > 0 else (-math.inf, math.inf)
    return Compared(figure=figure, pairs=k, raw=raw, floor=floor, ratio=1.0 + mean, low=low, high=high)
