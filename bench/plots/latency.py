"""Plots of one measurement from its sketch: latency by percentile, and the course of the run. Never from a timeline.

Each object holds its numbers first and then draws into given axes, inside `drawing.style`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import ACCENT, SERIES, identifier, mark_state, value_axis
from bench.records.numbers import Interval, Sketch
from bench.records.record import Record
from bench.report.rows import State, record_state
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
_PERCENTILES: Final = {"latency_p50_ns": 0.5, "latency_p90_ns": 0.9, "latency_p99_ns": 0.99, "latency_p999_ns": 0.999}
_TICKS: Final = ((0.5, "p50"), (0.1, "p90"), (0.01, "p99"), (1e-3, "p99.9"), (1e-4, "p99.99"), (1e-5, "p99.999"))
_LEAST_PER_POINT: Final = 8


@dataclass(frozen=True, slots=True)
class QuantileCurve:
    """Latency (ns) against the share of queries beyond it, with the published percentile."""

    name: str
    state: State
    beyond: Floats
    latency_ns: Floats
    primary_p: float | None
    primary_ns: float | None
    interval: Interval | None

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
        if not points:
            return None
        figure = record.metrics.get(record.primary)
        return cls(
            name=record.measurement.name,
            state=record_state(record),
            beyond=np.array([point[0] for point in points]),
            latency_ns=np.array([point[1] for point in points]),
            primary_p=_PERCENTILES.get(record.primary),
            primary_ns=figure.value if figure else None,
            interval=figure.interval if figure else None,
        )

    def draw(self, axes: Axes, lang: str) -> Axes:
        """Draw into `axes`: the tail to the right, on a logarithmic axis."""
        factor, unit = figures.axis_unit("ns", float(np.median(self.latency_ns)))
        alone = "o" if self.beyond.size < 3 else ""
        axes.plot(self.beyond, self.latency_ns / factor, color=SERIES, linewidth=1.6, marker=alone)
        axes.set_xscale("log")
        axes.set_xlim(1.0, min(0.05, float(self.beyond.min())) * 0.8)
        shown = [tick for tick in _TICKS if tick[0] >= axes.get_xlim()[1]]
        axes.set_xticks([tick for tick, _ in shown], [label for _, label in shown])
        axes.set_xticks([], minor=True)
        value_axis(axes, self.latency_ns / factor)
        self._draw_primary(axes, factor)
        axes.set_xlabel(sentence(lang, "plot.percentile"))
        axes.set_ylabel(f"{sentence(lang, 'plot.latency')} ({unit})")
        axes.set_title(identifier(self.name))
        mark_state(axes, self.state, lang)
        return axes

    def _draw_primary(self, axes: Axes, factor: float) -> None:
        if self.primary_p is None or self.primary_ns is None:
            return
        x, y = 1.0 - self.primary_p, self.primary_ns / factor
        if self.interval is not None:
            low, high = self.interval.low / factor, self.interval.high / factor
            axes.vlines(x, low, high, color=ACCENT, linewidth=1.6)
        axes.plot([x], [y], marker="o", markersize=5, color=ACCENT, linestyle="")
        text = f"p{100.0 * self.primary_p:g}  {figures.latency(self.primary_ns)}"
        axes.annotate(text, (x, y), (7, -13), textcoords="offset points", color=ACCENT, weight="bold")


@dataclass(frozen=True, slots=True)
class Course:
    """What happened over the time of a run: latency (ns) least, mean and greatest, or samples completed per second.

    Windows of the sketch are merged until a point stands for enough completions to be more than chance.
    """

    name: str
    state: State
    kind: Literal["latency", "rate"]
    time_s: Floats
    low: Floats
    mean: Floats
    high: Floats
    failed: int

    @classmethod
    def of(cls, record: Record) -> Course | None:
        """None where no repetition was completed."""
        sketch = record.sketch
        if sketch is None or not sketch.window_start_ns:
            return None
        merged = _merged(sketch)
        offline = sketch.quantity == "service_ns"
        low, mean, high = (merged.rate,) * 3 if offline else (merged.low, merged.mean, merged.high)
        return cls(
            name=record.measurement.name,
            state=record_state(record),
            kind="rate" if offline else "latency",
            time_s=merged.middle_s,
            low=low,
            mean=mean,
            high=high,
            failed=sketch.failed,
        )

    def draw(self, axes: Axes, lang: str) -> Axes:
        """Draw into `axes`: a line for the mean, a band from least to greatest; a rate from zero."""
        rate = self.kind == "rate"
        seen = self.mean[np.isfinite(self.mean)]
        factor, unit = figures.axis_unit(
            "1/s" if rate else "ns", float(seen.max() if rate else np.median(seen)) if seen.size else 1.0
        )
        if not rate:
            label = sentence(lang, "plot.range")
            axes.fill_between(
                self.time_s, self.low / factor, self.high / factor, color=SERIES, alpha=0.25, linewidth=0.0, label=label
            )
        label = sentence(lang, "plot.completed" if rate else "plot.mean")
        alone = "o" if self.time_s.size < 16 else ""
        axes.plot(self.time_s, self.mean / factor, color=SERIES, linewidth=1.3, marker=alone, markersize=3, label=label)
        if rate:
            axes.set_ylim(0.0, 1.25 * float(seen.max()) / factor if seen.size and seen.max() > 0.0 else 1.0)
        else:
            value_axis(axes, np.concatenate([self.low, self.high]) / factor)
            axes.legend(loc="upper left", ncols=2, fontsize=8)
            axes.margins(y=0.25)
        axes.set_xlabel(sentence(lang, "plot.time"))
        axes.set_ylabel(f"{sentence(lang, 'plot.throughput' if rate else 'plot.latency')} ({unit})")
        failed = f"  ({sentence(lang, 'plot.failed_queries', count=self.failed)})" if self.failed else ""
        axes.set_title(identifier(self.name) + failed)
        mark_state(axes, self.state, lang)
        return axes


@dataclass(frozen=True, slots=True)
class _Merged:
    middle_s: Floats
    low: Floats
    mean: Floats
    high: Floats
    rate: Floats


def _merged(sketch: Sketch) -> _Merged:
    """Windows in groups of equal number; what holds no completion is NaN, which leaves a gap in a line."""
    windows = len(sketch.window_start_ns)
    step = math.ceil(windows / max(1, min(windows, sketch.count // _LEAST_PER_POINT)))
    starts = np.arange(0, windows, step)
    sizes = np.diff(np.r_[starts, windows])
    low, mean, high = (
        np.array([np.nan if value is None else float(value) for value in column])
        for column in (sketch.window_min_ns, sketch.window_mean_ns, sketch.window_max_ns)
    )
    done = np.array(sketch.window_completed, np.float64)
    weight = np.where(np.isnan(mean), 0.0, done)
    total = np.add.reduceat(weight, starts)
    summed = np.add.reduceat(np.nan_to_num(mean) * weight, starts)
    first_ns = sketch.window_start_ns[0]
    begin = np.array([sketch.window_start_ns[start] - first_ns for start in starts], np.float64)
    return _Merged(
        middle_s=(begin + sizes * sketch.window_ns / 2.0) / 1e9,
        low=np.fmin.reduceat(low, starts),
        mean=np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0.0),
        high=np.fmax.reduceat(high, starts),
        rate=np.add.reduceat(done, starts) / (sizes * sketch.window_ns) * 1e9,
    )
