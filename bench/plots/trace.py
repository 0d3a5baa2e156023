"""Plot of a trace: every kernel over the time of a round, as high as it computes fast; its area is what it computes.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import new_figure, style, to_file
from bench.plots.fonts import identifier, plot_language
from bench.plots.palette import INK, Palette
from bench.records.opencl import Trace
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Height, as a share of the axis, of what moves and does not compute: it takes time, and must be seen.
_FLAT = 0.02


def picture(trace: Trace, target: Path, lang: str) -> bytes:
    """The file that `target` names by its suffix, PNG or SVG; a trace without any time is an empty plot."""
    labelled = plot_language(lang)
    drawn = Round.of(trace)
    with style(labelled):
        figure = new_figure(9.0, 3.4)
        axes = figure.subplots()
        if drawn is not None:
            drawn.draw(axes, labelled)
    return to_file(figure, labelled, trace.device, target)


@dataclass(frozen=True, slots=True)
class Round:
    """Layers in their order: kind of kernel, time (ns), operations per second; and the peak where it was measured."""

    device: str
    kinds: tuple[str, ...]
    took_ns: NDArray[np.float64]
    ops_per_s: NDArray[np.float64]
    peak_ops_per_s: float | None

    @classmethod
    def of(cls, trace: Trace) -> Round | None:
        """None where no layer took any time."""
        if not trace.busy_ns:
            return None
        return cls(
            device=trace.device,
            kinds=tuple(layer.kernel for layer in trace.layers),
            took_ns=np.array([layer.ns for layer in trace.layers]),
            ops_per_s=np.array([1e9 * layer.gflops for layer in trace.layers]),
            peak_ops_per_s=trace.ops_per_s,
        )

    def draw(self, axes: Axes, lang: str) -> Axes:
        """A colour and a hatch for each kind of kernel, with its share of the time."""
        unit_time, time = figures.axis_unit("ns", float(self.took_ns.sum()))
        top = max(float(self.ops_per_s.max()), self.peak_ops_per_s or 0.0, 1.0)
        factor, unit = figures.axis_unit("OP/s", top)
        ends = np.cumsum(self.took_ns)
        palette = Palette.of(self.kinds)
        for kind in dict.fromkeys(self.kinds):
            of_kind = np.array([one == kind for one in self.kinds])
            heights = np.maximum(self.ops_per_s[of_kind], _FLAT * top) / factor
            look = palette[kind]
            share = figures.share(float(self.took_ns[of_kind].sum() / self.took_ns.sum()))
            axes.bar(
                (ends - self.took_ns)[of_kind] / unit_time,
                heights,
                width=self.took_ns[of_kind] / unit_time,
                align="edge",
                facecolor=look.colour,
                hatch=look.hatch,
                edgecolor=INK,
                linewidth=0.3,
                label=f"{identifier(kind, 20)}  {share}",
            )
        if self.peak_ops_per_s is not None:
            label = sentence(lang, "plot.peak")
            axes.axhline(self.peak_ops_per_s / factor, color=INK, linewidth=1.0, linestyle="--", label=label)
        axes.set_xlim(0.0, float(ends[-1]) / unit_time)
        axes.set_ylim(0.0, 1.1 * top / factor)
        axes.set_xlabel(f"{sentence(lang, 'plot.time_of_round')} ({time})")
        axes.set_ylabel(f"{sentence(lang, 'plot.operations')} ({unit})")
        axes.set_title(identifier(self.device, 100))
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
        return axes
