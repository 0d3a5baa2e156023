"""Strips of the host's state over the repetitions of a measurement: clocks, temperatures, load, power, throttling.

As in all plots, the objects hold their numbers first and then draw into given axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, PAPER, SERIES
from bench.records.record import Trial
from bench.text import name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KNOBS: Final = ("frequency_mhz", "card_clock_mhz", "temperature_c", "card_temperature_c", "load")
_HALF: Final = 0.38  # of the width that a repetition has


@dataclass(frozen=True, slots=True)
class Stretch:
    """One repetition: readings in equal steps (n,), least, mean and greatest, and what was read before and after.

    NaN where there is nothing. `throttled`: something slowed the machine down in this repetition.
    """

    index: int
    values: NDArray[np.float64]
    least: float
    mean: float
    most: float
    before: float
    after: float
    throttled: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """One figure of the machine: `what` is a knob (see `bench.hardware.knobs`) or "power", `source` whose power."""

    what: str
    source: str
    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> tuple[Strip, ...]:
        """All that can be drawn of a measurement's repetitions; empty where the machine told nothing."""
        knobs = [cls(knob, "", tuple(_of_knob(trial, knob) for trial in trials)) for knob in _KNOBS]
        sources = dict.fromkeys(
            source.name for trial in trials if trial.energy is not None for source in trial.energy.sources
        )
        power = [cls("power", source, tuple(_of_source(trial, source) for trial in trials)) for source in sources]
        return tuple(strip for strip in (*knobs, *power) if any(math.isfinite(one.mean) for one in strip.stretches))

    def draw(self, axes: Axes, lang: str) -> Axes:
        """A stretch for each repetition: the course where it was kept, the mean, and the range behind it."""
        for place, stretch in enumerate(self.stretches, start=1):
            _draw_stretch(axes, place, stretch)
        self._labels(axes, lang)
        axes.set_xticks(range(1, len(self.stretches) + 1), [str(one.index + 1) for one in self.stretches])
        axes.set_xlim(0.5, len(self.stretches) + 0.5)
        self._limits(axes)
        axes.set_xlabel(sentence(lang, "plot.repetition"))
        axes.set_title(self.title(lang))
        return axes

    def title(self, lang: str) -> str:
        """What is shown, with its unit, and whose power."""
        known = name(lang, "knob", self.what) if self.what != "power" else sentence(lang, "plot.power")
        return f"{known}  {identifier(self.source, 40)}".rstrip()

    def _labels(self, axes: Axes, lang: str) -> None:
        """Marks without data, so that a legend has what the picture has."""
        if any(math.isfinite(one.before) for one in self.stretches):
            key = "plot.idle" if self.what == "power" else "plot.before_after"
            axes.plot([], [], "D", color=INK, markerfacecolor=PAPER, markersize=4, label=sentence(lang, key))
        axes.plot([], [], color=SERIES, linewidth=1.6, label=sentence(lang, "plot.mean"))
        if any(one.throttled for one in self.stretches):
            label = sentence(lang, "finding.throttled.title")
            axes.plot([], [], "v", color=ACCENT, markersize=6, label=label)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.05), fontsize=8, borderaxespad=0.0)

    def _limits(self, axes: Axes) -> None:
        """From zero for power; else around what was seen, with room for the marks of throttling."""
        ends = [x for one in self.stretches for x in (one.least, one.most, one.before, one.after)]
        seen = [x for x in ends if math.isfinite(x)]
        low, high = min(seen), max(seen)
        room = max(0.15 * (high - low), 0.01 * abs(high), 1e-9)
        axes.set_ylim(0.0 if self.what == "power" else low - room, high + 2.0 * room)
        top = high + 1.3 * room
        for place, one in enumerate(self.stretches, start=1):
            if one.throttled:
                axes.plot([place], [top], "v", color=ACCENT, markersize=6)


def _draw_stretch(axes: Axes, place: int, one: Stretch) -> None:
    left, right = place - _HALF, place + _HALF
    if math.isfinite(one.least) and one.most > one.least:
        axes.fill_between([left, right], one.least, one.most, color=SERIES, alpha=0.2, linewidth=0.0)
    if one.values.size > 1:
        axes.plot(np.linspace(left, right, one.values.size), one.values, color=SERIES, linewidth=0.9)
    if math.isfinite(one.mean):
        axes.plot([left, right], [one.mean, one.mean], color=SERIES, linewidth=1.6)
    axes.plot([left - 0.05, right + 0.05], [one.before, one.after], "D", color=INK, markerfacecolor=PAPER, markersize=4)


def _of_knob(trial: Trial, knob: str) -> Stretch:
    state = trial.state
    course = state.during.get(knob) if state is not None else None
    before, after = (state.before.get(knob), state.after.get(knob)) if state is not None else (None, None)
    return Stretch(
        index=trial.index,
        values=np.array(course.values if course is not None else ()),
        least=course.least if course is not None else math.nan,
        mean=course.mean if course is not None else math.nan,
        most=course.most if course is not None else math.nan,
        before=_number(before),
        after=_number(after),
        throttled=_throttled(trial),
    )


def _of_source(trial: Trial, source: str) -> Stretch:
    """Mean power in the window; idle before and after."""
    energy = trial.energy
    found = next((one for one in energy.sources if one.name == source), None) if energy is not None else None
    mean, before, after = math.nan, math.nan, math.nan
    if found is not None and energy is not None:
        before, after = _number(found.idle_before_w), _number(found.idle_after_w)
        if found.joules is not None and energy.window_s > 0.0:
            mean = found.joules / energy.window_s
    return Stretch(trial.index, np.array(()), mean, mean, mean, before, after, _throttled(trial))


def _throttled(trial: Trial) -> bool:
    return any(entry.code == "throttled" for entry in trial.findings)


def _number(value: str | float | None) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
