"""The cells of the table over measurements: five columns where the terminal is wide, four where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from bench.report.rows import Row
from bench.report.styles import MARK, QUALITY_STYLE, SEVERITY_STYLE, STATE_STYLE, clipped, table
from bench.text import sentence

WIDE: Final = 110


def measurement_table(rows: Sequence[Row], lang: str, width: int) -> Table:
    """One line per measurement: what was measured, primary figure with interval and its kind, quality, findings."""
    wide = width >= WIDE
    shown = table(lang, "measurement", "result", *(["interval"] if wide else []), "quality", "findings")
    for row in rows:
        what = Text(clipped(row.workload), style="bold").append(f"\n{row.scenario}\n{row.precision}", style="not bold")
        kind = Text(row.primary.kind, style="" if wide else "dim")
        if wide:
            shown.add_row(what, _result(row), kind, _quality(row), _codes(row, lang))
        else:
            shown.add_row(what, _lines(_result(row), kind), _quality(row), _counts(row, lang))
    return _unbroken(shown, 1, 3, 4) if wide else _unbroken(shown, 2)


def _unbroken(shown: Table, *columns: int) -> Table:
    """Numbers with their intervals, and codes, stay on one line; the other columns give way."""
    for column in columns:
        shown.columns[column].no_wrap = True
        shown.columns[column].overflow = "ellipsis"
    return shown


def _result(row: Row) -> Text:
    figure = row.primary
    head = Text(clipped(figure.name))
    if row.state in ("invalid", "partial"):
        head.append(f"  {row.state_text}", style=STATE_STYLE[row.state])
    void = "strike dim" if row.state == "invalid" else "bold"
    return _lines(head, Text(f"{figure.value} {figure.interval}".strip(), style=void))


def _quality(row: Row) -> Text:
    quality = row.quality
    state = Text(quality.state_text, style=QUALITY_STYLE[quality.state])
    if not quality.value:
        return state
    value = Text(f"{clipped(quality.metric)} {quality.value}")
    return _lines(value, Text(quality.interval), Text(quality.target), state, Text(quality.samples, style="dim"))


def _codes(row: Row, lang: str) -> Text:
    codes = dict.fromkeys((found.code, found.severity) for found in row.findings)
    lines = [Text(f"{MARK[severity]} {clipped(code)}", style=SEVERITY_STYLE[severity]) for code, severity in codes]
    counts = Text(row.counts or sentence(lang, "table.no_findings"), style="dim")
    return _lines(counts, *lines)


def _counts(row: Row, lang: str) -> Text:
    return Text(row.counts.replace(", ", "\n") or sentence(lang, "table.no_findings"))


def _lines(*parts: Text) -> Text:
    return Text("\n").join(part for part in parts if part.plain)
