"""`bench history`: each primary figure over the kept runs, and where its level changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option
from bench.cli.forms import Listed, listing_option, print_lines, tell

if TYPE_CHECKING:
    from bench.records.course import Course
    from bench.text.tabular import Cell

_COLUMNS: Final = (
    "runner",
    "measurement",
    "mode",
    "metric",
    "unit",
    "run_id",
    "started_at",
    "value",
    "change",
    "verdict",
)


@click.command("history")
@click.argument("measurement", required=False)
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png")
@output_option
@listing_option
@lang_option
@logging_options
def command(measurement: str | None, plot_file: Path | None, output: str | None, form: str, lang: str) -> int:
    """The figures of MEASUREMENT (`<workload>.<scenario>.<precision>`; all without it) over the runs of each runner.

    A level is what records scatter around. Three records at the least are a level; docs/regressions.md says how often
    a change is missed, or found where there is none.
    """
    from bench.comparing.history import courses
    from bench.plugins import suggestion
    from bench.report.courses import course_lines
    from bench.store.files import write_bytes
    from bench.store.places import results_directory
    from bench.store.runs import NoSuchRecord

    results = results_directory(output)
    found, broken = courses(results)
    for line in broken:
        click.echo(line, err=True)
    names = sorted({course.measurement for course in found})
    shown = [course for course in found if measurement in (None, course.measurement)]
    if not shown:
        what = f"of {measurement!r} " if measurement else ""
        raise NoSuchRecord(f"{results}: no sound record {what}is kept there.{suggestion(measurement or '', names)}")
    tell(form, Listed(shown, _COLUMNS, _rows(shown)), lang, lambda: print_lines(course_lines(shown, lang)))
    if plot_file is not None:
        from bench.plots.levels import courses_png

        write_bytes(plot_file, courses_png(shown, lang))
        click.echo(plot_file, err=True)
    return exit_codes.INVALID if broken else exit_codes.OK


def _rows(courses: Sequence[Course]) -> Iterator[tuple[Cell, ...]]:
    """A row a record; the first one of a new level says how far it lies from the one before, as a share."""
    for course in courses:
        changes = {change.place: change for change in course.changes}
        about = (course.runner, course.measurement, course.mode, course.metric, course.unit)
        for place, point in enumerate(course.points):
            change = changes.get(place)
            new = (change.change, change.verdict) if change is not None else (None, None)
            yield (*about, point.run, point.started_at, point.value, *new)
