"""How wide text is where every character has a cell or two, and lines that fit so many."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

_HANGING: Final = 4


def cell_width(text: str) -> int:
    """Cells that printable `text` takes in a terminal: Chinese characters take two, marks on another one none."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def folded(line: str, most: int) -> Iterator[str]:
    """`line` in lines of at most `most` cells, broken between words where that goes; from the second on indented.

    Blanks at its beginning are kept. Raises ValueError for a `most` that leaves no room.
    """
    if most <= 2 * _HANGING:
        raise ValueError(f"{most} cells are no line")
    indent = " " * min(len(line) - len(line.lstrip()) + _HANGING, most // 2)
    while cell_width(line) > most:
        cut = _fitting(line, most)
        blank = line.rfind(" ", 0, cut + 1)
        # A word that would leave the line half empty is broken: paths and addresses are.
        place = blank if blank > cut // 2 and line[:blank].strip() else cut
        yield line[:place].rstrip()
        line = indent + line[place:].lstrip()
    yield line


def _fitting(line: str, most: int) -> int:
    """How many characters of the beginning fit; one at the least beyond an indent."""
    cells = 0
    for place, character in enumerate(line):
        cells += _cells(character)
        if cells > most:
            return place
    return len(line)


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
