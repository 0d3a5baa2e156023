"""How things look in a terminal: styles by severity and state, an empty table, and text made safe to print."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from bench.text import printable, sentence

SEVERITY_STYLE: Final = {"error": "bold red", "warning": "yellow", "info": "cyan"}
MARK: Final = {"error": "✗", "warning": "!", "info": "·"}
STATE_STYLE: Final = {"invalid": "bold red", "partial": "bold yellow", "quick": "", "valid": ""}
QUALITY_STYLE: Final = {"passed": "green", "failed": "bold red", "unverified": "yellow"}


def clipped(text: str, most: int = 28) -> str:
    """`text` safe to print, at most `most` characters long, so that one name cannot push the others off the line."""
    safe = printable(text)
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"


def table(lang: str, *headers: str) -> Table:
    """An empty table with the headers of these keys."""
    shown = Table(box=box.HORIZONTALS, show_lines=True, pad_edge=False, header_style="bold", expand=False)
    for header in headers:
        shown.add_column(Text(sentence(lang, f"table.{header}")), overflow="fold")
    return shown
