"""A procurement list in a terminal: three tables, then what makes a reader doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.records.listing import Listing, Ranking, Row
from bench.records.listing import Table as Tables
from bench.report.styles import clipped, table
from bench.text import figures, name, printable, sentence
from bench.text.listing import remark_text

_TABLES: Final[tuple[Tables, ...]] = ("formal", "self-test", "not-assessed")
_MOST_ROWS: Final = 200  # of a table in a terminal; drawing ten thousand takes longer than ranking them
_STYLE: Final = {"met": "green", "not-met": "bold red", "unverified": "yellow"}


def print_listing(console: Console, made: Listing, lang: str) -> None:
    """The tables of a list, the best first, with every gate that is not met, and how sure the places are."""
    policy = made.policy
    head = sentence(lang, "list.head", title=policy.title.get(lang, policy.name), round=policy.round, day=made.made_on)
    console.print(Text(printable(head), style="bold"))
    for remark in made.remarks:
        console.print(Text(f"! {remark_text(lang, remark)}", style="yellow"))
    rankings = {ranking.table: ranking for ranking in made.rankings}
    for which in _TABLES:
        rows = sorted((row for row in made.rows if row.table == which), key=_order)
        if not rows:
            continue
        console.print()
        console.print(Text(name(lang, "list_table", which), style="bold"))
        shown = rows[:_MOST_ROWS]
        console.print(_table(shown, made, lang) if which != "not-assessed" else _missing(shown, lang))
        if len(rows) > len(shown):
            console.print(Text(sentence(lang, "list.more", count=len(rows) - len(shown)), style="yellow"))
        if which in rankings:
            for line in _doubts(rankings[which], made, lang):
                console.print(line)


def _order(row: Row) -> tuple[int, float, int]:
    """By place, of equal places the higher score first; what has none at the end."""
    place = row.place
    return (place.place, -place.score, row.number) if place is not None else (1 << 62, 0.0, row.number)


def _table(rows: Sequence[Row], made: Listing, lang: str) -> Table:
    shown = table(lang, "place", "system", "score", "gates")
    for row in rows:
        shown.add_row(_place(row, lang), _system(row, lang), _score(row, made), _gates(row, lang))
    shown.columns[0].no_wrap = shown.columns[2].no_wrap = True
    return shown


def _place(row: Row, lang: str) -> Text:
    if row.place is None:
        return Text(name(lang, "list_verdict", "not-eligible"))
    lines = [str(row.place.place), f"{row.place.place}–{row.place.last}"]
    if row.on_pareto_front:
        lines.append(sentence(lang, "list.pareto"))
    return Text("\n".join(lines))


def _system(row: Row, lang: str) -> Text:
    title = " ".join(part for part in (row.vendor, row.product) if part) or row.run_id
    lines = [f"{row.number}  {clipped(title)}", f"{clipped(row.backend)}, {clipped(row.device)}", row.run_id]
    return Text("\n".join([*lines, *(remark_text(lang, remark) for remark in row.remarks)]))


def _score(row: Row, made: Listing) -> Text:
    if row.place is None:
        return Text(figures.NONE)
    digits = made.policy.digits
    low, high = figures.significant(row.place.low, digits), figures.significant(row.place.high, digits)
    return Text(f"{figures.significant(row.place.score, digits)}\n[{low}, {high}]")


def _gates(row: Row, lang: str) -> Text:
    """What is not met, and how many are."""
    met = sum(gate.state == "met" for gate in row.gates)
    text = Text(sentence(lang, "list.gates", met=met, total=len(row.gates)))
    for gate in row.gates:
        near = sentence(lang, "list.near") if gate.near else ""
        if gate.state == "met" and not near:
            continue
        state = name(lang, "list_gate", gate.state)
        line = f"{state} {name(lang, 'list_gate_name', gate.gate)} {gate.required}: {gate.seen} {near}"
        text.append(f"\n{printable(line).strip()}", style=_STYLE[gate.state])
    return text


def _missing(rows: Sequence[Row], lang: str) -> Table:
    shown = table(lang, "system", "reason")
    for row in rows:
        reasons = "\n".join(remark_text(lang, remark) for remark in row.remarks)
        shown.add_row(Text(f"{row.number}  {clipped(row.run_id or row.source, 48)}"), Text(reasons))
    return shown


def _doubts(ranking: Ranking, made: Listing, lang: str) -> Iterator[Text]:
    """Which pairs are told apart, and whether places hang on the weights."""
    count = len(ranking.numbers)
    if count > 1 and "not-tried" not in {remark.code for remark in ranking.remarks}:
        told = sum(pair.practical for pair in ranking.pairs)
        total = count * (count - 1) // 2
        level = f"{100 * made.policy.alpha:g} %"
        yield Text(sentence(lang, "list.pairs", told=told, total=total, level=level), style="dim")
    for remark in ranking.remarks:
        yield Text(f"! {remark_text(lang, remark)}", style="yellow")
