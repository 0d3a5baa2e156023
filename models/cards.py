"""Tables of a workload's card that are computed, never typed: they stand between two marks."""

from __future__ import annotations

import re
from pathlib import Path


def put_table(card: Path, mark: str, table: str) -> None:
    """Write `table` between `<!-- mark -->` and `<!-- end of mark -->`; a card without these marks stays as it is."""
    marked = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- end of {mark} -->)", re.DOTALL)
    text = card.read_text(encoding="utf-8")
    card.write_text(marked.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text), encoding="utf-8")
