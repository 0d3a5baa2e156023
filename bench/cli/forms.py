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
# A column of text that is narrower cannot be read.
_LEAST: Final = 10
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


def tell(form: str, listed: Listed, lang: str | None, show: Callable[[], None] | None = None) -> None:
    """Print a listing. `show` prints the table where the command has one of its own.

    Headings of CSV are names, the same in every language; those of tables and Markdown are the catalogue's, but for a
    `lang` of None, where the columns are the user's own.
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
        print_table(headings(listed.columns, lang), [_shown(listed.columns, row, lang or "en") for row in listed.rows])


def tell_bytes(text: str) -> None:
    """What programs read is UTF-8 whatever the terminal's encoding."""
    click.echo(text.encode("utf-8", "replace"), nl=False)


def headings(columns: Sequence[str], lang: str | None) -> list[str]:
    """What columns are called: in the catalogue of `lang`, else as they are."""
    from bench.text import sentence

    return list(columns) if lang is None else [sentence(lang, f"column.{column}") for column in columns]


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as the terminal at most; cells that are longer than their column go on in the next line.

    Where the columns would be too narrow to be read, each row is a block of lines instead, a cell a line.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from bench.text.lines import cell_width

    screen = console()
    cells = [[_safe(text) for text in row] for row in (heads, *rows)]
    least = sum(min(_LEAST, max(map(cell_width, column))) + 3 for column in zip(*cells, strict=True))
    if least > screen.width:
        _print_blocks(cells, screen.width)
        return
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for head in cells[0]:
        shown.add_column(Text(head), overflow="fold")
    for row in cells[1:]:
        shown.add_row(*map(Text, row))
    screen.print(shown)


def _print_blocks(cells: Sequence[Sequence[str]], columns: int) -> None:
    """Rows below one another, without what they leave empty; the first of `cells` are the headings."""
    from bench.text.lines import cell_width, folded

    heads = cells[0]
    widest = max(map(cell_width, heads))
    for number, row in enumerate(cells[1:]):
        if number:
            click.echo()
        for head, text in zip(heads, row, strict=True):
            for line in folded(f"{head}{' ' * (widest - cell_width(head))}  {text}", columns) if text else ():
                click.echo(line)


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


def _shown(columns: Sequence[str], row: Sequence[Cell], lang: str) -> list[str]:
    """A row as people read it."""
    from bench.text import figures, sentence
    from bench.text.tabular import plain

    cells = []
    for column, value in zip(columns, row, strict=True):
        if column.endswith("_bytes") and isinstance(value, int):
            cells.append(figures.size(value))
        elif isinstance(value, bool):
            cells.append(sentence(lang, "workbook.yes" if value else "workbook.no"))
        else:
            cells.append(f"{value:.6g}" if isinstance(value, float) else plain(value))
    return cells


def _safe(text: str, most: int = _MOST_SHOWN) -> str:
    from bench.text import printable

    safe = printable(text)
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"
