"""How things look in a terminal: styles by severity and state, an empty table, and text made safe to print."""

from __future__ import annotations

import unicodedata
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from bench.text import sentence

SEVERITY_STYLE: Final = {"error": "bold red", "warning": "yellow", "info": "cyan"}
MARK: Final = {"error": "✗", "warning": "!", "info": "·"}
STATE_STYLE: Final = {"invalid": "bold red", "partial": "bold yellow", "quick": "", "valid": ""}
QUALITY_STYLE: Final = {"passed": "green", "failed": "bold red", "unverified": "yellow"}


def printable(text: str) -> str:
    """`text` without control characters, which a name from an engine could use to write over other lines."""
    return "".join(" " if unicodedata.category(character) in ("Cc", "Cf") else character for character in text)


def table(lang: str, *headers: str) -> Table:
    """An empty table with the headers of these keys."""
    shown = Table(box=box.HORIZONTALS, show_lines=True, pad_edge=False, header_style="bold", expand=False)
    for header in headers:
        shown.add_column(Text(sentence(lang, f"table.{header}")), overflow="fold")
    return shown
