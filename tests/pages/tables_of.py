"""The tables of a page as plain text, to be held against what is kept in `golden/`.

`python -m tests.pages.tables_of` writes these files anew, for a look at the difference before it is committed.
"""

from __future__ import annotations

import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from tests.pages import systems

GOLDEN = Path(__file__).parent / "golden"
PAGES = ("index", "comparison", "tables", "environment", "workload-01-image_classify")


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.rows.append(["---"])
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._cell = []
        elif self._cell is not None and tag in ("small", "br", "li", "dd", "dt"):
            self._cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(re.sub(r"\s+", " ", "".join(self._cell)).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def rows_of(text: str) -> list[list[str]]:
    """The cells of all rows of all tables of a page; a table begins with a row of one cell, `---`."""
    reader = _Tables()
    reader.feed(text)
    return reader.rows


def plain(text: str) -> str:
    """One line for each row."""
    return "".join(" | ".join(row) + "\n" for row in rows_of(text))


def sound_site(folder: Path) -> Path:
    """The site of two sound systems, which the golden files are of."""
    results = folder / "results"
    runs = [systems.kept_system(results, number, speed=speed) for number, speed in ((1, 1.0), (2, 1.1))]
    return systems.site_of(results, runs, folder / "site")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        site = sound_site(Path(place))
        for lang, where in (("en", site), ("zh", site / "zh")):
            for page in PAGES:
                (GOLDEN / lang).mkdir(parents=True, exist_ok=True)
                text = (where / f"{page}.html").read_text(encoding="utf-8")
                (GOLDEN / lang / f"{page}.txt").write_text(plain(text), encoding="utf-8")
