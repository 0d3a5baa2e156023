"""Tables for programs, and for people who paste them: CSV and Markdown, in which no name of a stranger acts."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from bench.text.catalogue import cell, printable

Cell = str | int | float | Decimal | datetime.date | None
"""A value of a table; times are dates, too. Text is a stranger's unless it is a number."""
# What begins emphasis, code, a link, HTML, mathematics or the next column.
_MARKUP: Final = re.compile(r"[\\`*\[\]<>|~$&@]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|:(?=//)|(?<=www)\.")


def csv_text(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """One line a row below the headings, numbers whole and unrounded, nothing where a value is not known.

    Text that a spreadsheet would take for a formula has an apostrophe before it; numbers have none.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell(heading) for heading in headings])
    writer.writerows([cell(value) if isinstance(value, str) else plain(value) for value in row] for row in rows)
    return out.getvalue()


def markdown_text(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table of Markdown as GitHub and others read it."""
    lines = [_line(headings), "|---" * len(headings) + "|"]
    return "\n".join([*lines, *(_line([plain(value) for value in row]) for row in rows)]) + "\n"


def markdown_cell(text: str) -> str:
    """Text that stays in its cell, and in which a name from a file is no markup."""
    return _MARKUP.sub(lambda found: f"\\{found.group()}", printable(text))


def plain(value: Cell) -> str:
    """A value as text: `true`, a number with all its digits, a date as ISO 8601, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return printable(value) if isinstance(value, str) else str(value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(markdown_cell(text) for text in cells) + " |"
