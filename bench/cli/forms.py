"""Listings in four forms: a table for people, JSON, CSV or Markdown alone on stdout for programs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from bench.cli.common import Names, console, print_json

if TYPE_CHECKING:
    from bench.text.tabular import Cell

FORMS: Final = ("table", "json", "csv", "md")
# So much of one cell is shown in a terminal; the other forms have it whole.
_MOST_SHOWN: Final = 300

listing_option = click.option(
    "--format",
    "form",
    type=Names("format", FORMS),
    default="table",
    show_default=True,
    help="A table for people; json, csv or md (Markdown) for programs.",
)


class Listed(NamedTuple):
    """What a command lists: `whole` is what JSON holds; columns, by their names in CSV, and rows are for the rest."""

    whole: object
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def tell(form: str, listed: Listed, lang: str = "en", show: Callable[[], None] | None = None) -> None:
    """Print a listing. `show` prints the table where the command has one of its own.

    Headings of CSV are names, the same in every language; those of tables and Markdown are the catalogue's.
    """
    from bench.text import tabular

    if form == "json":
        print_json(listed.whole)
    elif form == "csv":
        tell_bytes(tabular.csv_text(listed.columns, listed.rows))
    elif form == "md":
        tell_bytes(tabular.markdown_text(headings(listed.columns, lang), listed.rows))
    elif show is not None:
        show()
    else:
        print_table(headings(listed.columns, lang), [_shown(listed.columns, row) for row in listed.rows])


def tell_bytes(text: str) -> None:
    """What programs read is UTF-8 whatever the terminal's encoding."""
    click.echo(text.encode("utf-8", "replace"), nl=False)


def headings(columns: Sequence[str], lang: str) -> list[str]:
    """What columns are called; one that the catalogue does not know, from a question of the user's, is its own name."""
    from bench.text import name

    return [name(lang, "column", column) for column in columns]


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table as wide as the terminal at most; cells that are longer than their column go on in the next line."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for head in heads:
        shown.add_column(Text(_safe(head)), overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_safe(text)) for text in row))
    console().print(shown)


def print_lines(lines: Iterable[str]) -> None:
    """Lines as wide as the terminal at most; a pipe, which nobody reads by the column, gets each as it is."""
    from bench.text.lines import folded

    columns = _columns()
    for line in lines:
        safe = _safe(line, most=4 * _MOST_SHOWN)
        for part in folded(safe, columns) if columns else (safe,):
            click.echo(part)


def _columns() -> int | None:
    """How wide lines may be; None: as wide as they are."""
    if not os.environ.get("COLUMNS") and not sys.stdout.isatty():
        return None
    return max(20, shutil.get_terminal_size().columns)


def _shown(columns: Sequence[str], row: Sequence[Cell]) -> list[str]:
    """A row as people read it."""
    from bench.text import figures
    from bench.text.tabular import plain

    cells = []
    for column, value in zip(columns, row, strict=True):
        if column.endswith("_bytes") and isinstance(value, int):
            cells.append(figures.size(value))
        else:
            cells.append(f"{value:.6g}" if isinstance(value, float) else plain(value))
    return cells


def _safe(text: str, most: int = _MOST_SHOWN) -> str:
    from bench.text import printable

    safe = printable(text)
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"
