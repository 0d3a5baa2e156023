"""Plots of latency by percentile, of one measurement or of several systems, from sketches; never from a timeline.

Each object holds its numbers first and then draws into given axes, inside `drawing.style`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import legend_beside, mark_state, system_label, time_unit, value_axis
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, SERIES, Palette
from bench.plots.systems import drawable
from bench.records.numbers import Interval
from bench.records.record import Record
from bench.report.rows import State, record_state
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
_PERCENTILES: Final = {"latency_p50_ns": 0.5, "latency_p90_ns": 0.9, "latency_p99_ns": 0.99, "latency_p999_ns": 0.999}
_TICKS: Final = ((0.5, "p50"), (0.1, "p90"), (0.01, "p99"), (1e-3, "p99.9"), (1e-4, "p99.99"), (1e-5, "p99.999"))


@dataclass(frozen=True, slots=True)
class Percentile:
    """A published percentile: p, its value and interval (ns), and whether it is the primary figure."""

    p: float
    ns: float
    interval: Interval | None
    primary: bool


@dataclass(frozen=True, slots=True)
class QuantileCurve:
    """Latency (ns) against the share of queries beyond it, (points,) each, with what is published and the bound (ns).

    It reaches to the slowest query that there was.
    """

    name: str
    state: State
    beyond: Floats
    latency_ns: Floats
    published: tuple[Percentile, ...]
    bound_ns: float | None

    @classmethod
    def of(cls, record: Record) -> QuantileCurve | None:
        """None where there is no sketch of a query's latency: offline, or nothing was completed."""
        sketch = record.sketch
        if sketch is None or sketch.quantity != "latency_ns":
            return None
        least = 1.0 / max(1, sketch.count)  # beyond the last query there is nothing to see
        points = [
            (max(1.0 - p, least), float(value))
            for p, value in zip(sketch.probabilities, sketch.values, strict=True)
            if value is not None and 1.0 - p >= 0.5 * least
        ]
        if sketch.values and sketch.values[-1] is not None:
            points.append((least, float(sketch.values[-1])))
        if not points:
            return None
        bound = record.measurement.latency_bound_ns
        return cls(
            name=record.measurement.name,
            state=record_state(record),
            beyond=np.array([point[0] for point in points]),
            latency_ns=np.array([point[1] for point in points]),
            published=_published(record),
            bound_ns=float(bound) if bound is not None else None,
        )

    def draw(self, axes: Axes, lang: str) -> Axes:
        """Draw into `axes`: the tail to the right, on a logarithmic axis."""
        extent = np.r_[self.latency_ns, self.bound_ns or np.nan]
        factor, unit = time_unit(extent)
        alone = "o" if self.beyond.size < 3 else ""
        axes.plot(self.beyond, self.latency_ns / factor, color=SERIES, linewidth=1.6, marker=alone)
        _tail_axis(axes, float(self.beyond.min()))
        value_axis(axes, extent / factor)
        if self.bound_ns is not None:
            self._draw_bound(axes, factor, lang)
        for point in self.published:
            _draw_percentile(axes, point, factor)
        axes.set_xlabel(sentence(lang, "plot.percentile"))
        axes.set_ylabel(f"{sentence(lang, 'plot.latency')} ({unit})")
        axes.set_title(identifier(self.name))
        mark_state(axes, self.state, lang)
        return axes

    def _draw_bound(self, axes: Axes, factor: float, lang: str) -> None:
        """With its name where the curve is not: it rises to the right, so at the left until it has passed the bound."""
        assert self.bound_ns is not None
        at, text = self.bound_ns / factor, _bound_text(self.bound_ns, lang)
        axes.axhline(at, color=INK, linewidth=0.8, linestyle="--")
        early = self.latency_ns[self.beyond > 0.2]
        left = not early.size or float(early.max()) < 0.6 * self.bound_ns
        axes.annotate(
            text, (0.01 if left else 0.99, at), (0, 3), ("axes fraction", "data"), "offset points",
            fontsize=8, ha="left" if left else "right",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuantileCurves:
    """One measurement on several systems: a curve for each by its name. `bounds_ns` are the latency bounds (ns)."""

    measurement: str
    systems: tuple[str, ...]
    curves: tuple[QuantileCurve, ...]
    bounds_ns: tuple[float, ...]

    @classmethod
    def of(cls, records: Sequence[Record], names: Sequence[str] | None = None) -> QuantileCurves | None:
        """From records of one workload and scenario; None where none of them has a curve. `names` as in `named`."""
        drawn = drawable(QuantileCurve.of, records, names)
        if not drawn:
            return None
        return cls(
            measurement=drawn[0][1].name,
            systems=tuple(name for name, _ in drawn),
            curves=tuple(curve for _, curve in drawn),
            bounds_ns=tuple(sorted({curve.bound_ns for _, curve in drawn if curve.bound_ns is not None})),
        )

    def draw(self, axes: Axes, lang: str, palette: Palette | None = None) -> Axes:
        """A line for each system, in its look; what is void says so in the legend."""
        palette = palette or Palette.of(self.systems)
        everything = np.r_[np.concatenate([curve.latency_ns for curve in self.curves]), self.bounds_ns]
        factor, unit = time_unit(everything)
        for system, curve in zip(self.systems, self.curves, strict=True):
            label = system_label(system, curve.state, lang)
            # A mark for each of some hundred points would be a beam.
            every = max(1, curve.beyond.size // 8)
            axes.plot(curve.beyond, curve.latency_ns / factor, **palette[system].lines(), markevery=every, label=label)
        for bound in self.bounds_ns:
            axes.axhline(bound / factor, color=INK, linewidth=0.8, linestyle="--", label=_bound_text(bound, lang))
        _tail_axis(axes, min(float(curve.beyond.min()) for curve in self.curves))
        value_axis(axes, everything / factor)
        axes.set_xlabel(sentence(lang, "plot.percentile"))
        axes.set_ylabel(f"{sentence(lang, 'plot.latency')} ({unit})")
        axes.set_title(identifier(self.measurement))
        legend_beside(axes)
        return axes


def _published(record: Record) -> tuple[Percentile, ...]:
    found = []
    for metric, p in _PERCENTILES.items():
        figure = record.metrics.get(metric)
        if figure is not None and figure.value is not None:
            found.append(Percentile(p, figure.value, figure.interval, metric == record.primary))
    return tuple(found)


def _tail_axis(axes: Axes, least: float) -> None:
    """The share of queries beyond, falling, in percentiles."""
    axes.set_xscale("log")
    axes.set_xlim(1.0, min(0.05, least) * 0.8)
    shown = [tick for tick in _TICKS if tick[0] >= axes.get_xlim()[1]]
    axes.set_xticks([tick for tick, _ in shown], [label for _, label in shown])
    axes.set_xticks([], minor=True)


def _draw_percentile(axes: Axes, point: Percentile, factor: float) -> None:
    x, y, colour = 1.0 - point.p, point.ns / factor, ACCENT if point.primary else INK
    if point.interval is not None:
        low, high = point.interval.low / factor, point.interval.high / factor
        axes.plot([x, x], [low, high], color=colour, linewidth=1.4, marker="_", markersize=6)
    axes.plot([x], [y], marker="o", markersize=5 if point.primary else 3.5, color=colour, linestyle="")
    text = f"p{100.0 * point.p:g}  {figures.latency(point.ns)}"
    # The curve rises to the right: there is room below a point, at the right edge above it, and just above it
    # where the axis begins.
    at_edge, low = point.p > 0.99, axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1] < 0.12
    axes.annotate(
        text, (x, y), (-6, 7) if at_edge else (-18, 5) if low else (6, -12), textcoords="offset points", color=colour,
        ha="right" if at_edge else "left", weight="bold" if point.primary else "normal", fontsize=8,
    )  # fmt: skip


def _bound_text(bound_ns: float, lang: str) -> str:
    return f"{sentence(lang, 'plot.bound')} {figures.latency(bound_ns)}"
