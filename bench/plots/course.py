"""Plot of what happened over the time of a run, from its sketch: latency or rate, drift, and what disturbed it.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import legend_above, mark_state, time_unit, value_axis
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, SERIES
from bench.records.numbers import Sketch
from bench.records.record import Record
from bench.report.rows import State, record_state
from bench.scoring.trend import DRIFT, LEAST, SURE, mann_kendall, parts
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
_LEAST_PER_POINT: Final = 8
# Findings on what happened while it was measured. Of throttling the moments are drawn, where the record has them.
_THROTTLED: Final = "throttled"
_DISTURBED: Final = (_THROTTLED, "clock-varied", "not-steady", "overloaded", "host-busy", "memory-swapped")
# In a queue neighbours in time are alike, and every burst looks like a trend; "overloaded" is what is found there.
_CLOSED: Final = frozenset({"single_stream", "multi_stream", "offline"})
_LINE: Final = 66


@dataclass(frozen=True, slots=True)
class Course:
    """What happened over the time of a run: latency (ns) least, mean and greatest, or samples completed per second.

    Windows of the sketch are merged until a point stands for enough completions to be more than chance. Time 0 is
    where the warm-up ended. `drift` is the change from the first tenth to the last, a share; None where nothing moved
    one way all along, and in open loops. `trend` has the means of both tenths, `slowed_s` the stretches (from, to) in
    which clocks were held down, and `disturbed` codes of findings that have no moment.
    """

    name: str
    state: State
    kind: Literal["latency", "rate"]
    time_s: Floats
    low: Floats
    mean: Floats
    high: Floats
    failed: int
    bound_ns: float | None = None
    drift: float | None = None
    trend: tuple[float, float] = (math.nan, math.nan)
    slowed_s: tuple[tuple[float, float], ...] = ()
    disturbed: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Record) -> Course | None:
        """None where no repetition was completed."""
        sketch = record.sketch
        if sketch is None or not sketch.window_start_ns:
            return None
        merged = _merged(sketch)
        offline = sketch.quantity == "service_ns"
        low, mean, high = (merged.rate,) * 3 if offline else (merged.low, merged.mean, merged.high)
        bound = record.measurement.latency_bound_ns
        closed = record.measurement.scenario in _CLOSED
        drift, trend = _drift(mean) if closed else (None, (math.nan, math.nan))
        found = {entry.code for entry in record.findings}
        if record.slowed_s:
            found.discard(_THROTTLED)
        return cls(
            name=record.measurement.name,
            state=record_state(record),
            kind="rate" if offline else "latency",
            time_s=merged.middle_s,
            low=low,
            mean=mean,
            high=high,
            failed=sketch.failed,
            bound_ns=float(bound) if bound is not None and not offline else None,
            drift=drift,
            trend=trend,
            slowed_s=record.slowed_s,
            disturbed=tuple(code for code in _DISTURBED if code in found),
        )

    def draw(self, axes: Axes, lang: str) -> Axes:
        """Draw into `axes`: a line for the mean, a band from least to greatest; a rate from zero."""
        rate = self.kind == "rate"
        seen = self.mean[np.isfinite(self.mean)]
        extent = np.r_[self.low, self.high, self.bound_ns or np.nan]
        factor, unit = figures.axis_unit("1/s", float(seen.max()) if seen.size else 1.0) if rate else time_unit(extent)
        if not rate:
            label = sentence(lang, "plot.range")
            axes.fill_between(
                self.time_s, self.low / factor, self.high / factor, color=SERIES, alpha=0.25, linewidth=0.0, label=label
            )
        label = sentence(lang, "plot.completed" if rate else "plot.mean")
        alone = "o" if self.time_s.size < 16 else ""
        axes.plot(self.time_s, self.mean / factor, color=SERIES, linewidth=1.3, marker=alone, markersize=3, label=label)
        self._draw_marks(axes, lang, factor)
        if rate:
            axes.set_ylim(0.0, 1.25 * float(seen.max()) / factor if seen.size and seen.max() > 0.0 else 1.0)
        else:
            value_axis(axes, extent / factor)
        axes.set_xlabel(sentence(lang, "plot.time"))
        axes.set_ylabel(f"{sentence(lang, 'plot.throughput' if rate else 'plot.latency')} ({unit})")
        legend_above(axes, self._title(lang), 2)
        mark_state(axes, self.state, lang)
        return axes

    def _draw_marks(self, axes: Axes, lang: str, factor: float) -> None:
        for place, (begin, end) in enumerate(self.slowed_s):
            # One label for all; hatched, so that print without colours shows it beside the band.
            label = sentence(lang, f"finding.{_THROTTLED}.title") if place == 0 else None
            axes.axvspan(begin, end, facecolor="none", edgecolor=ACCENT, hatch="////", linewidth=0.0, label=label)
        if self.bound_ns is not None:
            label = sentence(lang, "plot.bound")
            axes.axhline(self.bound_ns / factor, color=INK, linewidth=0.8, linestyle="--", label=label)
        if self.drift is not None:
            first, last = self.trend
            label = sentence(lang, "plot.drift", change=f"{100.0 * self.drift:+.1f} %")
            ends = [self.time_s[0], self.time_s[-1]]
            axes.plot(ends, [first / factor, last / factor], color=ACCENT, linewidth=1.3, linestyle="-.", label=label)

    def _title(self, lang: str) -> str:
        failed = f"  ({sentence(lang, 'plot.failed_queries', count=self.failed)})" if self.failed else ""
        lines = [identifier(self.name) + failed]
        if self.disturbed:
            names = [sentence(lang, f"finding.{code}.title") for code in self.disturbed]
            lines += textwrap.wrap("! " + sentence(lang, "phrase.list").join(names), _LINE)
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Merged:
    middle_s: Floats
    low: Floats
    mean: Floats
    high: Floats
    rate: Floats


def _drift(values: Floats) -> tuple[float | None, tuple[float, float]]:
    """As a soak is judged (`bench.soaking`), without the last window, which ends when the load does."""
    seen = values[:-1][np.isfinite(values[:-1])]
    if seen.size < LEAST:
        return None, (math.nan, math.nan)
    tenth = max(1, seen.size // 10)
    first, last = float(seen[:tenth].mean()), float(seen[-tenth:].mean())
    change = last / first - 1.0 if first else 0.0
    sure = abs(change) > DRIFT and mann_kendall(parts(seen)) < SURE
    return (change if sure else None), (first, last)


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
