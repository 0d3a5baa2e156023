"""The cells of the table over measurements: six columns where the terminal is wide, four where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from bench.report.rows import Row
from bench.report.styles import MARK, QUALITY_STYLE, SEVERITY_STYLE, STATE_STYLE, printable, table
from bench.text import sentence

WIDE: Final = 110


def measurement_table(rows: Sequence[Row], lang: str, width: int) -> Table:
    """One line per measurement: what was measured, primary figure with interval and its kind, quality, findings."""
    if width >= WIDE:
        shown = table(lang, "workload", "scenario", "result", "interval", "quality", "findings")
        for row in rows:
            scenario = Text(f"{row.scenario}\n{row.precision}")
            cells = (_result(row), Text(row.primary.kind), _quality(row), _codes(row, lang))
            shown.add_row(Text(printable(row.workload), style="bold"), scenario, *cells)
        return shown
    shown = table(lang, "measurement", "result", "quality", "findings")
    for row in rows:
        what = Text(printable(row.workload), style="bold").append(f"\n{row.scenario}\n{row.precision}", style="not bold")
        result = _lines(_result(row), Text(row.primary.kind, style="dim"))
        shown.add_row(what, result, _quality(row), _counts(row, lang))
    return shown


def _result(row: Row) -> Text:
    figure, number = row.primary, Text()
    if row.state in ("invalid", "partial"):
        number.append(f"{row.state_text}  ", style=STATE_STYLE[row.state])
    void = "strike dim" if row.state == "invalid" else "bold"
    number.append(f"{figure.value} {figure.interval}".strip(), style=void)
    return _lines(Text(printable(figure.name)), number)


def _quality(row: Row) -> Text:
    quality = row.quality
    state = Text(quality.state_text, style=QUALITY_STYLE[quality.state])
    if not quality.value:
        return state
    value = Text(f"{quality.metric} {quality.value}")
    target = Text(f"{quality.interval}  {quality.target}".strip())
    return _lines(value, target, state, Text(quality.samples, style="dim"))


def _codes(row: Row, lang: str) -> Text:
    codes = dict.fromkeys((found.code, found.severity) for found in row.findings)
    lines = [Text(f"{MARK[severity]} {printable(code)}", style=SEVERITY_STYLE[severity]) for code, severity in codes]
    counts = Text(row.counts or sentence(lang, "table.no_findings"), style="dim")
    return _lines(counts, *lines)


def _counts(row: Row, lang: str) -> Text:
    return Text(row.counts.replace(", ", "\n") or sentence(lang, "table.no_findings"))


def _lines(*parts: Text) -> Text:
    return Text("\n").join(part for part in parts if part.plain)
