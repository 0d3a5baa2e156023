"""Plot of an uncertainty budget: what each source adds to the uncertainty of a composite, and what nobody assessed.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plots.drawing import beside_rows, name_rows
from bench.plots.fonts import identifier
from bench.plots.palette import INK, SERIES
from bench.records.listing import Row
from bench.text import name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Part:
    """A source, and its standard uncertainty as a share of the composite; None: not assessed."""

    source: str
    uncertainty: float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """The sources in the order of the list, and their combined standard uncertainty u; U is twice that."""

    title: str
    parts: tuple[Part, ...]
    combined: float

    @classmethod
    def of(cls, row: Row, title: str = "") -> Budget | None:
        """None where the row has no budget, or where nothing in it was assessed."""
        known = [source.variance for source in row.budget if source.variance is not None]
        if not known:
            return None
        parts = tuple(
            Part(source.source, math.sqrt(source.variance) if source.variance is not None else None)
            for source in row.budget
        )
        return cls(title or row.system, parts, math.sqrt(math.fsum(known)))

    @property
    def height(self) -> float:
        """Inches that a figure of these sources needs."""
        return 1.1 + 0.3 * (len(self.parts) + 1)

    def draw(self, axes: Axes, lang: str) -> Axes:
        """A bar for each source that was assessed, words for the others, and U below."""
        for row, part in enumerate(self.parts):
            axes.barh(row, 100.0 * (part.uncertainty or 0.0), height=0.55, color=SERIES)
        last = len(self.parts)
        axes.barh(last, 200.0 * self.combined, height=0.55, facecolor="none", edgecolor=INK, hatch="////")
        names = [name(lang, "plot_source", part.source) for part in self.parts]
        name_rows(axes, [*(identifier(shown) for shown in names), sentence(lang, "plot.expanded")])
        missing = sentence(lang, "plot.not_assessed")
        texts = [_percent(part.uncertainty) if part.uncertainty is not None else missing for part in self.parts]
        beside_rows(axes, [*texts, _percent(2.0 * self.combined)])
        axes.set_xlim(0.0, 210.0 * self.combined or 1.0)
        axes.set_xlabel(sentence(lang, "plot.uncertainty"))
        axes.set_title(identifier(self.title))
        return axes


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g} %"
