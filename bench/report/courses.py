"""The course of figures over the records of a runner, in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.records.course import BaselineChange, Course
from bench.records.metrics import METRICS
from bench.text import figures, printable, sentence


def course_lines(courses: Sequence[Course], lang: str) -> Iterator[str]:
    """For each course what it is of, its ends, and every change of level."""
    for course in courses:
        first, last = course.points[0], course.points[-1]
        yield sentence(
            lang,
            "history.course",
            measurement=printable(course.measurement),
            metric=sentence(lang, f"metric.{course.metric}.name"),
            mode=sentence(lang, f"mode.{course.mode}"),
            runner=printable(course.runner),
            records=len(course.points),
            first=figures.figure(course.unit, first.value),
            last=figures.figure(course.unit, last.value),
        )
        if not course.changes:
            yield "  " + sentence(lang, "history.no_change")
        for change in course.changes:
            yield "  " + sentence(
                lang,
                "history.change",
                run=printable(change.run),
                change=f"{100 * change.change:+.2f} %",
                verdict=sentence(lang, f"outcome.{change.verdict}"),
                strength=f"{change.strength:.1f}",
            )


def baseline_line(change: BaselineChange, lang: str) -> str:
    """What became the baseline of a measurement, and what was it before."""
    unit = METRICS[change.metric].unit
    values = {
        "measurement": printable(change.measurement),
        "metric": sentence(lang, f"metric.{change.metric}.name"),
        "value": figures.figure(unit, change.value),
        "run": printable(change.run),
    }
    if change.before is None:
        return sentence(lang, "history.baseline_new", **values)
    return sentence(lang, "history.baseline", before=figures.figure(unit, change.before), **values)
