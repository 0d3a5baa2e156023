"""Sheets as the bytes of an XLSX file, the same bytes for the same sheets.

Text is written as text whatever it begins with; there is no formula and no link in a workbook.
"""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bench.text import printable, sentence
from bench.text.lines import cell_width
from bench.text.tabular import Cell
from bench.workbook.sheets import Column, Sheet

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

MOST_TEXT: Final = 32_767
"""UTF-16 units that a cell holds by the format's own limits."""
_MOST_HEADER: Final = 200  # Excel takes 255 with all codes
_NARROW, _WIDE, _FILTER = 6, 40, 3
_LINE: Final = 15  # points
# So many characters on a page of A4 across can still be read; wider sheets go over several pages.
_PAGE: Final = 270
_A4: Final = 9
# Lines of the tallest row; what is longer is read in the cell.
_TALLEST: Final = 20
_MOST_EXACT: Final = 2**53
_PLAIN_FORMATS: Final = {"count": "#,##0", "share": "0.00%"}


class _Exact(float):
    """A float that is written with all its digits: XlsxWriter formats with 16, one fewer than some doubles need."""

    def __format__(self, spec: str) -> str:
        return float.__repr__(self)


def workbook(sheets: Sequence[Sheet], title: str, made_at: datetime.datetime, lang: str) -> bytes:
    """All sheets in one file. `title` stands at the head of each page; `made_at` is the file's own date."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"title": _text(title)[:_MOST_HEADER], "created": made_at.replace(tzinfo=None)})
    formats = _Formats(book, lang)
    for sheet in sheets:
        _write(book.add_worksheet(_sheet_name(sheet.title)), sheet, formats)
    for written in book.worksheets():
        _page(written, title, made_at, lang)
    book.close()
    return out.getvalue()


class _Formats:
    """The formats of one workbook, each made once."""

    def __init__(self, book: Workbook, lang: str) -> None:
        self._book = book
        self.yes, self.no = sentence(lang, "workbook.yes"), sentence(lang, "workbook.no")
        self._made: dict[str, Format] = {}
        heading = {"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E8ECF1", "bottom": 1}
        self.heading = book.add_format({**heading, "align": "left", "indent": 1})
        self.number_heading = book.add_format({**heading, "align": "right"})
        self.text = book.add_format({"text_wrap": True, "valign": "top", "align": "left", "indent": 1})

    def number(self, column: Column, value: float | Decimal) -> Format:
        """The format of one number: of a `value` so many decimals that its digits show."""
        if isinstance(value, int):
            return self.of(_PLAIN_FORMATS["count"])
        known = _PLAIN_FORMATS.get(column.kind)
        return self.of(known if known is not None else _significant(float(value), column.digits))

    def of(self, form: str) -> Format:
        """The format with this code."""
        if form not in self._made:
            self._made[form] = self._book.add_format({"num_format": form, "valign": "top"})
        return self._made[form]


def _significant(value: float, digits: int) -> str:
    """A number format that shows `value` with so many significant digits."""
    if value == 0.0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if not -6 <= places <= 9:
        return f"0.{'0' * (digits - 1)}E+00"
    return "#,##0" if places <= 0 else f"#,##0.{'0' * places}"


def _write(written: Worksheet, sheet: Sheet, formats: _Formats) -> None:
    last = len(sheet.columns) - 1
    for place, column in enumerate(sheet.columns):
        numbers = column.kind not in ("text", "flag")
        written.write_string(0, place, _text(column.heading), formats.number_heading if numbers else formats.heading)
    for line, row in enumerate(sheet.rows, start=1):
        for place, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
            _write_cell(written, line, place, column, value, formats)
    widths = [_column_width(sheet, place) for place in range(len(sheet.columns))]
    for place, width in enumerate(widths):
        written.set_column(place, place, width)
    heads = [_lines(column.heading, width - _FILTER) for column, width in zip(sheet.columns, widths, strict=True)]
    written.set_row(0, _LINE * max(heads))
    for line, row in enumerate(sheet.rows, start=1):
        tallest = max(_lines(value, width) for value, width in zip(row, widths, strict=True))
        if tallest > 1:
            written.set_row(line, _LINE * min(tallest, _TALLEST))
    written.freeze_panes(1, sheet.fixed)
    written.autofilter(0, 0, len(sheet.rows), last)
    written.print_area(0, 0, len(sheet.rows), last)
    written.repeat_rows(0)
    if sum(widths) <= _PAGE:
        written.fit_to_pages(1, 0)
    elif sheet.fixed:
        written.repeat_columns(0, sheet.fixed - 1)
    # Run ids and hashes may be all digits and are text all the same.
    written.ignore_errors({"number_stored_as_text": f"A1:XFD{len(sheet.rows) + 1}"})


def _write_cell(written: Worksheet, line: int, place: int, column: Column, value: Cell, formats: _Formats) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        written.write_string(line, place, formats.yes if value else formats.no, formats.text)
    elif isinstance(value, datetime.datetime):
        plain = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
        written.write_datetime(line, place, plain, formats.of("yyyy-mm-dd hh:mm:ss"))
    elif isinstance(value, datetime.date):
        written.write_datetime(line, place, value, formats.of("yyyy-mm-dd"))
    elif isinstance(value, str):
        written.write_string(line, place, _text(value), formats.text)
    elif not math.isfinite(value) or (isinstance(value, int) and abs(value) > _MOST_EXACT):
        written.write_string(line, place, str(value), formats.text)  # no number of a spreadsheet's
    else:
        written.write_number(line, place, _Exact(value), formats.number(column, value))


def _text(text: str) -> str:
    """Text that a cell can hold: printable, and within the format's limit."""
    plain = printable(text)
    if len(plain) * 2 > MOST_TEXT and len(plain.encode("utf-16-le")) // 2 > MOST_TEXT:
        kept = plain.encode("utf-16-le")[: 2 * (MOST_TEXT - 1)]
        return kept.decode("utf-16-le", "ignore") + "…"
    return plain


