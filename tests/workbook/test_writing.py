"""Sheets as bytes: values, types, formats and page set-up, read back by openpyxl."""

from __future__ import annotations

import datetime
import math
from typing import Any  # Any: openpyxl has no types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.text import LANGUAGES, printable
from bench.text.tabular import Cell
from bench.workbook.sheets import Column, Kind, Sheet
from bench.workbook.writing import MOST_TEXT, workbook

from .read import formulas_and_links, opened, rows_of

MADE = datetime.datetime(2026, 11, 25, 12, 0)


def written(*cells: Cell, kind: Kind = "value", lang: str = "en") -> bytes:
    """One column with these cells."""
    return workbook([Sheet("S", [Column("h", kind)], [(cell,) for cell in cells])], "T", MADE, lang)


def read_back(*cells: Cell, kind: Kind = "value") -> list[Any]:
    (sheet,) = opened(written(*cells, kind=kind)).worksheets
    return [row["h"] for row in rows_of(sheet)]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_every_double_comes_back_whole(values: list[float]) -> None:
    assert read_back(*values) == values


def test_doubles_that_need_all_their_digits() -> None:
    values = [0.1 + 0.2, 1 / 3, math.pi * 1e-300, 9007199254740993.0, 5e-324, 1.7976931348623157e308, -0.1]
    assert read_back(*values) == values


def test_whole_numbers_stay_numbers_up_to_what_a_double_holds() -> None:
    assert read_back(0, -3, 2**53) == [0, -3, 2**53]
    assert read_back(2**63 - 1) == [str(2**63 - 1)], "a seed must not lose its last digits"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_of_a_spreadsheet_is_text(value: float) -> None:
    assert read_back(value) == [str(value)]


def test_what_is_not_known_is_empty_and_no_zero() -> None:
    assert read_back(None, 0.0) == [None, 0]


def test_dates_are_dates_and_times_are_in_utc() -> None:
    east = datetime.timezone(datetime.timedelta(hours=8))
    (sheet,) = opened(
        written(datetime.date(2026, 11, 25), datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=east))
    ).worksheets
    day, moment = sheet["A2"], sheet["A3"]
    assert (day.value, day.number_format) == (datetime.datetime(2026, 11, 25), "yyyy-mm-dd")
    assert (moment.value, moment.number_format) == (datetime.datetime(2026, 11, 24, 17, 2, 3), "yyyy-mm-dd hh:mm:ss")


@pytest.mark.parametrize(
    "text",
    ["=cmd()|'/c calc'!A1", "+1", "-1+1", "@SUM(1)", "{=1}", "https://a.example", "mailto:a@b", "internal:S!A1", "007"],
)
def test_text_is_text_whatever_it_begins_with(text: str) -> None:
    content = written(text, kind="text")
    assert formulas_and_links(content) == []
    (sheet,) = opened(content).worksheets
    # openpyxl calls a string that begins with "=" a formula whatever the file says; the file has none, as seen above.
    assert (sheet["A2"].value, sheet["A2"].data_type) in ((text, "s"), (text, "f" if text.startswith("=") else "s"))


@given(st.text(max_size=60))
def test_any_text_makes_a_file_that_opens(text: str) -> None:
    content = workbook([Sheet(text, [Column(text, "text")], [(text,)])], text, MADE, "en")
    (sheet,) = opened(content).worksheets
    shown = sheet["A2"].value or ""
    assert shown.strip() == printable(text).strip()


@pytest.mark.parametrize("text", ["a\x00b", "a\x0bb", "a\x1b[2Jb", "a\ufffeb", "a\ud800b", "a\u202eb", "_x0041_"])
def test_characters_that_xml_has_not_and_escapes_of_excel(text: str) -> None:
    (shown,) = read_back(text, kind="text")
    assert shown == printable(text)


@pytest.mark.parametrize(("letter", "units"), [("a", 1), ("汉", 1), ("😀", 2)])
def test_a_cell_holds_no_more_than_the_format_allows(letter: str, units: int) -> None:
    exactly = letter * (MOST_TEXT // units)
    assert read_back(exactly, kind="text") == [exactly]
    (cut,) = read_back(letter * 40_000, kind="text")
    assert len(cut.encode("utf-16-le")) // 2 <= MOST_TEXT
    assert cut.endswith("…")


@pytest.mark.parametrize(
    ("value", "digits", "form"),
    [
        (1234.5678, 6, "#,##0.00"),
        (0.012345678, 4, "#,##0.00000"),
        (123456789.0, 6, "#,##0"),
        (3.97e-6, 6, "0.00000E+00"),
    ],
)
def test_a_value_shows_its_significant_digits(value: float, digits: int, form: str) -> None:
    (sheet,) = opened(workbook([Sheet("S", [Column("h", "value", digits)], [(value,)])], "T", MADE, "en")).worksheets
    assert sheet["A2"].number_format == form


@pytest.mark.parametrize(("kind", "form"), [("share", "0.00%"), ("count", "#,##0")])
def test_shares_and_counts_have_their_formats(kind: Kind, form: str) -> None:
    (sheet,) = opened(written(0.25, kind=kind)).worksheets
    assert (sheet["A2"].value, sheet["A2"].number_format) == (0.25, form)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_sheet_can_be_read_and_printed(lang: str) -> None:
    columns = [Column("no.", "count"), Column("system"), Column("数值", "value")]
    rows = [(number, "名称" * 10, 1.0 / number) for number in range(1, 51)]
    book = opened(workbook([Sheet("S", columns, rows, fixed=2)], "A & B", MADE, lang))
    (sheet,) = book.worksheets
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref == "A1:C51"
    assert sheet.print_area == "'S'!$A$1:$C$51"
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.oddHeader.left.text == "A && B", "a single & would begin a code"
    assert {"en": "Page &P of &N", "zh": "第 &P 页，共 &N 页"}[lang] == sheet.oddFooter.right.text.replace(
        "[Page]", "P"
    )
    assert sheet.column_dimensions["B"].width >= 40, "Chinese characters take two"
    assert book.properties.created == MADE


def test_a_wide_sheet_repeats_its_first_columns_on_each_page() -> None:
    columns = [Column(f"a heading of column {number}") for number in range(20)]
    (sheet,) = opened(workbook([Sheet("S", columns, [("x" * 30,) * 20])], "T", MADE, "en")).worksheets
    assert sheet.print_title_cols == "$A:$A"
    assert not sheet.sheet_properties.pageSetUpPr or not sheet.sheet_properties.pageSetUpPr.fitToPage


def test_the_same_sheets_are_the_same_bytes() -> None:
    cells = (1.5, "text", datetime.date(2026, 1, 1), None, True)
    assert written(*cells) == written(*cells)


def test_an_empty_sheet_has_its_headings() -> None:
    (sheet,) = opened(written()).worksheets
    assert [cell.value for cell in sheet[1]] == ["h"]
