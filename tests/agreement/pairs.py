"""Interleaved pairs of runs, each driver's own floor taken off, and the test of equivalence over the pairs.

The floor is what a driver finds for a system that does nothing, in the same scenario, measured between the pairs. Two
one-sided tests at 5 % (TOST) say "same" when the 90 % interval of the ratio lies within the margin.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import msgspec

from bench.records.loadgen import DRIVERS, Driver
from bench.scoring.distributions import t_quantile

from .one_run import Asked, Figures, figures_of

MARGIN = 0.02
LOOKS = (5, 10, 20)
# Three looks: each at a third of the 5 %, as the harness does for its own repetitions.
_LEVEL = 1.0 - 0.05 / len(LOOKS)


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
    def same(self) -> bool:
        return self.low > 1.0 - MARGIN and self.high < 1.0 + MARGIN


class Case:
    """Runs of one system in one scenario, and of its null system, by both drivers; pairs are added one by one."""

    def __init__(self, asked: Asked, folder: Path) -> None:
        self.asked, self._folder, self._number = asked, folder, 0
        self._arrivals: dict[str, Path] = {}
        self._runs: dict[tuple[str, Driver], list[Figures]] = {}
        self._systems = {"floor": msgspec.structs.replace(asked, system="null"), "raw": asked}

    def add_pair(self) -> None:
        """One run of each driver on the null system and on the system; who goes first alternates."""
        order = DRIVERS if self._number % 2 else DRIVERS[::-1]
        for kind, asked in self._systems.items():
            for driver in order:
                self._runs.setdefault((kind, driver), []).append(self._run(kind, asked, driver))
        self._number += 1

    def compared(self) -> list[Compared]:
        """Every figure of the scenario over the pairs so far."""
        return [self._compare(figure) for figure in self._runs["raw", "bench"][0]]

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

    def _compare(self, figure: str) -> Compared:
        floor = {d: statistics.median(entry[figure] for entry in self._runs["floor", d]) for d in DRIVERS}
        own = {d: [entry[figure] for entry in self._runs["raw", d]] for d in DRIVERS}
        logs = [
            math.log((ours - floor["bench"]) / (theirs - floor["loadgen"]))
            for ours, theirs in zip(own["bench"], own["loadgen"], strict=True)
        ]
        k = len(logs)
        half = t_quantile(_LEVEL, k - 1) * statistics.stdev(logs) / math.sqrt(k)
        mean = statistics.fmean(logs)
        return Compared(
            figure=figure,
            pairs=k,
            raw={d: statistics.median(own[d]) for d in DRIVERS},
            floor=floor,
            ratio=math.exp(mean),
            low=math.exp(mean - half),
            high=math.exp(mean + half),
        )
