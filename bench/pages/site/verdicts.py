"""All systems against each other as rows of text: what stands on the page, and what its script picks from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any  # Any: what goes into the page as JSON

import msgspec

from bench.comparing.systems import Held
from bench.pages.site.entries import Entry, shortened
from bench.records.comparison import Comparison, Judged
from bench.records.numbers import Measured
from bench.report.comparing import compared_rows
from bench.report.rows import figure_row, repetitions
from bench.text import figures, name, sentence

OUTCOMES = ("worse", "better", "same", "inconclusive", "not-judged", "invalid", "unlike")
Pairs = Sequence[Sequence[Sequence[Held]]]
Entries = Sequence[Mapping[str, Entry]]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a system beside the baseline's. `sort` is the change as a number, None where there is none."""

    first: str
    second: str
    metric: str
    outcome: str
    change: str
    sort: float | None
    reason: str


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as a cell needs it: the number, and under it interval kind, mode, quality, findings."""

    value: str
    note: str
    state: str
    state_text: str


def verdicts(held: Held, lang: str) -> list[Verdict]:
    """The rows of a pair; one that says why where it is not compared."""
    if held.unlike:
        reasons = [
            sentence(
                lang,
                "site.not_alike_reason",
                field=entry.field,
                first=shortened(entry.first, 60),
                second=shortened(entry.second, 60),
            )
            for entry in held.unlike
        ]
        return [
            Verdict(
                first=held.first,
                second=held.second,
                metric="",
                outcome="unlike",
                change=figures.NONE,
                sort=None,
                reason="; ".join(reasons),
            )
        ]
    return [_verdict(held, entry, lang) for entry in held.judged]


def _verdict(held: Held, entry: Judged, lang: str) -> Verdict:
    (row,) = compared_rows(Comparison(first="A", second="B", alpha=0.05, judged=(entry,)), lang)
    return Verdict(
        first=held.first,
        second=held.second,
        metric=entry.metric,
        outcome=entry.verdict,
        change=row.change,
        sort=entry.change,
        reason=sentence(lang, "site.reason", reason=row.reason, margin=row.margin),
    )


def side(entry: Entry, metric: str, lang: str) -> Side:
    """A figure of an entry with everything that must stand beside it."""
    record = entry.record
    figure = figure_row(metric, record.metrics.get(metric, Measured()), repetitions(record), lang)
    quality = sentence(lang, "site.quality", state=entry.row.quality.state_text)
    parts = [sentence(lang, "site.kind_mode", kind=figure.kind, mode=entry.mode), quality]
    found = entry.row.counts or sentence(lang, "table.no_findings")
    parts.append(sentence(lang, "phrase.labelled", label=sentence(lang, "table.findings"), text=found))
    marked = entry.row.state in ("invalid", "partial")
    return Side(
        value=f"{figure.value} {figure.interval}".strip(),
        note=" · ".join(parts),
        state=entry.row.state,
        state_text=entry.row.state_text if marked else "",
    )


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table of one baseline: both entries, their sides, and the verdict."""

    first: Entry
    second: Entry
    sides: tuple[Side, Side]
    verdict: Verdict
    outcome_text: str
    metric_name: str


def against(pairs: Pairs, entries: Entries, baseline: int, lang: str) -> list[Compared]:
    """The table of all systems against one of them, by measurement, then by system."""
    found = [
        _compared(entries[baseline][one.first], entries[other][one.second], one, lang)
        for other, own in enumerate(pairs[baseline])
        for held in own
        for one in verdicts(held, lang)
    ]
    order = {key: place for place, key in enumerate(dict.fromkeys(name for own in entries for name in own))}
    return sorted(found, key=lambda row: (order[row.verdict.first], row.second.system.place))


def _compared(first: Entry, second: Entry, verdict: Verdict, lang: str) -> Compared:
    metric = verdict.metric or first.record.primary
    return Compared(
        first=first,
        second=second,
        sides=(side(first, metric, lang), side(second, metric, lang)),
        verdict=verdict,
        outcome_text=sentence(lang, f"site_outcome.{verdict.outcome}"),
        metric_name=metric_name(metric, lang),
    )


def metric_name(metric: str, lang: str) -> str:
    """What a metric is called; its id where it has no name."""
    return name(lang, "metric", f"{metric}.name").removesuffix(".name")


def embedded(pairs: Pairs, entries: Entries, lang: str) -> dict[str, Any]:
    """All tables, compact: texts stand once, in `texts`, and everything else holds their places in it.

    `rows[i]` has the rows of baseline i in the order of `against`: system, place of each side in `sides`, place of the
    outcome in `OUTCOMES`, change, change as a number, reason. `sides` are value, note, state, word of the state,
    metric, link to the details; then workload, scenario, its words, precision of the measurement.
    """
    texts, sides = dict[str, int](), dict[tuple[int, ...], int]()

    def text(value: str) -> int:
        return texts.setdefault(value, len(texts))

    def place(entry: Entry, shown: Side, metric: str) -> int:
        asked, row = entry.record.measurement, entry.row
        own = (shown.value, shown.note, shown.state, shown.state_text, metric, entry.anchor)
        measurement = (shortened(asked.workload), asked.scenario, row.scenario, shortened(row.precision))
        return sides.setdefault(tuple(text(value) for value in (*own, *measurement)), len(sides))

    def row(one: Compared) -> list[int | float | None]:
        first, second = (
            place(entry, shown, one.metric_name)
            for entry, shown in zip((one.first, one.second), one.sides, strict=True)
        )
        verdict = one.verdict
        change = None if verdict.sort is None else float(f"{verdict.sort:.6g}")
        outcome = OUTCOMES.index(verdict.outcome)
        return [one.second.system.place, first, second, outcome, text(verdict.change), change, text(verdict.reason)]

    rows = [[row(one) for one in against(pairs, entries, baseline, lang)] for baseline in range(len(entries))]
    return {"rows": rows, "sides": list(sides), "texts": list(texts)}
