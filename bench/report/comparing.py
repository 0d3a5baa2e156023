"""A comparison as rows of text, and from them a table, Markdown, JUnit XML and annotations of a CI service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

import msgspec
from rich.table import Table
from rich.text import Text

from bench.records.comparison import Comparison, Judged, Outcome
from bench.report.styles import clipped, table
from bench.text import figures, name, printable, sentence
from bench.text.tabular import Cell, markdown_cell

OUTCOMES: tuple[Outcome, ...] = ("worse", "better", "same", "inconclusive", "not-judged", "invalid")
# These never count as passed; `inconclusive` is up to whoever asks.
FAILING: tuple[Outcome, ...] = ("worse", "invalid", "not-judged")
_STYLE = {"worse": "bold red", "invalid": "bold red", "better": "green", "same": "", "inconclusive": "yellow"}

COLUMNS: Final = (
    *("measurement", "metric", "unit", "better", "first", "second", "scale", "change", "low", "high", "margin"),
    *("verdict", "reasons", "repetitions_first", "repetitions_second", "probability", "adjusted", "deciding"),
)


class ComparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One metric in words; `address` is `<workload>.<scenario>.<precision>.<metric>`."""

    address: str
    measurement: str
    metric: str
    first: str
    second: str
    change: str
    margin: str
    repetitions: str
    verdict: Outcome
    verdict_text: str
    reason: str


def compared_rows(comparison: Comparison, lang: str) -> list[ComparedRow]:
    """The rows, those that need a look first."""
    order = {verdict: place for place, verdict in enumerate(("worse", "invalid", "not-judged", "inconclusive"))}
    entries = sorted(comparison.judged, key=lambda entry: order.get(entry.verdict, len(order)))
    return [_row(entry, lang) for entry in entries]


def compared_cells(comparison: Comparison) -> Iterator[tuple[Cell, ...]]:
    """The metrics as plain rows, unrounded, under the names of `COLUMNS`."""
    for one in comparison.judged:
        about = (one.measurement, one.metric, one.unit, one.better, one.first, one.second, one.scale)
        verdict = (one.change, one.low, one.high, one.margin, one.verdict, " ".join(one.reasons))
        yield (*about, *verdict, *one.repetitions, one.probability, one.adjusted, one.deciding)


def summary_line(comparison: Comparison, lang: str) -> str:
    """How many metrics have which verdict."""
    counts = {verdict.replace("-", "_"): 0 for verdict in OUTCOMES}
    for entry in comparison.judged:
        counts[entry.verdict.replace("-", "_")] += 1
    return sentence(lang, "compare.summary", **counts)


def title(comparison: Comparison, lang: str) -> str:
    """What is compared with what, at which confidence."""
    first, second = printable(comparison.first), printable(comparison.second)
    confidence = f"{100 * (1 - comparison.alpha):.4g} %"
    return sentence(
        lang, "compare.title", first=first, second=second, count=len(comparison.judged), confidence=confidence
    )


def notes(comparison: Comparison, lang: str) -> list[str]:
    """What was waved through, and what is under test, each once whatever the measurements."""
    lines = [("allowed", entry) for entry in comparison.allowed] + [("changed", entry) for entry in comparison.changed]
    return [
        sentence(
            lang, f"compare.{kind}", **{key: printable(value) for key, value in msgspec.to_builtins(entry).items()}
        )
        for kind, entry in lines
    ]


def comparison_table(comparison: Comparison, lang: str) -> Table:
    """For a terminal."""
    shown = table(lang)
    for header in ("metric", "first", "second", "change", "verdict"):
        shown.add_column(Text(sentence(lang, f"compare.{header}")), overflow="fold")
    for row in compared_rows(comparison, lang):
        what = Text(clipped(row.metric, 40), style="bold").append(f"\n{printable(row.measurement)}", style="not bold")
        verdict = Text(row.verdict_text, style=_STYLE.get(row.verdict, "")).append(f"\n{row.reason}", style="dim")
        change = Text(row.change).append(f"\n± {row.margin}\n{row.repetitions}", style="dim")
        shown.add_row(what, Text(row.first), Text(row.second), change, verdict)
    return shown


