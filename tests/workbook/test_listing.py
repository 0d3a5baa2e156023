"""A procurement list as a workbook: every figure as the record has it, on sheets that can be read and printed."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any  # Any: openpyxl has no types

import msgspec
import pytest

from bench.procurement.listing import listing
from bench.records.listing import Listing
from bench.text import LANGUAGES, sentence
from bench.workbook.listing import list_workbook

from ..procurement.made import COMMAND, DAY, candidate, drawn, policy
from .read import formulas_and_links, opened, rows_of

EVIL = "=cmd()|'/c calc'!A1\x1b[31m\u202e<script>alert(1)</script>\u200b"


def made(hostile: bool = False) -> Listing:
    found = [candidate(number, drawn(number, 1.0 + 0.1 * number)) for number in range(1, 5)]
    found += [candidate(6, drawn(6), formal=False), candidate(7, {COMMAND: [1e7, 1e7]})]
    if hostile:
        plan = msgspec.structs.replace(found[0].run.plan, backend=EVIL, device=EVIL)
        found[0] = dataclasses.replace(found[0], run=msgspec.structs.replace(found[0].run, plan=plan), source=EVIL)
    told = {found[0].run.run_id: {"brand": EVIL if hostile else "甲", "manufacturer": "-1+1", "report_number": "007"}}
    return listing(policy(), "0" * 64, found, DAY, told)


def sheet(book: Any, lang: str, key: str) -> list[dict[str, Any]]:
    return rows_of(book[sentence(lang, f"workbook.sheet_{key}")])


def head(lang: str, key: str) -> str:
    return sentence(
        lang, f"list_column.{key}" if key in ("score", "score_low", "score_high", "place") else f"column.{key}"
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_scores_and_values_are_those_of_the_record_unrounded(lang: str) -> None:
    whole = made()
    book = opened(list_workbook(whole, lang))
    number = sentence(lang, "list_column.number")
    ranked = {row.number: row for row in whole.rows if row.place is not None}
    told = {row[number]: row for row in sheet(book, lang, "scores")}
    assert set(told) == set(ranked)
    for key, row in ranked.items():
        assert row.place is not None
        expected = (row.place.place, row.place.score, row.place.low, row.place.high)
        assert tuple(told[key][head(lang, name)] for name in ("place", "score", "score_low", "score_high")) == expected
    values = sheet(book, lang, "values")
    terms = [(row.number, term) for row in whole.rows for term in row.terms]
    assert len(values) == len(terms) > 8
    for shown, (key, term) in zip(values, terms, strict=True):
        names = ("value", "ratio", "repetitions", "repetition_variance", "reference_value", "weight")
        weight = {one.metric: one.weight for one in whole.policy.terms}[term.metric]
        reference = whole.policy.reference.values[term.metric]
        record = (term.value, term.ratio, term.repetitions, term.repetition_variance, reference, weight)
        assert tuple(shown[head(lang, name)] for name in names) == record
        assert shown[number] == key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_gates_pairs_and_other_weights_are_whole(lang: str) -> None:
    whole = made()
    book = opened(list_workbook(whole, lang))
    gates = sheet(book, lang, "gates")
    limits = [gate for row in whole.rows for gate in row.gates]
    assert [row[head(lang, "value")] for row in gates] == [gate.value for gate in limits]
    assert [row[head(lang, "low")] for row in gates] == [gate.low for gate in limits]
    pairs = [pair for ranking in whole.rankings for pair in ranking.pairs]
    assert [row[head(lang, "gap")] for row in sheet(book, lang, "pairs")] == [pair.gap for pair in pairs]
    places = [place for ranking in whole.rankings for one in ranking.sensitivity
              for place in one.places or (None,) * len(ranking.numbers)]  # fmt: skip
    assert [row[head(lang, "place")] for row in sheet(book, lang, "sensitivity")] == places
    variances = [one.variance for row in whole.rows for one in row.budget]
    assert [row[head(lang, "variance")] for row in sheet(book, lang, "uncertainty")] == variances
    rules = {row[head(lang, "rule")]: row[head(lang, "setting")] for row in sheet(book, lang, "policy")}
    assert rules["terms.1.weight"] == whole.policy.terms[0].weight
    assert rules["policy_sha256"] == "0" * 64
    assert rules["valid_from"] == datetime.datetime.combine(whole.policy.valid_from, datetime.time())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_row_is_on_the_list_with_what_is_said_of_it(lang: str) -> None:
    whole = made()
    book = opened(list_workbook(whole, lang))
    rows = sheet(book, lang, "list")
    assert [row[sentence(lang, "list_column.number")] for row in rows] == [row.number for row in whole.rows]
    dates = [row[sentence(lang, "list_column.tested_on")] for row in rows]
    assert [date.date() for date in dates] == [row.tested_on for row in whole.rows]
    remarked = [bool(row[sentence(lang, "list_column.remarks")]) for row in rows]
    assert remarked == [bool(row.remarks) for row in whole.rows]
    assert sheet(book, lang, "particulars")[0][sentence(lang, "list_column.report_number")] == "007"
    terms = {row[head(lang, "code")] for row in sheet(book, lang, "definitions")}
    assert {"samples_per_s", "latency_p90_ns"} <= terms


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sheet_is_set_up_to_be_read(lang: str) -> None:
    for one in opened(list_workbook(made(), lang)).worksheets:
        assert one.freeze_panes, one.title
        assert one.auto_filter.ref.startswith("A1:"), one.title
        assert one.print_title_rows == "$1:$1"
        assert one.page_setup.orientation == "landscape"
        for column in one.iter_cols():
            kinds = {type(cell.value) for cell in column[1:] if cell.value is not None} - {int}
            assert len(kinds - {float}) <= 1 or one.title == sentence(lang, "workbook.sheet_policy"), column[0].value


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_of_strangers_do_nothing(lang: str) -> None:
    content = list_workbook(made(hostile=True), lang)
    assert formulas_and_links(content) == []
    cells = [cell.value for one in opened(content).worksheets for row in one.iter_rows() for cell in row]
    texts = [cell for cell in cells if isinstance(cell, str)]
    assert any("=cmd()" in text for text in texts)
    assert not [text for text in texts if re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", text)]


def test_the_same_list_is_the_same_bytes() -> None:
    assert list_workbook(made(), "zh") == list_workbook(made(), "zh")


def test_a_list_of_nothing_opens() -> None:
    book = opened(list_workbook(listing(policy(), "0" * 64, [], DAY, {}), "en"))
    assert rows_of(book["List"]) == []
    assert rows_of(book["Remarks"])[0]["code"] == "no-submissions"


def converted(file: Path, form: str, folder: Path) -> list[Path]:
    """What LibreOffice makes of a workbook; all sheets for CSV. Fails where it says anything on stderr but warnings."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    home = f"-env:UserInstallation=file://{folder}/profile"
    done = subprocess.run(
        [office, home, "--headless", "--convert-to", form, "--outdir", str(folder), str(file)],
        capture_output=True, text=True, timeout=300, check=True)  # fmt: skip
    assert "Error" not in done.stdout + done.stderr, done
    return sorted(folder.glob(f"{file.stem}*.{form.partition(':')[0]}"))


