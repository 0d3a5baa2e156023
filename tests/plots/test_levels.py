"""The course of a figure over the records of a runner: records are numbered, levels lie where they were."""

from __future__ import annotations

import numpy as np
import pytest

from bench.plots.drawing import new_figure, style
from bench.plots.levels import courses_png, draw_course
from bench.records.course import Course, LevelChange, Point


def course(values: list[float], *places: int) -> Course:
    changes = (LevelChange(place=at, run=f"r{at}", change=-0.1, strength=9.0, verdict="worse") for at in places)
    points = (Point(run=f"r{i}", started_at="2026-01-01", value=value) for i, value in enumerate(values))
    return Course(
        runner="runner",
        measurement="speech_command.offline.fp32",
        mode="standard",
        metric="samples_per_s",
        unit="1/s",
        better="higher",
        points=tuple(points),
        changes=tuple(changes),
    )


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_records_have_whole_numbers_from_one(count: int) -> None:
    with style("en"):
        figure = new_figure(8, 3)
        axes = draw_course(figure.subplots(), course([100.0] * count), "en")
        figure.canvas.draw()
    assert axes.lines[0].get_xdata().tolist() == list(range(1, count + 1))
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == int(tick) for tick in ticks)


def test_levels_end_where_the_change_is_marked() -> None:
    with style("en"):
        axes = draw_course(new_figure(8, 3).subplots(), course([100.0, 100.0, 90.0, 90.0, 90.0], 2), "en")
    ends = [(*lines.get_segments()[0][:, 0], lines.get_segments()[0][0, 1]) for lines in axes.collections]
    np.testing.assert_allclose(ends, [(0.5, 2.5, 100.0), (2.5, 5.5, 90.0)])
    assert axes.lines[1].get_xdata()[0] == 2.5


def test_all_courses_are_one_picture() -> None:
    assert courses_png([course([1.0]), course([2.0, 3.0])], "zh").startswith(b"\x89PNG")
