"""Plot of several systems by two figures at once, with a third in words: which of them no other beats in all.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import label_beside, value_axis
from bench.plots.fonts import identifier
from bench.plots.palette import INK, PAPER, Palette
from bench.plots.places import row_names
from bench.records.listing import Listing, Row, Table
from bench.records.metrics import METRICS
from bench.records.record import Record
from bench.report.rows import record_state
from bench.scoring.ranking import pareto
from bench.text import figures, name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ENERGY = "device_energy_per_sample_j"


@dataclass(frozen=True, slots=True)
class Spot:
    """One system: a value for each figure, in the metric's unit, None where it has none; `front`: nobody beats it."""

    system: str
    values: tuple[float | None, ...]
    front: bool


@dataclass(frozen=True, slots=True)
class Pareto:
    """Systems by the figures `axes`, addresses `<workload>.<scenario>.<metric>`: to the right, upwards, in words.

    `titles` by language, English always.
    """

    titles: Mapping[str, str]
    axes: tuple[str, ...]
    spots: tuple[Spot, ...]

    @classmethod
    def of(cls, systems: Mapping[str, Sequence[Record]], workload: str) -> Pareto | None:
        """Latency, throughput and, where all have it, energy of each system for one workload.

        Of valid records only; None where no system has both a latency and a throughput.
        """
        wanted = (
            f"{workload}.single_stream.latency_p90_ns",
            f"{workload}.offline.samples_per_s",
            f"{workload}.offline.{_ENERGY}",
        )
        found = {system: [_value(records, one) for one in wanted] for system, records in systems.items()}
        # A front over energy would leave out whoever could not measure it.
        complete = [values for values in found.values() if None not in values[:2]]
        axes = wanted if all(values[2] is not None for values in complete) else wanted[:2]
        spots = _spots({system: values[: len(axes)] for system, values in found.items()}, axes)
        return cls({"en": workload}, axes, spots) if spots else None

    @classmethod
    def of_listing(
        cls, made: Listing, table: Table = "formal", names: Mapping[int, str] | None = None
    ) -> Pareto | None:
        """The front of a list's policy, as the list has it; None where the policy names fewer than two metrics."""
        axes = made.policy.pareto[:3]
        if len(axes) < 2:
            return None
        shown = row_names(made) if names is None else names
        spots = tuple(
            Spot(shown[row.number], tuple(_listed(row, one) for one in axes), bool(row.on_pareto_front))
            for row in made.rows
            if row.table == table and row.on_pareto_front is not None
        )
        spots = tuple(spot for spot in spots if None not in spot.values[:2])
        return cls({"en": made.policy.name, **made.policy.title}, axes, spots) if spots else None

    def draw(self, axes: Axes, lang: str, palette: Palette | None = None) -> Axes:
        """Full marks on the front, hollow ones behind it; names, and the third figure, in a column beside the axes."""
        palette = palette or Palette.of(spot.system for spot in self.spots)
        x, x_unit = self._scaled(0)
        y, y_unit = self._scaled(1)
        value_axis(axes, x, "x")
        value_axis(axes, y, "y")
        if len(self.axes) == 2:
            self._draw_front(axes, x, y)
        for spot, left, up in zip(self.spots, x, y, strict=True):
            look = palette[spot.system]
            face = look.colour if spot.front else PAPER
            axes.plot([left], [up], marker=look.marker, color=look.colour, markerfacecolor=face, markersize=7)
        label_beside(axes, list(zip(x, y, strict=True)), [self._label(spot, lang) for spot in self.spots])
        axes.set_xlabel(f"{_words(self.axes[0], lang)} ({x_unit})  {_better(self.axes[0], lang)}")
        axes.set_ylabel(f"{_words(self.axes[1], lang)} ({y_unit})\n{_better(self.axes[1], lang)}")
        title = self.titles.get(lang, self.titles["en"])
        axes.set_title(f"{identifier(title)}: {sentence(lang, 'plot.front')}")
        return axes

    def _scaled(self, axis: int) -> tuple[NDArray[np.float64], str]:
        values = np.array([spot.values[axis] for spot in self.spots], np.float64)
        factor, unit = figures.axis_unit(_unit(self.axes[axis]), float(np.median(values)))
        return values / factor, unit

    def _draw_front(self, axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """With two figures only: of three the front is no line."""
        at = sorted((i for i, spot in enumerate(self.spots) if spot.front), key=lambda i: (x[i], y[i]))
        axes.plot(x[at], y[at], color=INK, linewidth=0.8, linestyle=":")

    def _label(self, spot: Spot, lang: str) -> str:
        shown = identifier(spot.system, 40)
        if len(self.axes) < 3:
            return shown
        third = spot.values[2]
        return f"{shown}, {figures.figure(_unit(self.axes[2]), third) if third is not None else figures.NONE}"


def _value(records: Sequence[Record], address: str) -> float | None:
    workload, scenario, metric = address.rsplit(".", 2)
    for record in records:
        if record.measurement.workload != workload or record.measurement.scenario != scenario:
            continue
        figure = record.metrics.get(metric)
        if figure is not None and figure.value is not None and record_state(record) in ("valid", "quick"):
            return figure.value
    return None


def _spots(found: Mapping[str, Sequence[float | None]], axes: Sequence[str]) -> tuple[Spot, ...]:
    known = {system: values for system, values in found.items() if None not in values[:2]}
    oriented = np.array(
        [
            [np.nan if value is None else _sign(axis) * value for value, axis in zip(values, axes, strict=True)]
            for values in known.values()
        ]
    ).reshape(-1, len(axes))
    front = pareto(oriented)
    return tuple(Spot(system, tuple(known[system]), bool(on)) for system, on in zip(known, front, strict=True))


def _listed(row: Row, address: str) -> float | None:
    """The value of a metric that is a term or a gate of the row."""
    terms = [term.value for term in row.terms if term.metric == address]
    gates = [gate.value for gate in row.gates if gate.gate == address]
    return next((value for value in (*terms, *gates) if value is not None), None)


def _sign(address: str) -> float:
    metric = address.rsplit(".", 1)[-1]
    return -1.0 if metric in METRICS and METRICS[metric].better == "lower" else 1.0


def _unit(address: str) -> str:
    metric = address.rsplit(".", 1)[-1]
    return METRICS[metric].unit if metric in METRICS else "1"  # quality is a share


def _words(address: str, lang: str) -> str:
    _, scenario, metric = address.rsplit(".", 2)
    known = name(lang, "metric", f"{metric}.name").removesuffix(".name")
    return identifier(f"{name(lang, 'scenario', scenario)}, {known}")


def _better(address: str, lang: str) -> str:
    return sentence(lang, "plot.higher" if _sign(address) > 0.0 else "plot.lower")
