"""A procurement list as plain values of text and drawings: three tables, what makes a reader doubt, the policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from bench.pages.list_parts import Detail, PolicyPart, detail, gate_line, policy_part
from bench.pages.pictures import picture
from bench.pages.run import Picture
from bench.plots.pareto import Pareto
from bench.plots.places import Places, row_names
from bench.records.listing import Listing, Ranking, Row, Sensitivity
from bench.records.listing import Table as Tables
from bench.report.styles import clipped
from bench.text import figures, name, printable, sentence
from bench.text.listing import remark_text

# What a page stays usable with, 5 MB at most whatever names say: the first rows of a table on a line each, fewer in
# full. All of them are in the other files.
MOST_ROWS: Final = 1500
MOST_DETAILS: Final = 20
MOST_DRAWN: Final = 5
MOST_PAIRS: Final = 200
MOST_SAID: Final = 3
_TABLES: Final[tuple[Tables, ...]] = ("formal", "self-test", "not-assessed")


class ListRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row on a line: `failing` are gates that are not met or near the limit, `remarks` the first few."""

    number: int
    place: str
    tried: str
    system: str
    maker: str
    run_id: str
    values: tuple[str, ...]
    score: str
    met: str
    failing: tuple[str, ...]
    front: str
    dates: str
    remarks: tuple[str, ...]


class ListTable(msgspec.Struct, frozen=True, kw_only=True):
    """One table: its rows, best first, what was cut off, pictures, pairs, other weights, the first rows in full."""

    key: str
    title: str
    total: int
    cut: str
    rows: tuple[ListRow, ...]
    doubts: tuple[str, ...]
    pictures: tuple[Picture, ...]
    pairs: tuple[tuple[str, str, str, str], ...]
    pairs_cut: str
    sensitivity: tuple[tuple[str, str], ...]
    details: tuple[Detail, ...]
    details_cut: str


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """The whole list. `terms` head the columns of ratios: the parts of an address, and the weight."""

    lang: str
    title: str
    head: str
    remarks: tuple[str, ...]
    terms: tuple[tuple[str, ...], ...]
    tables: tuple[ListTable, ...]
    policy: PolicyPart


def build_list(made: Listing, lang: str) -> ListPage:
    """The pages of a list."""
    policy, names = made.policy, row_names(made)
    title = policy.title.get(lang, policy.name)
    head = sentence(lang, "list.head", title=title, round=policy.round, day=made.made_on)
    return ListPage(
        lang=lang,
        title=printable(title),
        head=printable(head),
        remarks=tuple(remark_text(lang, remark) for remark in made.remarks),
        terms=tuple((*printable(term.metric).split("."), f"× {term.weight:g}") for term in policy.terms),
        tables=tuple(_table(made, which, names, lang) for which in _TABLES),
        policy=policy_part(made, lang),
    )


def _table(made: Listing, which: Tables, names: Mapping[int, str], lang: str) -> ListTable:
    rows = sorted((row for row in made.rows if row.table == which), key=_order)
    ranking = next((one for one in made.rankings if one.table == which), None)
    full = rows[:MOST_DETAILS] if which != "not-assessed" else []
    pairs = ranking.pairs if ranking is not None else ()
    return ListTable(
        key=which,
        title=name(lang, "list_table", which),
        total=len(rows),
        cut=_cut(min(len(rows), MOST_ROWS), len(rows), lang),
        rows=tuple(_row(made, row, lang) for row in rows[:MOST_ROWS]),
        doubts=tuple(_doubts(ranking, made, lang)) if ranking is not None else (),
        pictures=tuple(_pictures(made, which, names, lang)),
        pairs=tuple(
            (str(one.better), str(one.worse), figures.share(one.gap), sentence(lang, _practical(one.practical)))
            for one in pairs[:MOST_PAIRS]
        ),
        pairs_cut=_cut(min(len(pairs), MOST_PAIRS), len(pairs), lang),
        sensitivity=_sensitivity(ranking, made, lang) if ranking is not None else (),
        details=tuple(detail(made, row, order < MOST_DRAWN, lang) for order, row in enumerate(full)),
        details_cut=_cut(len(full), len(rows), lang) if which != "not-assessed" else "",
    )


def _order(row: Row) -> tuple[int, float, int]:
    """By place, of equal places the higher score first; what has none at the end."""
    place = row.place
    return (place.place, -place.score, row.number) if place is not None else (1 << 62, 0.0, row.number)


def _cut(shown: int, total: int, lang: str) -> str:
    return sentence(lang, "list_page.cut", shown=shown, total=total) if shown < total else ""


def _practical(practical: bool) -> str:
    return "list_page.practical" if practical else "list_page.small"


