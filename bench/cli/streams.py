"""Terminals that cannot show every character: what stands in place of one, so that no output ends in a traceback."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Final

_HANDLER: Final = "bench.shown"
# As wide as what they stand for, so that tables keep their columns.
_STANDING_IN: Final = {
    "µ": "u",
    "α": "a",
    "δ": "d",
    "σ": "s",
    "×": "x",
    "÷": "/",
    "·": "-",
    "±": "~",
    "≤": "<",
    "≥": ">",
    "²": "2",
    "–": "-",
    "—": "-",
    "−": "-",
    "→": ">",
    "…": "~",
    "✗": "x",
    "✓": "v",
    "’": "'",
    "“": '"',
    "”": '"',
}


def write_what_can_be_shown() -> None:
    """From here on a character that stdout or stderr has no code for is written as a plain one or as `?`.

    What programs read (JSON, CSV, Markdown) goes out as UTF-8 bytes and is not changed by this.
    """
    codecs.register_error(_HANDLER, _stand_in)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors=_HANDLER)


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_STANDING_IN.get(character, "?") for character in lost), error.end
