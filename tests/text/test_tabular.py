"""Text made safe, tables for programs, and lines that fit."""

from __future__ import annotations

import csv
import datetime
import io
import math
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bench.text import cell, printable
from bench.text.lines import cell_width, folded
from bench.text.tabular import Cell, csv_text, markdown_cell, markdown_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.text(max_size=80))
def test_nothing_unseen_is_left(text: str) -> None:
    shown = printable(text)
    assert not [one for one in shown if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")]
    assert printable(shown) == shown
    assert len(shown) <= len(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AMD EPYC™ 9654", "AMD EPYC™ 9654"),
        ("昇腾 Atlas 300I Pro", "昇腾 Atlas 300I Pro"),
        ("e\u0301\u0323", "e\u0301\u0323"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 3),
        ("a\u202eb\u2066c\u200fd", "a b c d"),
        ("a\u200bb\ufeffc\u2060d\u00ade", "a b c d e"),
        ("a\u3164b\u115fc\u2800d\ufe0fe\U000e0041f", "a b c d e f"),
        ("a\x1b[2Jb\x9b31mc\x07", "a [2Jb 31mc "),
        ("a\nb\r\nc\u2028d", "a b  c d"),
        ("a\ud800b\ufffec", "a b c"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "＝", "＋", "－", "＠", " =", "\t=", "\u200b=", "\r", "\n"])
def test_no_cell_is_a_formula(begin: str) -> None:
    assert cell(f"{begin}1+1").startswith("'")
    assert not cell(f"a{begin}1").startswith("'")


@given(st.lists(st.one_of(TEXT, st.floats(allow_nan=False), st.integers(), st.none()), min_size=2, max_size=5))
def test_csv_gives_back_what_was_put_in(row: list[Cell]) -> None:
    headings = [f"c{number}" for number in range(len(row))]
    heading, read = csv.reader(io.StringIO(csv_text(headings, [row])))
    assert heading == headings
    for value, text in zip(row, read, strict=True):
        if value is None:
            assert text == ""
        elif isinstance(value, str):
            assert text.removeprefix("'") in (printable(value), printable(value).removeprefix("'"))
        else:
            assert float(text) == float(value) or math.isinf(float(value))


def test_numbers_and_dates_keep_their_form() -> None:
    row = (-1.5, Decimal("-0.10"), True, datetime.date(2026, 11, 25), 2**63, None)
    assert csv_text(["a"] * 6, [row]).splitlines()[1] == "-1.5,-0.10,true,2026-11-25,9223372036854775808,"


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=4))
def test_markdown_keeps_its_columns(rows: list[list[str]]) -> None:
    text = markdown_text(["a", "b", "c"], rows)
    lines = text.splitlines()
    assert len(lines) == len(rows) + 2
    for line in lines:
        bare = line.replace("\\\\", "").replace("\\|", "")
        assert bare.count("|") == 4


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("image_classify.offline.fp32", "image_classify.offline.fp32"),
        ("_emphasis_", "\\_emphasis\\_"),
        ("a|b", "a\\|b"),
        ("<b>", "\\<b\\>"),
        ("[x](http://a.example)", "\\[x\\](http\\://a.example)"),
        ("www.a.example", "www\\.a.example"),
        ("`rm` *x* $y$ &lt; @all", "\\`rm\\` \\*x\\* \\$y\\$ \\&lt; \\@all"),
    ],
)
def test_markdown_has_no_markup_of_a_strangers(text: str, written: str) -> None:
    assert markdown_cell(text) == written


@given(st.text(st.sampled_from("ab 汉字é/-\u0301"), max_size=200), st.integers(20, 90))
def test_lines_fit_and_lose_nothing(text: str, most: int) -> None:
    shown = printable(text)
    lines = list(folded(shown, most))
    assert all(cell_len(line) <= most for line in lines)
    assert "".join("".join(lines).split()) == "".join(shown.split())


def test_lines_break_between_words_and_hang() -> None:
    assert list(folded("ok    one two three four five", 20)) == ["ok    one two three", "    four five"]
    assert next(folded("/a/path/without/any/blank/in/it", 20)) == "/a/path/without/any/"
    with pytest.raises(ValueError, match="no line"):
        list(folded("x", 5))


@given(st.text(st.sampled_from("ab汉字，。é"), max_size=40))
def test_width_is_that_of_a_terminal(text: str) -> None:
    assert cell_width(text) == cell_len(text)
