"""The course of a search: in cameras or per second, what held, what was confirmed; and whatever a record may hold."""

from __future__ import annotations

import warnings

import pytest

from bench.plots.channels import SearchCourse
from bench.plots.drawing import new_figure, style, to_png
from bench.records.record import Record
from tests.report import samples

from .gallery import searched


def test_cameras_are_counted_in_cameras() -> None:
    course = SearchCourse.of(searched())
    assert course is not None
    assert course.unit == "channels"
    assert course.tried.tolist() == [35, 17, 24, 34, 32]
    assert course.outcomes == ("late", "held", "held", "grew", "held")
    assert course.attempted.tolist() == [33, 32]
    assert course.held == (False, True)
    assert (course.passing, course.failing, course.value) == (32, 34, 32)


def test_a_rate_is_a_rate() -> None:
    course = SearchCourse.of(searched(streams=False))
    assert course is not None
    assert (course.unit, course.passing, course.value) == ("1/s", 32, 31.5)


def test_other_scenarios_have_none() -> None:
    assert all(SearchCourse.of(record) is None for record in samples.everything())


def changed(**changes: object) -> Record:
    return samples.replace(searched(), **changes)


NOTHING_HELD = samples.replace(searched().search, passing_per_s=None)
UNDECIDED = samples.replace(searched().attempts[0], held=None)


@pytest.mark.parametrize(
    "record",
    [
        changed(attempts=()),
        changed(search=None),
        changed(search=NOTHING_HELD, metrics={}),
        changed(attempts=(UNDECIDED,), search=None, status="partial"),
        changed(measurement=samples.replace(searched().measurement, workload=samples.HOSTILE)),
    ],
    ids=["no attempt", "no trial", "nothing held", "undecided", "hostile"],
)
def test_every_search_can_be_drawn(record: Record) -> None:
    course = SearchCourse.of(record)
    assert course is not None
    with warnings.catch_warnings(), style("en"):
        warnings.simplefilter("error")
        figure = new_figure(5.2, 2.9)
        course.draw(figure.subplots(), "en")
        assert to_png(figure, "en").startswith(b"\x89PNG")
