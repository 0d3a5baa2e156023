"""What is drawn of a name: all that our fonts have, and nothing that turns or hides the rest of a line."""

from __future__ import annotations

import pytest

from bench.plots import fonts
from bench.plots.fonts import chinese_font, identifier
from tests.report import samples


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("NVIDIA H100 80GB", "NVIDIA H100 80GB"),
        ("2 × Größe µ", "2 × Größe µ"),
        ("a\x1b[2Jb\nc\u200b", "a?[2Jb?c?"),
        ("a\u202eb\u2066c", "a?b?c"),
        ("שלום", "????"),
        ("e\u0301", "e?"),
        ("\ud800", "?"),
        ("", ""),
        ("x" * 61, "x" * 57 + "..."),
    ],
)
def test_a_name_as_it_is_drawn(text: str, drawn: str) -> None:
    assert identifier(text) == drawn


@pytest.mark.skipif(chinese_font() is None, reason="no Chinese font")
def test_chinese_names_stay_chinese() -> None:
    assert identifier("寒武纪 MLU370（云端）") == "寒武纪 MLU370（云端）"
    assert identifier("寒" * 40, 20) == "寒" * 8 + "..."  # a Chinese character is two wide


def test_without_a_chinese_font_nothing_is_drawn_as_a_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    assert identifier("寒武纪 MLU370") == "??? MLU370"
    assert fonts.families() == ["DejaVu Sans"]


def test_a_long_name_takes_no_long_time_and_stays_short() -> None:
    assert len(identifier("寒\u202e" * 5_000_000)) <= 60
    assert len(identifier(samples.HOSTILE, 24)) == 24
