"""Plot of quality over the level of each corruption, from the clean samples on.

As in `plots`, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import mark_state
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, SERIES
from bench.records.record import Record
from bench.report.rows import State, record_state
from bench.text import name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

# Marker and line tell the corruptions apart even without colour.
_STYLES: Final = ((SERIES, "o", "-"), (ACCENT, "s", "-"), (INK, "^", "-"), (SERIES, "D", "--"), (ACCENT, "v", "--"))
# Lines side by side, so that their intervals do not cover one another.
_APART: Final = 0.05


@dataclass(frozen=True, slots=True)
class StressLine:
    """One corruption: levels from 0 (clean), with value and ends of its interval (shares), all (k,)."""

    corruption: str
    levels: Floats
    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class StressCurves:
    """Quality under every corruption of a record."""

    measurement: str
    state: State
    metric: str
    lines: tuple[StressLine, ...]

    @classmethod
    def of(cls, record: Record) -> StressCurves | None:
        """None where nothing was asked under corruption."""
        found = record.robustness
        if found is None or not found.stressed:
            return None
        lines = []
        for corruption in dict.fromkeys(one.corruption for one in found.stressed):
            own = sorted((one for one in found.stressed if one.corruption == corruption), key=lambda one: one.level)
            intervals = [found.interval, *(one.interval for one in own)]
            lines.append(
                StressLine(
                    corruption=corruption,
                    levels=np.array([0.0, *(one.level for one in own)]),
                    value=np.array([found.value, *(one.value for one in own)]),
                    low=np.array([interval.low for interval in intervals]),
                    high=np.array([interval.high for interval in intervals]),
                )
            )
        return cls(record.measurement.name, record_state(record), found.metric, tuple(lines))

    def draw(self, axes: Axes, lang: str) -> Axes:
        """A line for each corruption, from 0 to 100 %, with the interval of each point."""
        middle = (len(self.lines) - 1) / 2
        for place, line in enumerate(self.lines):
            colour, marker, dash = _STYLES[place % len(_STYLES)]
            x = line.levels + np.where(line.levels > 0, (place - middle) * _APART, 0.0)
            axes.vlines(x, 100.0 * line.low, 100.0 * line.high, color=colour, linewidth=0.8, alpha=0.6)
            axes.plot(
                x,
                100.0 * line.value,
                color=colour,
                marker=marker,
                linestyle=dash,
                markersize=4,
                linewidth=1.2,
                label=name(lang, "corruption", line.corruption),
            )
        most = int(max(line.levels.max() for line in self.lines))
        labels = [sentence(lang, "plot.clean"), *(str(level) for level in range(1, most + 1))]
        axes.set_xticks(range(most + 1), labels)
        axes.set_ylim(0.0, 105.0)
        axes.set_xlabel(sentence(lang, "plot.level"))
        axes.set_ylabel(f"{name(lang, 'quality', self.metric)} (%)")
        axes.legend(loc="lower left", fontsize=8)
        axes.set_title(identifier(self.measurement))
        mark_state(axes, self.state, lang)
        return axes
