"""Plots of ramps: latency, completed rate and goodput over the rate that was offered, and of several systems together.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal  # Any: keywords of matplotlib

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import legend_above, legend_beside, mark_state, system_label, value_axis
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, PAPER, SERIES, Palette
from bench.plots.systems import drawable
from bench.records.record import Record
from bench.report.rows import State, record_state
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RampCurve:
    """Rates (1/s) and latencies (ns) of each step; NaN where a step answered too little for a percentile."""

    name: str
    state: State
    offered: Floats
    completed: Floats
    goodput: Floats
    p50_ns: Floats
    p99_ns: Floats
    bound_ns: float
    knee_per_s: float | None

    @classmethod
    def of(cls, record: Record) -> RampCurve | None:
        """None where there is no curve."""
        curve, bound_ns = record.curve, record.measurement.latency_bound_ns
        if not curve or bound_ns is None:
            return None
        knee = record.metrics.get("knee_per_s")
        return cls(
            name=record.measurement.name,
            state=record_state(record),
            offered=_floats([point.offered_per_s for point in curve]),
            completed=_floats([point.completed_per_s for point in curve]),
            goodput=_floats([point.goodput_per_s for point in curve]),
            p50_ns=_floats([point.latency_p50_ns for point in curve]),
            p99_ns=_floats([point.latency_p99_ns for point in curve]),
            bound_ns=float(bound_ns),
            knee_per_s=knee.value if knee is not None else None,
        )

    def draw_rates(self, axes: Axes, lang: str) -> Axes:
        """What was answered, and answered in time, of what was offered; all of it on the dotted diagonal."""
        factor, unit = figures.axis_unit("1/s", float(self.offered.max()))
        offered = self.offered / factor
        axes.plot(offered, offered, color=INK, linewidth=0.8, linestyle=":", label=sentence(lang, "plot.offered"))
        axes.plot(
            offered, self.completed / factor, color=SERIES, marker="o", markersize=3, label=sentence(lang, "plot.done")
        )
        axes.plot(
            offered, self.goodput / factor, color=ACCENT, marker="s", markersize=3, label=sentence(lang, "plot.goodput")
        )
        self._frame(axes, lang, factor, unit)
        axes.set_ylim(0.0, 1.1 * float(offered.max()))
        axes.set_ylabel(f"{sentence(lang, 'plot.throughput')} ({unit})")
        return axes

    def draw_latency(self, axes: Axes, lang: str) -> Axes:
        """Median and 99th percentile, with the bound."""
        factor, unit = figures.axis_unit("1/s", float(self.offered.max()))
        scale, time_unit = figures.axis_unit("ns", self.bound_ns)
        offered = self.offered / factor
        axes.plot(offered, self.p50_ns / scale, color=SERIES, marker="o", markersize=3, label="p50")
        axes.plot(offered, self.p99_ns / scale, color=ACCENT, marker="s", markersize=3, label="p99")
        label = sentence(lang, "plot.bound")
        axes.axhline(self.bound_ns / scale, color=INK, linewidth=0.8, linestyle="--", label=label)
        self._frame(axes, lang, factor, unit)
        seen = np.r_[self.p50_ns, self.p99_ns, self.bound_ns] / scale
        value_axis(axes, seen)
        axes.set_ylabel(f"{sentence(lang, 'plot.latency')} ({time_unit})")
        return axes

    def _frame(self, axes: Axes, lang: str, factor: float, unit: str) -> None:
        if self.knee_per_s is not None:
            axes.axvline(self.knee_per_s / factor, color=INK, linewidth=0.8, alpha=0.5)
            text = sentence(lang, "plot.knee")
            axes.annotate(text, (self.knee_per_s / factor, 0.03), (4, 0), ("data", "axes fraction"), "offset points")
        axes.set_xlim(0.0, 1.03 * float(self.offered.max()) / factor)
        axes.set_xlabel(f"{sentence(lang, 'plot.offered')} ({unit})")
        legend_above(axes, identifier(self.name))
        mark_state(axes, self.state, lang)


@dataclass(frozen=True, slots=True)
class RampCurves:
    """The ramps of several systems: a curve for each by its name. `bounds_ns` are the latency bounds (ns).

    `percentile` is the 99th where each has one of at least a step, else the median: short steps carry no more.
    """

    measurement: str
    systems: tuple[str, ...]
    curves: tuple[RampCurve, ...]
    bounds_ns: tuple[float, ...]
    percentile: Literal["p99", "p50"]

    @classmethod
    def of(cls, records: Sequence[Record], names: Sequence[str] | None = None) -> RampCurves | None:
        """From records of one workload; None where none of them has a curve. `names` as in `systems.named`."""
        drawn = drawable(RampCurve.of, records, names)
        if not drawn:
            return None
        return cls(
            measurement=drawn[0][1].name,
            systems=tuple(name for name, _ in drawn),
            curves=tuple(curve for _, curve in drawn),
            bounds_ns=tuple(sorted({curve.bound_ns for _, curve in drawn})),
            percentile="p99" if all(np.isfinite(curve.p99_ns).any() for _, curve in drawn) else "p50",
        )

    def draw(self, axes: Axes, lang: str, palette: Palette | None = None) -> Axes:
        """The percentile over the rate that was completed, with the bound; the knee of each has a ring."""
        palette = palette or Palette.of(self.systems)
        factor, unit = figures.axis_unit("1/s", max(float(curve.completed.max()) for curve in self.curves))
        scale, time_unit = figures.axis_unit("ns", self.bounds_ns[0])
        for system, curve in zip(self.systems, self.curves, strict=True):
            look, x, y = palette[system], curve.completed / factor, self._latency_ns(curve) / scale
            axes.plot(x, y, **look.lines(), label=system_label(system, curve.state, lang))
            if curve.knee_per_s is not None:
                at = int(np.argmin(np.abs(curve.offered - curve.knee_per_s)))
                axes.plot(x[at], y[at], "o", markersize=11, markerfacecolor="none", markeredgecolor=look.colour)
        for place, bound in enumerate(self.bounds_ns):
            label = sentence(lang, "plot.bound") if place == 0 else ""
            axes.axhline(bound / scale, color=INK, linewidth=0.8, linestyle="--", label=label)
        ring: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": PAPER, "markeredgecolor": INK}
        axes.plot([], [], linestyle="", label=sentence(lang, "plot.knee"), **ring)
        seen = [self._latency_ns(curve) for curve in self.curves]
        value_axis(axes, np.r_[np.concatenate(seen), self.bounds_ns] / scale)
        axes.set_xlim(left=0.0)
        axes.set_xlabel(f"{sentence(lang, 'plot.done')} ({unit})")
        axes.set_ylabel(f"{sentence(lang, 'plot.latency')} {self.percentile} ({time_unit})")
        axes.set_title(identifier(self.measurement))
        legend_beside(axes)
        return axes

    def _latency_ns(self, curve: RampCurve) -> Floats:
        return curve.p99_ns if self.percentile == "p99" else curve.p50_ns


def _floats(values: list[float | None] | list[float]) -> Floats:
    return np.array([np.nan if value is None else float(value) for value in values])
