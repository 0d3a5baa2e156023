"""What a workbook consists of, before any of it is written: sheets of typed columns and plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from bench.text.tabular import Cell

Kind = Literal["text", "count", "value", "share", "date", "time", "flag"]
"""What a column holds: `value` is any number, shown with so many significant digits; `share` is shown in percent;
`date` and `time` are a `datetime.date` and a `datetime.datetime` in UTC; `flag` is written as yes or no."""


class Column(NamedTuple):
    """A heading, with the unit where there is one, and the kind of the cells. `digits` is how many a `value` shows."""

    heading: str
    kind: Kind = "text"
    digits: int = 6


class Sheet(NamedTuple):
    """One sheet. `fixed` columns on the left stay when the others are scrolled and are repeated on each page."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    fixed: int = 1
