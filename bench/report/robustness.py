"""Robustness as a table of words: a line for each corruption, a column for each level; and that table in a terminal."""

from __future__ import annotations

import msgspec
from rich.table import Table
from rich.text import Text

from bench.records.robustness import Robustness, Stressed
from bench.report.columns import WIDE
from bench.report.styles import table
from bench.text import figures, name, printable, sentence
from bench.text.catalogue import catalogue


class StressCell(msgspec.Struct, frozen=True, kw_only=True):
    """One condition: how strong it is, what came of it, what that costs, and what it costs the reference ("": unknown).

    All texts are empty where the level was not asked.
    """

    amount: str = ""
    value: str = ""
    interval: str = ""
    lost: str = ""
    lost_interval: str = ""
    reference: str = ""


class StressRow(msgspec.Struct, frozen=True, kw_only=True):
    """One corruption at all levels."""

    name: str
    cells: tuple[StressCell, ...]


class StressTable(msgspec.Struct, frozen=True, kw_only=True):
    """`clean` says what the levels are compared with, `note` how to read the cells."""

    title: str
    clean: str
    levels: tuple[str, ...]
    rows: tuple[StressRow, ...]
    note: str


def stress_table(found: Robustness | None, lang: str) -> StressTable | None:
    """None where nothing was asked under corruption."""
    if found is None:
        return None
    levels = sorted({one.level for one in found.stressed})
    kinds = dict.fromkeys(one.corruption for one in found.stressed)
    by_place = {(one.corruption, one.level): one for one in found.stressed}
    clean = sentence(
        lang,
        "robustness.clean",
        metric=name(lang, "quality", found.metric),
        value=figures.share(found.value, found.interval),
        samples=sentence(lang, "quality_text.samples", samples=found.samples, total=found.evaluation_samples),
    )
    return StressTable(
        title=sentence(lang, "robustness.title"),
        clean=clean,
        levels=tuple(sentence(lang, "robustness.level", level=level) for level in levels),
        rows=tuple(
            StressRow(
                name=name(lang, "corruption", kind),
                cells=tuple(_cell(by_place.get((kind, level)), lang) for level in levels),
            )
            for kind in kinds
        ),
        note=_note(found, lang),
    )


def _cell(one: Stressed | None, lang: str) -> StressCell:
    if one is None:
        return StressCell()
    value, interval = figures.split(figures.share(one.value, one.interval))
    loss, limits = figures.split(figures.points(one.loss, one.loss_interval))
    theirs = one.reference_loss
    return StressCell(
        amount=_amount(one, lang),
        value=value,
        interval=interval,
        lost=sentence(lang, "robustness.lost", loss=loss),
        lost_interval=limits,
        reference=sentence(lang, "robustness.reference", loss=figures.points(theirs)) if theirs is not None else "",
    )


def _amount(one: Stressed, lang: str) -> str:
    amount = f"{100.0 * one.amount:g} %" if one.unit == "area" else f"{one.amount:g}"
    key = f"amount.{one.unit}"
    return sentence(lang, key, amount=amount) if key in catalogue(lang) else f"{amount} {printable(one.unit)}"


def _note(found: Robustness, lang: str) -> str:
    lost = sentence(lang, "robustness.note")
    if not found.reference_samples:
        return lost
    compared = sentence(lang, "robustness.note_reference", samples=figures.count(found.reference_samples))
    return f"{lost} {compared}"


def terminal_table(shown: StressTable, lang: str, width: int) -> Table:
    """The table for a terminal of `width` columns; title, `clean` and `note` are not in it."""
    grid = table(lang, "corruption")
    for level in shown.levels:
        grid.add_column(Text(level), no_wrap=True, overflow="ellipsis")
    for row in shown.rows:
        grid.add_row(Text(row.name, style="bold"), *(_lines(cell, width >= WIDE) for cell in row.cells))
    return grid


def _lines(cell: StressCell, wide: bool) -> Text:
    parts = [
        Text(cell.amount, style="dim"),
        Text(f"{cell.value} {cell.interval}".strip()),
        *([Text(f"{cell.lost} {cell.lost_interval}".strip())] if wide else [Text(cell.lost), Text(cell.lost_interval)]),
        Text(cell.reference, style="dim"),
    ]
    return Text("\n").join(part for part in parts if part.plain)