def markdown(comparison: Comparison, lang: str) -> str:
    """A heading, a table and notes, as a step summary or a comment takes them."""
    keys = ("metric", "first", "second", "change", "margin", "repetitions", "verdict", "reason")
    lines = [f"### {markdown_cell(title(comparison, lang))}", "", summary_line(comparison, lang), ""]
    lines += ["| " + " | ".join(sentence(lang, f"compare.{key}") for key in keys) + " |", "|---" * len(keys) + "|"]
    for row in compared_rows(comparison, lang):
        cells = (row.address, row.first, row.second, row.change, row.margin, row.repetitions)
        told = (*map(markdown_cell, cells), f"**{markdown_cell(row.verdict_text)}**", markdown_cell(row.reason))
        lines.append(f"| {' | '.join(told)} |")
    lines += [
        "",
        sentence(lang, "compare.interval_note"),
        "",
        *(f"- {markdown_cell(note)}" for note in notes(comparison, lang)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def junit(comparison: Comparison, lang: str, strict: bool) -> bytes:
    """One test case per metric: `worse` fails, what cannot be judged is an error, `inconclusive` skipped or failed."""
    rows = compared_rows(comparison, lang)
    suite = ElementTree.Element("testsuite", name="bench compare", tests=str(len(rows)))
    counts = {"failure": 0, "error": 0, "skipped": 0}
    for row in rows:
        case = ElementTree.SubElement(suite, "testcase", classname=row.measurement, name=row.address.rsplit(".", 1)[-1])
        kind = {"worse": "failure", "invalid": "error", "not-judged": "error"}.get(row.verdict)
        if row.verdict == "inconclusive":
            kind = "failure" if strict else "skipped"
        if kind is not None:
            counts[kind] += 1
            ElementTree.SubElement(case, kind, message=printable(f"{row.verdict_text}: {row.change} ({row.reason})"))
    plural = {"failures": counts["failure"], "errors": counts["error"], "skipped": counts["skipped"]}
    suite.attrib.update({key: str(value) for key, value in plural.items()})
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"


def workflow_commands(comparison: Comparison, lang: str, strict: bool) -> list[str]:
    """Workflow commands of GitHub, for what is not well."""
    levels: dict[str, str] = {"worse": "error", "invalid": "error", "not-judged": "error"}
    levels["inconclusive"] = "error" if strict else "warning"
    return [
        f"::{levels[row.verdict]} title={_escaped(row.address, ':,')}::"
        + _escaped(f"{row.verdict_text}: {row.first} → {row.second}, {row.change} ({row.reason})")
        for row in compared_rows(comparison, lang)
        if row.verdict in levels
    ]


def _row(entry: Judged, lang: str) -> ComparedRow:
    reasons = [name(lang, "compare_reason", reason) for reason in entry.reasons]
    if entry.verdict == "inconclusive" and entry.scale != "bracket":
        key = "undecidable" if entry.deciding is None else "deciding"
        reasons.append(sentence(lang, f"compare.{key}", count=figures.count(entry.deciding or 0)))
    return ComparedRow(
        address=f"{entry.measurement}.{entry.metric}",
        measurement=entry.measurement,
        metric=sentence(lang, f"metric.{entry.metric}.name"),
        first=_figure(entry, entry.first),
        second=_figure(entry, entry.second),
        change=_change(entry, lang),
        margin=_percent(entry.margin, entry, lang),
        repetitions="/".join(str(count) for count in entry.repetitions),
        verdict=entry.verdict,
        verdict_text=sentence(lang, f"outcome.{entry.verdict}"),
        reason=sentence(lang, "phrase.list").join(reasons),
    )


def _figure(entry: Judged, value: float | None) -> str:
    return figures.NONE if value is None else figures.figure(entry.unit, value)


def _change(entry: Judged, lang: str) -> str:
    if entry.change is None:
        return figures.NONE
    ends = "" if entry.low is None or entry.high is None else f" [{100 * entry.low:+.2f}, {100 * entry.high:+.2f}]"
    return _percent(entry.change, entry, lang, "+") + ends


def _percent(value: float, entry: Judged, lang: str, sign: str = "") -> str:
    number = f"{100 * value:{sign}.2f}"
    return sentence(lang, "compare.points", value=number) if entry.scale == "points" else f"{number} %"


def _escaped(text: str, more: str = "") -> str:
    """As workflow commands want it: what would end the line or the property, in percent."""
    return "".join(f"%{ord(letter):02X}" if letter in f"%\r\n{more}" else letter for letter in text)
