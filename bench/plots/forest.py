"""Forest plot: ratios to a reference with their intervals, one line each, and a line where both are equal.

As in all plots, the object holds its numbers first and then draws into given axes. To the right is always better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.plots.drawing import beside_rows, log_axis, name_rows
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, PAPER, SERIES, Palette
from bench.records.comparison import Comparison
from bench.records.listing import Row, TermResult
from bench.scoring.ranking import Terms, composite
from bench.text import name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as good as the reference something is, with both ends of its interval; `whole`: a composite.

    `system` is set where lines are of different systems, `verdict` where one was given.
    """

    name: str
    ratio: float
    low: float
    high: float
    whole: bool = False
    system: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Forest:
    """Ratios in the order in which they are drawn, what they are of, and what they are formed with."""

    title: str
    reference: str
    ratios: tuple[Ratio, ...]

    @classmethod
    def of_row(cls, row: Row, reference: str, title: str = "") -> Forest | None:
        """Every term of a row of a list, and the composite where it has one; None where there are no terms."""
        ratios = [_of_term(term.metric, term) for term in row.terms]
        if row.place is not None:
            ratios.append(Ratio("", row.place.score, row.place.low, row.place.high, whole=True))
        return cls(title or row.system, reference, tuple(ratios)) if row.terms else None

    @classmethod
    def of_rows(cls, rows: Sequence[Row], names: Sequence[str], reference: str, metric: str = "") -> Forest | None:
        """One term, or the composite where no `metric` is named, of several rows; the best first."""
        found = []
        for system, row in zip(names, rows, strict=True):
            if not metric and row.place is not None:
                found.append(Ratio(system, row.place.score, row.place.low, row.place.high, system=system))
            found += [_of_term(system, term, system) for term in row.terms if term.metric == metric]
        found.sort(key=lambda one: -one.ratio)
        return cls(metric, reference, tuple(found)) if found else None

    @classmethod
    def of_comparison(cls, made: Comparison) -> Forest | None:
        """The second record of a comparison over the first, for all metrics that were compared by their ratio."""
        found = []
        for one in made.judged:
            if one.scale != "ratio" or one.change is None or one.change <= -1.0:
                continue
            known = one.low is not None and one.high is not None and one.low > -1.0
            low, high = (1.0 + one.low, 1.0 + one.high) if known else (math.nan, math.nan)  # type: ignore[operator]
            ratio = 1.0 + one.change
            if one.better == "lower":
                ratio, low, high = 1.0 / ratio, 1.0 / high, 1.0 / low
            found.append(Ratio(f"{one.measurement} {one.metric}", ratio, low, high, verdict=one.verdict))
        return cls(made.second, made.first, tuple(found)) if found else None

    @property
    def height(self) -> float:
        """Inches that a figure of these lines needs."""
        return 1.1 + 0.36 * len(self.ratios)

    def draw(self, axes: Axes, lang: str, palette: Palette | None = None) -> Axes:
        """A mark with its interval for each ratio on a logarithmic axis; a composite is a diamond in ink."""
        systems = [ratio.system for ratio in self.ratios if ratio.system]
        palette = palette or Palette.of(systems)
        for row, ratio in enumerate(self.ratios):
            _draw_ratio(axes, row, ratio, palette)
        axes.axvline(1.0, color=INK, linewidth=1.0)
        self._axis(axes)
        whole = sentence(lang, "plot.composite")
        name_rows(axes, [whole if ratio.whole else _name(ratio.name, lang) for ratio in self.ratios])
        beside_rows(axes, [_text(ratio, lang) for ratio in self.ratios])
        axes.set_xlabel(sentence(lang, "plot.ratio", reference=identifier(self.reference, 40)))
        axes.set_title(_name(self.title, lang))
        return axes

    def _axis(self, axes: Axes) -> None:
        ends = np.array([end for one in self.ratios for end in (one.ratio, one.low, one.high)] + [1.0])
        ends = ends[np.isfinite(ends) & (ends > 0.0)]
        low, high = float(ends.min()), float(ends.max())
        room = max(high / low, 1.02) ** 0.12
        log_axis(axes, "x", low / room, high * room)


def _of_term(label: str, term: TermResult, system: str = "") -> Ratio:
    """With the interval that the ranking gives to one term alone."""
    scatter = Terms(
        mean=np.array([[math.log(term.ratio)]]),
        variance=np.array([[term.repetition_variance]]),
        degrees=np.array([[max(1.0, term.repetitions - 1.0)]]),
        resolution=np.array([[term.resolution_variance]]),
    )
    low, high = composite(scatter, np.ones(1)).ends()
    return Ratio(label, term.ratio, math.exp(low[0]), math.exp(high[0]), system=system)


def _draw_ratio(axes: Axes, row: int, ratio: Ratio, palette: Palette) -> None:
    # On both sides of 1 is not told from the reference: hollow.
    unsure = not (ratio.low > 1.0 or ratio.high < 1.0)
    colour, marker = (INK, "D") if ratio.whole else (ACCENT if ratio.high < 1.0 else SERIES, "o")
    if ratio.system:
        colour, marker = palette[ratio.system].colour, palette[ratio.system].marker
    if math.isfinite(ratio.low) and math.isfinite(ratio.high):
        axes.plot([ratio.low, ratio.high], [row, row], color=colour, linewidth=1.6, marker="|", markersize=8)
    face = PAPER if unsure else colour
    axes.plot([ratio.ratio], [row], marker=marker, markersize=7, color=colour, markerfacecolor=face, linestyle="")


def _text(ratio: Ratio, lang: str) -> str:
    ends = f" [{_times(ratio.low)}, {_times(ratio.high)}]" if math.isfinite(ratio.low) else ""
    verdict = f"  {name(lang, 'outcome', ratio.verdict)}" if ratio.verdict else ""
    return f"{_times(ratio.ratio)}{ends}{verdict}"


def _times(ratio: float) -> str:
    return f"{ratio:.3f}" if 0.1 <= ratio < 10.0 else f"{ratio:.3g}"


def _name(text: str, lang: str) -> str:
    """An address of a metric with the metric's name in words; anything else as it is."""
    before, dot, metric = text.rpartition(".")
    if not dot:
        before, dot, metric = text.rpartition(" ")
    known = name(lang, "metric", f"{metric}.name")
    return identifier(f"{before} {known}" if dot and not known.endswith(".name") else text, 90)
