"""The picture of a whole run: per workload its latency, its throughput and its quality against the target.

The object holds its numbers first; `draw` makes the figure, inside `drawing.style`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bench.plots.drawing import new_figure
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, SERIES
from bench.plots.systems import system_name
from bench.records.metrics import METRICS
from bench.records.numbers import Interval, Measured
from bench.records.record import Record
from bench.report.rows import State, executed_precision, interval_text, kind_text, record_state, repetitions, value_text
from bench.text import figures, name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Each row is one unit high: text in its upper part, the bar or mark this far below its middle.
_LOWER: Final = 0.18


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure: what it is of, its value and interval in a metric's unit, what else is known of it."""

    scenario: str
    variant: str
    metric: str
    value: float | None
    interval: Interval | None
    figure: Measured
    state: State
    repetitions: int


@dataclass(frozen=True, slots=True)
class QualityMark:
    """One quality, as shares, and the target it is held against; `passed` None means not verified."""

    variant: str
    scenario: str
    metric: str
    value: float | None
    interval: Interval | None
    target: float | None
    passed: bool | None

    def extent(self) -> list[float]:
        """Everything that an axis must hold."""
        ends = [self.interval.low, self.interval.high] if self.interval is not None else []
        return ends + [x for x in (self.value, self.target) if x is not None]


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything of one workload."""

    workload: str
    latency: tuple[Bar, ...]
    throughput: tuple[Bar, ...]
    quality: tuple[QualityMark, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """One panel per workload, in the order of the records; variants are named where there are several.

    `systems` are the devices and engines that the records are of.
    """

    panels: tuple[Panel, ...]
    systems: tuple[str, ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Summary:
        """From the records of one run or of several."""
        workloads = dict.fromkeys(record.measurement.workload for record in records)
        variants = {_variant(record) for record in records}
        panels = [[r for r in records if r.measurement.workload == workload] for workload in workloads]
        systems = dict.fromkeys(system_name(record) for record in records if record.facts is not None)
        return cls(panels=tuple(_panel(own, len(variants) > 1) for own in panels), systems=tuple(systems)[:3])

    def draw(self, lang: str) -> Figure:
        """A row of three plots per workload, and a line on what was measured."""
        rows = [max(len(panel.latency), len(panel.throughput), len(panel.quality), 1) for panel in self.panels]
        heights = [0.85 + 0.5 * count for count in rows]
        figure = new_figure(10.0, 0.25 + sum(heights))
        parts = figure.subfigures(len(rows) + 1, 1, squeeze=False, height_ratios=[*heights, 0.25])[:, 0]
        for part, panel, count in zip(parts[:-1], self.panels, rows, strict=True):
            part.patch.set_alpha(0.0)
            part.suptitle(identifier(panel.workload), x=0.005, ha="left", weight="bold", fontsize=11)
            axes = part.subplots(1, 3, width_ratios=[1.2, 1.0, 1.0])
            _draw_bars(axes[0], panel.latency, sentence(lang, "plot.latency"), count, lang)
            _draw_bars(axes[1], panel.throughput, sentence(lang, "plot.throughput"), count, lang)
            _draw_quality(axes[2], panel.quality, count, lang)
        parts[-1].patch.set_alpha(0.0)
        parts[-1].text(0.005, 0.5, self._caption(lang), ha="left", va="center", fontsize=8, alpha=0.85)
        return figure

    def _caption(self, lang: str) -> str:
        bars = [bar for panel in self.panels for bar in (*panel.latency, *panel.throughput)]
        kinds = [interval_text(bar.interval, bar.repetitions, lang) for bar in bars if bar.interval is not None]
        intervals = sentence(lang, "phrase.list").join(dict.fromkeys(kinds)) or sentence(lang, "interval.missing")
        return "   ".join(
            [*self.systems, sentence(lang, "phrase.labelled", label=sentence(lang, "table.interval"), text=intervals)]
        )


def _variant(record: Record) -> str:
    return f"{record.backend} {executed_precision(record)}"


def _panel(records: Sequence[Record], named: bool) -> Panel:
    bars = [_bar(record, _variant(record) if named else "") for record in records]
    marks: dict[tuple[str, float | None, bool | None], QualityMark] = {}
    for record in records:
        quality = record.quality
        if quality is not None and (quality.value is not None or quality.target is not None):
            mark = _mark(record, _variant(record) if named else "")
            marks.setdefault((_variant(record), mark.value, mark.passed), mark)
    return Panel(
        workload=records[0].measurement.workload,
        latency=tuple(bar for bar in bars if _unit(bar.metric) == "ns"),
        throughput=tuple(bar for bar in bars if _unit(bar.metric) == "1/s"),
        quality=tuple(marks.values()),
    )


def _unit(metric: str) -> str:
    return METRICS[metric].unit if metric in METRICS else ""


def _bar(record: Record, variant: str) -> Bar:
    figure = record.metrics.get(record.primary, Measured())
    return Bar(
        scenario=record.measurement.scenario,
        variant=variant,
        metric=record.primary,
        value=figure.value,
        interval=figure.interval,
        figure=figure,
        state=record_state(record),
        repetitions=repetitions(record),
    )


def _mark(record: Record, variant: str) -> QualityMark:
    quality = record.quality
    assert quality is not None
    return QualityMark(
        variant=variant,
        scenario=record.measurement.scenario,
        metric=quality.metric,
        value=quality.value,
        interval=quality.interval,
        target=quality.target,
        passed=quality.passed,
    )


def _draw_bars(axes: Axes, bars: Sequence[Bar], title: str, rows: int, lang: str) -> None:
    axes.set_title(title)
    if not bars:
        _empty(axes, sentence(lang, "value.missing"))
        return
    unit = _unit(bars[0].metric)
    greatest = max((bar.interval.high if bar.interval else bar.value or 0.0 for bar in bars), default=0.0) or 1.0
    factor, shown_unit = figures.axis_unit(unit, greatest)
    for y, bar in enumerate(bars):
        _draw_bar(axes, y, bar, factor, greatest, lang)
    axes.set_xlim(0.0, 1.05 * greatest / factor)
    axes.set_xlabel(shown_unit)
    _rows(axes, [_bar_label(bar, lang) for bar in bars], rows)


def _draw_bar(axes: Axes, y: int, bar: Bar, factor: float, greatest: float, lang: str) -> None:
    void = bar.state == "invalid"
    word = {"invalid": "plot.void", "partial": "plot.partial"}.get(bar.state)
    text = value_text(bar.metric, bar.figure)
    text = kind_text(bar.figure, bar.repetitions, lang) if bar.value is None else text
    text = f"{sentence(lang, word)}  {text}" if word else text
    # Above the bar, so that the longest text never runs out of the plot.
    axes.text(0.004 * greatest / factor, y - 0.12, text, va="bottom", color=ACCENT if word else INK, fontsize=8)
    if bar.value is None:
        return
    colour, fill, hatch = (ACCENT, "none", "////") if void else (SERIES, SERIES, None)
    axes.barh(y + _LOWER, bar.value / factor, height=0.4, linewidth=0.8, facecolor=fill, edgecolor=colour, hatch=hatch)
    if bar.interval is not None and bar.interval.kind != "early-stopping":
        low, high = bar.interval.low / factor, bar.interval.high / factor
        axes.plot([low, high], [y + _LOWER] * 2, color=INK, linewidth=1.2, marker="|", markersize=7)


def _bar_label(bar: Bar, lang: str) -> str:
    p = bar.metric.removeprefix("latency_").removesuffix("_ns") if bar.metric.startswith("latency_p") else ""
    scenario = f"{name(lang, 'scenario', bar.scenario)} {p}".strip()
    return f"{identifier(bar.variant, 24)}\n{scenario}" if bar.variant else scenario


def _draw_quality(axes: Axes, marks: Sequence[QualityMark], rows: int, lang: str) -> None:
    known = name(lang, "quality", marks[0].metric) if marks else sentence(lang, "plot.quality")
    axes.set_title(identifier(known, 24) if marks and marks[0].metric in known else known)
    if not any(mark.value is not None for mark in marks):
        _empty(axes, sentence(lang, "plot.unverified"))
        return
    values = [100.0 * x for mark in marks for x in mark.extent()]
    room = max(1.0, 0.35 * (max(values) - min(values)))
    axes.set_xlim(max(0.0, min(values) - room), min(100.0, max(values) + room) + 0.02 * room)
    for y, mark in enumerate(marks):
        _draw_mark(axes, y, mark, lang)
    axes.set_xlabel("%")
    _rows(axes, _mark_labels(marks, lang), rows)


def _mark_labels(marks: Sequence[QualityMark], lang: str) -> list[str]:
    """Variants; where one of them has several qualities, with the scenario."""
    several = len(marks) > len({mark.variant for mark in marks})
    scenarios = [name(lang, "scenario", mark.scenario) if several else "" for mark in marks]
    return [f"{identifier(m.variant, 24)}\n{scenario}".strip() for m, scenario in zip(marks, scenarios, strict=True)]


def _draw_mark(axes: Axes, y: int, mark: QualityMark, lang: str) -> None:
    if mark.value is None:
        return
    colour = ACCENT if mark.passed is False else SERIES
    fill = colour if mark.passed is not None else "none"
    state = {True: "passed", False: "failed", None: "unverified"}[mark.passed]
    if mark.interval is not None:
        ends = [100.0 * mark.interval.low, 100.0 * mark.interval.high]
        axes.plot(ends, [y + _LOWER] * 2, color=colour, linewidth=1.6, marker="|", markersize=8)
    axes.plot([100.0 * mark.value], [y + _LOWER], marker="o", color=colour, markerfacecolor=fill, markersize=7)
    text = f"{figures.share(mark.value)}, {name(lang, 'quality_state', state)}"
    if mark.target is not None:
        axes.vlines(100.0 * mark.target, y - 0.08, y + 0.44, color=INK, linewidth=1.4, linestyle="--")
        text += f"  ({sentence(lang, 'quality_text.target', target=figures.share(mark.target))})"
    axes.text(axes.get_xlim()[0], y - 0.12, f" {text}", va="bottom", color=INK, fontsize=8)


def _rows(axes: Axes, labels: Sequence[str], rows: int) -> None:
    axes.set_yticks([y + _LOWER for y in range(len(labels))], labels)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def _empty(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(0.0, 0.6, text, transform=axes.transAxes, color=INK)