def _row(made: Listing, row: Row, lang: str) -> ListRow:
    place, digits = row.place, made.policy.digits
    terms = {term.metric: term for term in row.terms}
    tested = " – ".join(str(day) for day in (row.tested_on, row.expires_on) if day is not None)
    return ListRow(
        number=row.number,
        place="" if place is None else str(place.place) if place.place == place.last else f"{place.place}–{place.last}",
        tried="" if place is None or place.places is None else f"{place.places[0]}–{place.places[1]}",
        system=clipped(_system(row), 60),
        maker=clipped(", ".join(part for part in (row.backend, row.device, row.availability) if part), 60),
        run_id=clipped(row.run_id, 60) if _system(row) != row.run_id else "",
        values=tuple(
            figures.significant(terms[term.metric].ratio, digits) if term.metric in terms else ""
            for term in made.policy.terms
        ),
        score=_score(row, digits),
        met=f"{sum(gate.state == 'met' for gate in row.gates)}/{len(row.gates)}" if row.gates else "",
        failing=_first(_failing(made, row, lang), sum(gate.state != "met" or gate.near for gate in row.gates)),
        front=sentence(lang, "list.pareto") if row.on_pareto_front else "",
        dates=f"{tested} {name(lang, 'list_state', row.state)}" if tested else "",
        remarks=_first((remark_text(lang, remark) for remark in row.remarks), len(row.remarks)),
    )


def _first(texts: Iterator[str], total: int) -> tuple[str, ...]:
    """The first few, cut short, and how many more there are; the others are never made."""
    more = (f"+ {total - MOST_SAID}",) if total > MOST_SAID else ()
    return (*(clipped(text, 100) for text in islice(texts, MOST_SAID)), *more)


def _system(row: Row) -> str:
    """What the vendor declares, else what the profile of the machine says."""
    declared = row.particulars
    stated = msgspec.structs.replace(
        row, vendor=declared.get("manufacturer") or row.vendor, product=declared.get("model") or row.product
    )
    return stated.system


def _score(row: Row, digits: int) -> str:
    if row.place is None:
        return ""
    score, low, high = (figures.significant(one, digits) for one in (row.place.score, row.place.low, row.place.high))
    return f"{score} [{low}, {high}]"


def _failing(made: Listing, row: Row, lang: str) -> Iterator[str]:
    for gate in row.gates:
        if gate.state != "met" or gate.near:
            line = gate_line(gate, made.policy.digits, lang)
            yield f"{line.state_text} {line.name}: {line.seen} ({line.required}) {line.near}".strip()


def _doubts(ranking: Ranking, made: Listing, lang: str) -> Iterator[str]:
    count = len(ranking.numbers)
    if count > 1 and not any(remark.code == "not-tried" for remark in ranking.remarks):
        told = sum(pair.practical for pair in ranking.pairs)
        level = f"{100 * made.policy.alpha:g} %"
        yield sentence(lang, "list.pairs", told=told, total=count * (count - 1) // 2, level=level)
    yield from (remark_text(lang, remark) for remark in ranking.remarks)


def _sensitivity(ranking: Ranking, made: Listing, lang: str) -> tuple[tuple[str, str], ...]:
    """Each alternative with the rows that it moves, as `number: place → place`."""
    places = {row.number: row.place.place for row in made.rows if row.place is not None}
    formed = [one for one in ranking.sensitivity if one.places is not None]
    lines = [(_alternative(one, lang), _moved(one, ranking.numbers, places, lang)) for one in formed]
    others = [_alternative(one, lang) for one in ranking.sensitivity if one.places is None]
    if others:
        lines.append((sentence(lang, "phrase.list").join(others), sentence(lang, "list_page.not_formed")))
    return tuple(lines)


def _alternative(one: Sensitivity, lang: str) -> str:
    return sentence(lang, f"list_alternative.{one.alternative}", subject=printable(one.subject))


def _moved(one: Sensitivity, numbers: Sequence[int], places: dict[int, int], lang: str) -> str:
    moved = [
        f"{number}: {places[number]} → {place}"
        for number, place in zip(numbers, one.places or (), strict=True)
        if number in places and places[number] != place
    ]
    return "; ".join(moved) or sentence(lang, "list_page.none_moved")


def _pictures(made: Listing, which: Tables, names: Mapping[int, str], lang: str) -> Iterator[Picture]:
    places = Places.of(made, which, names)
    if places is None:
        return
    caption = sentence(lang, "list_page.figure_places")
    yield picture(places.draw, 9.0, places.height, caption, lang)
    if 1 < len(places.rows) <= 20:
        side = 1.6 + 0.3 * len(places.rows)
        yield picture(places.draw_pairs, side + 3.0, side, sentence(lang, "list_page.figure_pairs"), lang)
    front = Pareto.of_listing(made, which, names)
    if front is not None and len(front.spots) <= 20:
        yield picture(front.draw, 9.0, 3.6, sentence(lang, "list_page.figure_front"), lang)
