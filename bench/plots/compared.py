"""Plot of one figure on several systems: a dot with its interval for each, the best on top.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.plots.drawing import beside_rows, name_rows, state_word, value_axis
from bench.plots.fonts import identifier
from bench.plots.palette import INK, PAPER, Palette
from bench.plots.systems import named
from bench.records.metrics import METRICS
from bench.records.numbers import Interval, Measured
from bench.records.plan import Mode
from bench.records.record import Record
from bench.report.rows import State, interval_text, record_state, repetitions, value_text
from bench.text import figures, name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Figure:
    """The figure of one system, in the metric's own unit. `verified`: its quality was judged, well or badly."""

    system: str
    measured: Measured
    state: State
    repetitions: int
    mode: Mode
    suite_version: str
    verified: bool

    @property
    def value(self) -> float | None:
        """None where there is none, whatever the reason."""
        return self.measured.value

    @property
    def interval(self) -> Interval | None:
        """The two-sided interval; a bound of MLPerf's is none."""
        found = self.measured.interval
        return found if found is not None and found.kind != "early-stopping" else None


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of one workload and scenario on several systems: the best first, then what is void, then nothing."""

    workload: str
    scenario: str
    metric: str
    figures: tuple[Figure, ...]

    @classmethod
    def of(
        cls, records: Sequence[Record], metric: str | None = None, names: Sequence[str] | None = None
    ) -> Compared | None:
        """Of `metric`, or the primary figure; None where no system has it. `names` as in `systems.named`.

        Raises ValueError for records of more than one workload, scenario or timed region.
        """
        pairs = named(records, names)
        chosen = metric or (records[0].primary if records else "")
        found = [_figure(system, record, chosen) for system, record in pairs]
        if all(figure.value is None for figure in found):
            return None
        measurement = records[0].measurement
        sign = -1.0 if chosen in METRICS and METRICS[chosen].better == "higher" else 1.0
        found.sort(key=lambda one: (one.value is None, one.state == "invalid", sign * (one.value or 0.0), one.system))
        return cls(measurement.workload, measurement.scenario, chosen, tuple(found))

    @property
    def height(self) -> float:
        """Inches that a figure of these rows needs."""
        return 1.1 + 0.36 * len(self.figures)

    def draw(self, axes: Axes, lang: str, palette: Palette | None = None) -> Axes:
        """A row for each system. What is void is hollow and says so."""
        palette = palette or Palette.of(figure.system for figure in self.figures)
        values = np.array([end for figure in self.figures for end in _extent(figure)])
        unit = METRICS[self.metric].unit if self.metric in METRICS else ""
        factor, shown_unit = figures.axis_unit(unit, float(np.median(values)))
        value_axis(axes, values / factor, "x")
        for row, figure in enumerate(self.figures):
            _draw_figure(axes, row, figure, factor, palette)
        name_rows(axes, [identifier(figure.system) for figure in self.figures])
        beside_rows(axes, [self._text(figure, lang) for figure in self.figures])
        kinds = [interval_text(one.interval, one.repetitions, lang) for one in self.figures if one.interval is not None]
        told = sentence(lang, "phrase.list").join(dict.fromkeys(kinds)) or sentence(lang, "interval.missing")
        better = f"  {sentence(lang, f'plot.{METRICS[self.metric].better}')}" if self.metric in METRICS else ""
        known = name(lang, "metric", f"{self.metric}.name").removesuffix(".name")
        axes.set_xlabel(f"{identifier(known)} ({shown_unit}){better}\n{told}")
        axes.set_title(f"{identifier(self.workload)}, {name(lang, 'scenario', self.scenario)}")
        return axes

    def _text(self, figure: Figure, lang: str) -> str:
        if figure.value is None:
            return sentence(lang, "value.missing")
        words = [value_text(self.metric, figure.measured), state_word(figure.state, lang)]
        words.append("" if figure.verified else sentence(lang, "plot.unverified"))
        # What is not alike is said beside the figure that it is of.
        if len({one.mode for one in self.figures}) > 1:
            words.append(name(lang, "mode", figure.mode))
        if len({one.suite_version for one in self.figures}) > 1:
            words.append(sentence(lang, "plot.suite", version=identifier(figure.suite_version, 12)))
        return "  ".join(filter(None, words))


def _figure(system: str, record: Record, metric: str) -> Figure:
    return Figure(
        system=system,
        measured=record.metrics.get(metric, Measured()),
        state=record_state(record),
        repetitions=repetitions(record),
        mode=record.mode,
        suite_version=record.suite_version,
        verified=record.quality is not None and record.quality.passed is not None,
    )


def _extent(figure: Figure) -> list[float]:
    ends = [figure.interval.low, figure.interval.high] if figure.interval is not None else []
    return ends + ([figure.value] if figure.value is not None else [])


def _draw_figure(axes: Axes, row: int, figure: Figure, factor: float, palette: Palette) -> None:
    if figure.value is None:
        return
    look, void = palette[figure.system], figure.state == "invalid"
    if figure.interval is not None:
        ends = [figure.interval.low / factor, figure.interval.high / factor]
        axes.plot(ends, [row, row], color=look.colour, linewidth=1.6, marker="|", markersize=8)
    marks = look.marks(7)
    axes.plot([figure.value / factor], [row], **(marks | {"markerfacecolor": PAPER} if void else marks))
    if void:
        axes.plot([figure.value / factor], [row], marker="x", markersize=9, color=INK)
