"""PDF of the printed report: numbered pages, text in both languages, the same bytes, one line for what is missing."""

from __future__ import annotations

import builtins
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench.pages import printing
from bench.pages.printing import NoPdf, ensure_pdf, to_pdf
from bench.records.particulars import Particulars
from bench.text import LANGUAGES, sentence

from .test_paper import filled, page, sample


def _can() -> bool:
    try:
        ensure_pdf("zh")
    except NoPdf:
        return False
    return True


needs_pango = pytest.mark.skipif(not _can(), reason="WeasyPrint, Pango or a Chinese font is missing")


@needs_pango
@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_are_numbered_and_hold_the_text(lang: str) -> None:
    pypdf = pytest.importorskip("pypdf")
    content = to_pdf(page(sample(), lang, filled()))
    pages = [one.extract_text() for one in pypdf.PdfReader(io.BytesIO(content)).pages]
    assert len(pages) >= 5
    for number, text in enumerate(pages, start=1):
        counter = sentence(lang, "test_report.page", page=number, pages=len(pages))
        assert without_spaces(counter) in without_spaces(text)
        assert "<report_number>" in text
        assert without_spaces(sentence(lang, "test_report.not_accredited_short")) in without_spaces(text)
    assert without_spaces(sentence(lang, "test_report.title")) in without_spaces(pages[0])
    for key in ("head_conclusion", "head_instruments", "head_signed", "seal"):  # all on page 2
        assert without_spaces(sentence(lang, f"test_report.{key}")) in without_spaces(pages[1])
    assert without_spaces(sentence(lang, "test_report.end_note")) in without_spaces(pages[-1])
    assert "ab" * 32 in without_spaces("".join(pages))


def without_spaces(text: str) -> str:
    """Engines for PDF lay glyphs out; where a space was is a guess of the reader's."""
    return re.sub(r"\s", "", text)


@needs_pango
def test_the_same_page_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(sample(), "zh", Particulars())
    first = to_pdf(text)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert to_pdf(text) == first
    assert b"CreationDate" not in first


@needs_pango
def test_nothing_is_fetched(tmp_path: Path) -> None:
    picture = tmp_path / "secret.png"
    Image.new("RGB", (4, 4), "red").save(picture)
    with_picture = f'<html><body><p>text</p><img src="{picture.as_uri()}"></body></html>'
    assert b"/Image" not in to_pdf(with_picture)


@needs_pango
def test_pillow_refuses_truncated_pictures_as_before() -> None:
    """In a process of its own: here WeasyPrint was imported long ago."""
    code = (
        "from PIL import ImageFile; from bench.pages.printing import ensure_pdf; ensure_pdf('en'); "
        "import weasyprint; print(ImageFile.LOAD_TRUNCATED_IMAGES)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ImportError("No module named 'weasyprint'"), r"inference-bench\[pdf\]"),
        (OSError("cannot load library 'libpango-1.0-0': it is not there\nsecond line"), "libpango-1.0-0"),
    ],
)
def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    plain = builtins.__import__

    def broken(name: str, *more: Any, **others: Any) -> Any:
        if name.partition(".")[0] == "weasyprint":
            raise error
        return plain(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(NoPdf, match=words) as caught:
        ensure_pdf("en")
    assert "\n" not in str(caught.value)
    assert "HTML prints as well" in str(caught.value)


def test_chinese_needs_a_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "_weasyprint", lambda: None)
    monkeypatch.setattr(printing, "plot_language", lambda lang: "en")
    ensure_pdf("en")
    with pytest.raises(NoPdf, match="fonts-noto-cjk"):
        ensure_pdf("zh")
