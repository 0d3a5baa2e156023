"""Plot of a search for the highest rate, or for the most cameras: what was tried, what held, and what was confirmed.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import legend_beside, mark_state, value_axis
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, PAPER, SERIES
from bench.records.record import Record
from bench.records.search import Outcome
from bench.report.rows import State, record_state
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
# Filled held, hollow did not: to be told apart without colour.
_TRIALS: Final[dict[Outcome, tuple[str, str, str]]] = {
    "held": (SERIES, "o", SERIES),
    "late": (ACCENT, "X", PAPER),
    "grew": (ACCENT, "^", PAPER),
}
_CONFIRMED: Final[dict[bool | None, tuple[str, str, str]]] = {
    True: (SERIES, "s", SERIES),
    False: (ACCENT, "s", PAPER),
    None: (INK, "D", PAPER),
}


@dataclass(frozen=True, slots=True)
class SearchCourse:
    """Trials and then attempts to confirm, in their order: rates per second, or cameras where `unit` is "channels".

    `passing` is the most that held in the trials, `failing` the least that did not, `value` what is published.
    """

    name: str
    state: State
    unit: Literal["1/s", "channels"]
    tried: Floats
    outcomes: tuple[Outcome, ...]
    attempted: Floats
    held: tuple[bool | None, ...]
    passing: float | None
    failing: float | None
    value: float | None

    @classmethod
    def of(cls, record: Record) -> SearchCourse | None:
        """None where nothing was searched for or confirmed."""
        search, attempts = record.search, record.attempts
        if (search is None or not search.trials) and not attempts:
            return None
        frames = record.measurement.frames_per_s
        per = frames if record.measurement.scenario == "streams" and frames else 1.0
        trials = search.trials if search is not None else ()
        figure = record.metrics.get(record.primary)
        return cls(
            name=record.measurement.name,
            state=record_state(record),
            unit="1/s" if per == 1.0 else "channels",
            tried=np.array([trial.rate_per_s for trial in trials]) / per,
            outcomes=tuple(trial.outcome for trial in trials),
            attempted=np.array([attempt.rate_per_s for attempt in attempts]) / per,
            held=tuple(attempt.held for attempt in attempts),
            passing=_over(search.passing_per_s if search is not None else None, per),
            failing=_over(search.failing_per_s if search is not None else None, per),
            value=figure.value if figure is not None else None,
        )

    def draw(self, axes: Axes, lang: str) -> Axes:
        """Rates in the order in which they were tried; the bracket is shaded, attempts to confirm stand apart."""
        everything = np.r_[self.tried, self.attempted]
        factor, unit = figures.axis_unit(self.unit, float(everything.max()))
        if self.passing is not None and self.failing is not None:
            label = sentence(lang, "plot.bracket")
            axes.axhspan(self.passing / factor, self.failing / factor, color=INK, alpha=0.12, linewidth=0, label=label)
        order = np.arange(1, everything.size + 1)
        axes.plot(order, everything / factor, color=INK, linewidth=0.6, alpha=0.5)
        trials = len(self.outcomes)
        for outcome, look in _TRIALS.items():
            at = np.flatnonzero([one == outcome for one in self.outcomes])
            _draw_points(axes, order[at], everything[at] / factor, look, sentence(lang, f"plot_outcome.{outcome}"))
        for held, look in _CONFIRMED.items():
            at = trials + np.flatnonzero([one is held for one in self.held])
            key = {True: "confirmed", False: "refuted", None: "open"}[held]
            _draw_points(axes, order[at], everything[at] / factor, look, sentence(lang, f"plot_outcome.{key}"))
        if trials and self.held:
            axes.axvline(trials + 0.5, color=INK, linewidth=0.8, linestyle=":")
        if self.value is not None:
            label = sentence(lang, "plot.published", value=figures.figure(self.unit, self.value))
            axes.axhline(self.value / factor, color=SERIES, linewidth=0.8, linestyle="--", label=label)
        self._frame(axes, lang, unit, everything / factor)
        return axes

    def _frame(self, axes: Axes, lang: str, unit: str, shown: Floats) -> None:
        from matplotlib.ticker import MaxNLocator

        value_axis(axes, shown)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(0.4, shown.size + 0.6)
        axes.set_xlabel(sentence(lang, "plot.attempt"))
        axes.set_ylabel(f"{sentence(lang, 'plot.channels' if self.unit == 'channels' else 'plot.offered')} ({unit})")
        axes.set_title(identifier(self.name))
        legend_beside(axes)
        mark_state(axes, self.state, lang)


def _draw_points(axes: Axes, x: NDArray[np.int64], y: Floats, look: tuple[str, str, str], label: str) -> None:
    colour, marker, face = look
    if x.size:
        axes.plot(x, y, marker, color=colour, markersize=6, markerfacecolor=face, label=label)


def _over(rate: float | None, per: float) -> float | None:
    return rate / per if rate is not None else None