@pytest.mark.full
@pytest.mark.parametrize("lang", LANGUAGES)
def test_libreoffice_reads_what_was_written(tmp_path: Path, lang: str) -> None:
    """Cells as they are shown would be rounded: the tokens ask for values as they are, and for all sheets (-1)."""
    whole = made(hostile=True)
    file = tmp_path / "list.xlsx"
    file.write_bytes(list_workbook(whole, lang))
    tokens = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
    sheets = {one.stem.removeprefix("list-"): one for one in converted(file, tokens, tmp_path)}
    assert len(sheets) == 11
    values = sheets[sentence(lang, "workbook.sheet_values")]
    rows = list(csv.DictReader(values.open(encoding="utf-8")))
    terms = [term for row in whole.rows for term in row.terms]
    read = [float(row[head(lang, "value")]) for row in rows]
    # LibreOffice itself writes 15 digits.
    assert all(math.isclose(one, term.value, rel_tol=1e-14) for one, term in zip(read, terms, strict=True))
    listed = list(csv.reader(sheets[sentence(lang, "workbook.sheet_particulars")].open(encoding="utf-8")))
    assert any("=cmd()" in cell for cell in listed[1])
    assert not [cell for row in listed for cell in row if "Err:" in cell or "#NAME" in cell]
    (page,) = converted(file, "pdf", tmp_path)
    assert page.read_bytes().startswith(b"%PDF")
