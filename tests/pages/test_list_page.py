"""The pages of a list: three tables, what makes a reader doubt, the policy whole; small enough however many rows."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import msgspec
import pytest

from bench.pages.listing import MOST_DETAILS, MOST_ROWS, build_list
from bench.pages.printing import render_list, write_list
from bench.procurement.listing import listing
from bench.records.listing import Limit, Listing, Place, Remark, Row
from bench.records.policy import Gate
from bench.text import LANGUAGES, name, sentence

from ..procurement.made import COMMAND, DAY, candidate, drawn, policy
from ..procurement.test_writing import EVIL
from .test_html import read


def made(lang: str = "en") -> Listing:
    """Four formal results, one of which misses a limit by less than its interval; two self-tests; one lacks a term."""
    found = [candidate(number, drawn(number, speed)) for number, speed in ((1, 1.0), (2, 1.3), (3, 1.31))]
    found += [candidate(number, drawn(number, 1.1), formal=False) for number in (4, 5)]
    found += [candidate(6, {COMMAND: [1e7, 1e7]}), candidate(7, drawn(7, 0.5, scatter=0.05))]
    rules = policy(gates=(Gate(metric=COMMAND, op="<=", limit=20.0, unit="ms", guarded=True),))
    particulars = {found[0].run.run_id: {"manufacturer": "Maker & Co", "model": "M-1", "certificate": "C-7"}}
    return listing(rules, "ab" * 32, found, DAY, particulars)


@pytest.fixture(scope="module", params=LANGUAGES)
def whole(request: pytest.FixtureRequest) -> tuple[str, str]:
    lang = str(request.param)
    return lang, render_list(build_list(made(), lang))


def section(text: str, key: str) -> str:
    begin = text.index(f'<section id="{key}">')
    return text[begin : text.index("</section>", begin)] + "</section>"


def test_three_tables_in_order_with_every_row(whole: tuple[str, str]) -> None:
    lang, text = whole
    keys = re.findall(r'<section id="([a-z-]+)">', text)
    assert keys == ["formal", "self-test", "not-assessed", "definitions", "policy"]
    for key, count in (("formal", 4), ("self-test", 2), ("not-assessed", 1)):
        assert f"{name(lang, 'list_table', key)} ({count})" in section(text, key)
        rows = re.search(r'<table class="rows">.*?<tbody>(.*?)</tbody>', section(text, key), re.DOTALL)
        assert rows is not None
        assert rows[1].count("<tr>") == count


def test_places_pairs_weights_and_policy_are_there(whole: tuple[str, str]) -> None:
    lang, text = whole
    formal = section(text, "formal")
    listed = made()
    best = next(row for row in listed.rows if row.number == 3)
    assert best.place is not None
    assert re.search(r"<tr><td>1–2</td><td>[0-9]–[0-9]</td><td>[23]</td>", formal)  # 2 and 3 are not told apart
    for key in ("head_pairs", "head_sensitivity", "head_details"):
        assert sentence(lang, f"list_page.{key}") in formal
    assert formal.count("<svg") >= 3
    rules = section(text, "policy")
    for word in ("ab" * 32, "0.6", "0.4", "★ &lt;= 20 ms", "100 1/s", "10 ms", "2026-01-01"):
        assert word in rules
    shown = read(text).text
    for word in (
        "Maker & Co M-1",
        "C-7",
        sentence(lang, "plot.not_assessed"),
        sentence(lang, "list_definition.places"),
    ):
        assert word in shown


def test_gates_say_what_was_asked_and_measured_in_its_unit(whole: tuple[str, str]) -> None:
    lang, text = whole
    row = next(row for row in made().rows if row.number == 7)
    gate = next(gate for gate in row.gates if gate.gate == COMMAND)
    assert (gate.state, gate.near) == ("not-met", True)
    assert gate.value is not None
    shown = read(section(text, "formal")).text
    assert f"{gate.value / 1e6!r}"[:16] in shown  # in full, because the limit is near
    assert sentence(lang, "list.near") in shown
    assert name(lang, "list_gate", "not-met") in shown


def test_nothing_comes_from_a_network(whole: tuple[str, str]) -> None:
    _, text = whole
    assert "://" not in text
    assert "@import" not in text
    assert "size: A4 landscape" in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_of_strangers_are_harmless(lang: str) -> None:
    one = candidate(1, drawn(1))
    plan = msgspec.structs.replace(one.run.plan, backend=EVIL)
    one = dataclasses.replace(one, run=msgspec.structs.replace(one.run, plan=plan), source=EVIL)
    listed = listing(policy(title={"en": EVIL, "zh": EVIL}), "0" * 64, [one], DAY, {one.run.run_id: {"brand": EVIL}})
    text = render_list(build_list(listed, lang))
    read(text)
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_table_of_nothing_says_so() -> None:
    text = render_list(build_list(listing(policy(), "0" * 64, [], DAY, {}), "en"))
    assert text.count("None.") == 3
    assert sentence("en", "list_remark.no-submissions") in text


def many(count: int) -> Listing:
    """A list of so many rows with names, sources and remarks as long as strangers can make them; nothing measured."""
    first = next(row for row in made().rows if row.number == 1)
    gates = tuple(
        Limit(gate=f"{COMMAND}{'x' * 401}", required="<= 20 ms " * 50, seen="y" * 320, state="not-met")
        for _ in range(9)
    )
    remarks = tuple(Remark(code="violation", subject="s" * 400, seen="t" * 400) for _ in range(30))
    rows = tuple(
        msgspec.structs.replace(
            first,
            number=number,
            vendor="v" * 120,
            source="w" * 120,
            gates=gates,
            remarks=remarks if number % 3 == 0 else (),
            table=("formal", "self-test", "not-assessed")[number % 3],
            place=Place(place=number, last=number, score=1.0, low=0.9, high=1.1) if number % 3 else None,
        )
        for number in range(1, count + 1)
    )
    return msgspec.structs.replace(made(), rows=rows)


@pytest.mark.full
def test_ten_thousand_rows_stay_usable() -> None:
    listed = many(10_000)
    text = render_list(build_list(listed, "zh"))
    assert len(text.encode()) <= 5_000_000
    assert ("x" * 400 in text) is False  # said so, a failure prints no page of megabytes
    assert text.count("<article") == 2 * MOST_DETAILS
    for shown, total in ((MOST_DETAILS, 3334), (MOST_ROWS, 3334), (MOST_ROWS, 3333)):
        assert sentence("zh", "list_page.cut", shown=shown, total=total) in text


def test_more_rows_than_are_shown_are_counted_and_the_files_named() -> None:
    rows = tuple(Row(number=n, table="not-assessed", run_id=f"r{n}", source="s") for n in range(1, MOST_ROWS + 3))
    text = render_list(build_list(msgspec.structs.replace(made(), rows=rows, rankings=()), "en"))
    assert f"{MOST_ROWS} of {MOST_ROWS + 2} are shown" in text
    assert "list.csv" in text


def test_it_lies_beside_the_other_files(tmp_path: Path) -> None:
    write_list(made(), tmp_path, "en")
    assert [file.name for file in tmp_path.iterdir()] == ["list.html"]
    assert math.isclose(len((tmp_path / "list.html").read_bytes()), 150_000, rel_tol=0.9)
