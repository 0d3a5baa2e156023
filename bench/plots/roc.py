"""Plot of a receiver operating characteristic: who is accepted, over the share of impostors that is.

As in `plots`, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import mark_state
from bench.plots.fonts import identifier
from bench.plots.palette import SERIES
from bench.records.record import Record
from bench.report.rows import State, record_state
from bench.text import sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RocCurve:
    """False accept rates, rising, and the share of genuine pairs accepted there with its interval, (points,) each."""

    name: str
    state: State
    far: Floats
    value: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, record: Record) -> RocCurve | None:
        """None where there is no curve."""
        points = record.quality.roc if record.quality is not None else ()
        if not points:
            return None
        return cls(
            name=record.measurement.name,
            state=record_state(record),
            far=np.array([point.far for point in points]),
            value=np.array([point.value for point in points]),
            low=np.array([point.interval.low for point in points]),
            high=np.array([point.interval.high for point in points]),
        )

    def draw(self, axes: Axes, lang: str) -> Axes:
        """The curve over a logarithmic axis, its interval at each point shaded."""
        axes.fill_between(self.far, 100.0 * self.low, 100.0 * self.high, color=SERIES, alpha=0.2, linewidth=0)
        axes.plot(self.far, 100.0 * self.value, color=SERIES, marker="o", markersize=3)
        axes.set_xscale("log")
        # Powers of ten would be set as formulas, which our settings switch off.
        axes.xaxis.set_major_formatter(lambda far, _: f"{100.0 * far:g} %")
        axes.xaxis.set_minor_formatter(lambda far, _: "")
        # A decade at least, or matplotlib labels nothing.
        axes.set_xlim(float(self.far[0]) / 1.5, 1.5 * max(float(self.far[-1]), 10.0 * float(self.far[0])))
        room = max(0.5, 5.0 * float(self.high.max() - self.low.min()))
        axes.set_ylim(100.0 * float(self.low.min()) - room, min(100.0, 100.0 * float(self.high.max()) + room) + 0.5)
        axes.set_xlabel(sentence(lang, "plot.false_accepts"))
        axes.set_ylabel(f"{sentence(lang, 'plot.true_accepts')} (%)")
        axes.set_title(identifier(self.name))
        mark_state(axes, self.state, lang)
        return axes