def _sheet_name(title: str) -> str:
    """As Excel takes it: 31 characters at most, none of `[]:*?/\\`, no apostrophe at an end."""
    return "".join("-" if character in "[]:*?/\\" else character for character in printable(title))[:31].strip("' ")


def _lines(value: Cell, width: int) -> int:
    """Lines that a text takes in a column so wide, where words are broken as they usually are."""
    return math.ceil(cell_width(value) / max(1, width - 1)) if isinstance(value, str) and value else 1


def _column_width(sheet: Sheet, place: int) -> int:
    """In characters of the usual font: wide enough for its widest line, within bounds."""
    column = sheet.columns[place]
    head = _broken(column.heading) + _FILTER
    shown = max((_shown_width(column, row[place]) for row in sheet.rows), default=0)
    return max(_NARROW, min(_WIDE, max(head, shown + 2)))


def _broken(heading: str) -> int:
    """What a heading needs where it is broken into two lines or, between words, into more."""
    longest = max(map(cell_width, heading.split()), default=0)
    return max(math.ceil(cell_width(heading) / 3), longest if heading.isascii() else 0, min(8, cell_width(heading)))


def _shown_width(column: Column, value: Cell) -> int:
    if value is None:
        return 0
    if isinstance(value, str):
        return cell_width(value[:_WIDE])
    if isinstance(value, datetime.date):
        return 19 if column.kind == "time" else 10
    if isinstance(value, bool):
        return 5
    if not math.isfinite(value):
        return len(str(value))
    if column.kind != "value" or value == 0:
        return len(f"{float(value):,.0f}") + 3
    form = _significant(float(value), column.digits)
    return len(form) + 1 if "E" in form else len(f"{float(value):,.{len(form.partition('.')[2])}f}")


def _page(written: Worksheet, title: str, made_at: datetime.datetime, lang: str) -> None:
    written.set_landscape()
    written.set_paper(_A4)
    written.set_margins(left=0.5, right=0.5, top=0.8, bottom=0.7)
    head = _text(title)[: _MOST_HEADER // 2].replace("&", "&&")
    written.set_header(f"&L{head}&R&A", {"scale_with_doc": False})
    number = sentence(lang, "workbook.page", number="&P", total="&N")
    written.set_footer(f"&L{made_at.date().isoformat()}&R{number}", {"scale_with_doc": False})
