"""What every command with a comparison says and writes, and the exit code that follows from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from bench.cli import exit_codes
from bench.cli.common import Names, console, print_json
from bench.cli.forms import tell_bytes

if TYPE_CHECKING:
    from bench.records.comparison import Comparison

P = ParamSpec("P")
R = TypeVar("R")
FORMS = ("table", "json", "csv", "md", "markdown", "junit", "github")
_SUMMARY = "GITHUB_STEP_SUMMARY"


allow_option = click.option(
    "--allow", "allowed", multiple=True, metavar="FIELD", help="Compare although FIELD differs; repeatable."
)


def comparison_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add the flags that say what is judged and how it is told."""
    for option in (
        click.option("--junit", "junit_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                     help="Write JUnit XML, too."),
        click.option("--strict", is_flag=True, help="Exit code 12 where a metric is inconclusive."),
        click.option("--margins", "margins_file", type=click.Path(path_type=Path), metavar="FILE.toml",
                     help="Which change matters, by metric [default: the primary ones, 2 %; 99th percentiles 5 %]."),
        click.option("--format", "form", type=Names("format", FORMS), default="table", show_default=True,
                     help="md: Markdown; github: annotations, and the table into the step summary."),
    ):  # fmt: skip
        function = option(function)
    return function


def tell(comparison: Comparison, form: str, lang: str, strict: bool, junit_file: Path | None) -> int:
    """Print and write a comparison; returns the exit code, the severest: regression, invalid, inconclusive."""
    from bench.report import comparing
    from bench.text.tabular import csv_text

    if junit_file is not None:
        from bench.store.files import write_bytes

        write_bytes(junit_file, comparing.junit(comparison, lang, strict))
    if form == "json":
        print_json(comparison, order="deterministic")
    elif form == "csv":
        tell_bytes(csv_text(comparing.COLUMNS, comparing.compared_cells(comparison)))
    elif form in ("md", "markdown"):  # `markdown` is what it was called first
        tell_bytes(comparing.markdown(comparison, lang))
    elif form == "junit":
        click.echo(comparing.junit(comparison, lang, strict), nl=False)
    elif form == "github":
        _tell_github(comparison, lang, strict)
    else:
        _print_table(comparison, lang)
    return exit_code(comparison, strict)


def exit_code(comparison: Comparison, strict: bool) -> int:
    """10 where something is worse, else 11 where something is invalid, else 12 where something is not judged or,
    with `strict`, inconclusive, else 0.
    """
    if comparison.has("worse"):
        return exit_codes.REGRESSION
    if comparison.has("invalid"):
        return exit_codes.INVALID
    undecided = comparison.has("not-judged") or (strict and comparison.has("inconclusive"))
    return exit_codes.INCONCLUSIVE if undecided else exit_codes.OK


def _tell_github(comparison: Comparison, lang: str, strict: bool) -> None:
    from bench.report import comparing

    for line in comparing.workflow_commands(comparison, lang, strict):
        click.echo(line)
    click.echo(comparing.summary_line(comparison, lang))
    summary = os.environ.get(_SUMMARY)
    if summary:
        with open(summary, "a", encoding="utf-8") as file:
            file.write(comparing.markdown(comparison, lang) + "\n")


def _print_table(comparison: Comparison, lang: str) -> None:
    from rich.text import Text

    from bench.report import comparing
    from bench.text import sentence

    screen = console()
    screen.print(Text(comparing.title(comparison, lang), style="bold"))
    screen.print(comparing.comparison_table(comparison, lang))
    screen.print(Text(comparing.summary_line(comparison, lang), style="bold"))
    for note in (*comparing.notes(comparison, lang), sentence(lang, "compare.interval_note")):
        screen.print(Text(note, style="dim"))
