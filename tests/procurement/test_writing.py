"""The list as a table of a spreadsheet and in a terminal: whole, and harmless whatever names say."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from bench import procurement
from bench.procurement.listing import listing
from bench.procurement.writing import csv_text
from bench.records.record import Run
from bench.report.listing import print_listing
from bench.text import LANGUAGES
from bench.text.catalogue import catalogue

from .made import COMMAND, DAY, candidate, drawn, policy
from .test_listing import msgspec_free

EVIL = '=cmd()|"/c calc"!A1\x1b[31m\u202e<script>'


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_row_has_a_line_with_all_columns(lang: str) -> None:
    found = [candidate(1, drawn(1)), candidate(2, drawn(2, 1.3), formal=False), candidate(3, {COMMAND: [1e7, 1e7]})]
    made = listing(policy(), "0" * 64, found, DAY, {found[0].run.run_id: {"manufacturer": "M", "brand": "B"}})
    heading, *lines = csv.reader(io.StringIO(csv_text(made, lang)))
    assert len(lines) == 3
    assert {len(line) for line in lines} == {len(heading)}
    assert len(set(heading)) == len(heading)
    place = heading.index({"en": "place", "zh": "名次"}[lang])
    assert [line[place] for line in lines] == ["1", "1", ""]
    assert lines[0][heading.index({"en": "manufacturer", "zh": "制造商名称"}[lang])] == "M"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_of_strangers_are_harmless(lang: str) -> None:
    one = candidate(1, drawn(1))
    one = msgspec_free(one, plan=msgspec.structs.replace(one.run.plan, backend=EVIL))
    assert isinstance(one.run, Run)
    made = listing(policy(), "0" * 64, [one], DAY, {one.run.run_id: {"brand": EVIL, "model": "-1+1"}})
    cells = [cell for line in csv.reader(io.StringIO(csv_text(made, lang))) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+", "-"))]
    assert not [cell for cell in cells if "\x1b" in cell or "\u202e" in cell]
    out = io.StringIO()
    print_listing(Console(file=out, width=80), made, lang)
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_terminal_says_what_is_not_met_and_how_sure_places_are(lang: str) -> None:
    found = [candidate(1, drawn(1)), candidate(2, drawn(2, 1.3)), candidate(3, drawn(3), formal=False)]
    made = listing(policy(), "0" * 64, found, DAY, {})
    out = io.StringIO()
    print_listing(Console(file=out, width=80), made, lang)
    words = {
        "en": ["Formal results", "Self-tests", "1 of 1 pairs differ", "NOT MET attestation"],
        "zh": ["正式结果", "自测结果", "1 对中有 1 对", "不合格 见证"],
    }
    for word in words[lang]:
        assert word in out.getvalue(), out.getvalue()


def test_every_code_that_is_made_has_a_sentence_and_none_is_left_over() -> None:
    """Codes stand in the source as `code="…"`; those with a variable end by their beginning."""
    source = "\n".join(file.read_text() for file in Path(str(procurement.__file__)).parent.glob("*.py"))
    made = set(re.findall(r'code="([a-z-]+)"', source)) | set(re.findall(r'\("(unknown-[a-z]+)"', source))
    made |= {f"quality-{state}" for state in ("failed", "unverified")}
    for lang in LANGUAGES:
        tables = ("list_remark.", "policy_fault.")
        texts = {key.partition(".")[2] for key in catalogue(lang) if key.startswith(tables)}
        assert texts == made
