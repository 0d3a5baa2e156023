"""Plot of a figure over the records of a runner: a point for each, a line for each level, a mark where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bench.plots.drawing import new_figure, style, to_png
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, SERIES
from bench.records.course import Course
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 8.0, 2.6


def courses_png(courses: Sequence[Course], lang: str) -> bytes:
    """All courses, one below the other, as PNG."""
    with style(lang):
        figure = new_figure(_WIDTH, _HEIGHT * len(courses))
        for axes, course in zip(np.atleast_1d(figure.subplots(len(courses), 1)), courses, strict=True):
            draw_course(axes, course, lang)
        return to_png(figure, lang)


def draw_course(axes: Axes, course: Course, lang: str) -> Axes:
    """The figure of each record in its unit, oldest first, from 1; geometric means of the levels between changes."""
    from matplotlib.ticker import MaxNLocator

    values = np.array([point.value for point in course.points])
    factor, unit = figures.axis_unit(course.unit, float(values.max()))
    axes.plot(np.arange(1, values.size + 1), values / factor, "o", color=SERIES, markersize=3)
    ends = [0, *(change.place for change in course.changes), values.size]
    for low, high in pairwise(ends):
        level = float(np.exp(np.log(values[low:high]).mean())) / factor
        axes.hlines(level, low + 0.5, high + 0.5, color=INK, linewidth=1.0)
    for change in course.changes:
        axes.axvline(change.place + 0.5, color=ACCENT, linewidth=1.0, linestyle="--")
        text = f"{100 * change.change:+.1f} %\n{identifier(change.run)}"
        axes.annotate(text, (change.place + 0.5, 1.0), xycoords=("data", "axes fraction"), color=ACCENT, fontsize=7,
                      xytext=(3, -2), textcoords="offset points", va="top")  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel(sentence(lang, "history.axis"))
    axes.set_ylabel(f"{sentence(lang, f'metric.{course.metric}.name')} ({unit})")
    axes.set_title(identifier(f"{course.measurement}, {course.mode}, {course.runner}", most=100))
    return axes
