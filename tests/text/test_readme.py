"""The Chinese README says what the English one says: the same sections, commands, examples, figures and links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ENGLISH, CHINESE = ((TOP / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
HINT = "README.md was changed and README.zh-CN.md was not, or the other way round"


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def codes(text: str) -> list[str]:
    return sorted(re.findall(r"`([^`]+)`", re.sub(r"\s*\n\s*", " ", text)))


def links(text: str) -> set[str]:
    """What is pointed to, but places in the page itself, whose names are translated, and the other README."""
    return {link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith(("#", "README"))}


def test_the_same_examples() -> None:
    assert BLOCK.findall(CHINESE) == BLOCK.findall(ENGLISH), HINT


def test_the_same_sections() -> None:
    levels = [re.findall(r"^(#+) ", prose(text), re.MULTILINE) for text in (ENGLISH, CHINESE)]
    assert levels[0] == levels[1], HINT


def test_the_same_rows_with_the_same_commands_in_tables() -> None:
    tables = [re.findall(r"^\|(.*?)(?<!\\)\|", prose(text), re.MULTILINE) for text in (ENGLISH, CHINESE)]
    assert [codes(row) for row in tables[0]] == [codes(row) for row in tables[1]], HINT


def test_the_same_commands_and_names_paragraph_by_paragraph() -> None:
    paragraphs = [re.split(r"\n\s*\n", prose(text)) for text in (ENGLISH, CHINESE)]
    assert len(paragraphs[0]) == len(paragraphs[1]), HINT
    for one, other in zip(*paragraphs, strict=True):
        assert codes(one) == codes(other), f"{HINT}: {one[:80]}"


def test_the_same_links() -> None:
    assert links(prose(ENGLISH)) == links(prose(CHINESE)), HINT


def test_the_same_figures() -> None:
    """Numbers with a decimal point or of three digits and more, in the prose."""
    number = re.compile(r"\d+\.\d+|\d{3,}|\d+ %")
    found = [sorted(number.findall(re.sub(r"`[^`]*`", "", prose(text)))) for text in (ENGLISH, CHINESE)]
    assert found[0] == found[1], HINT


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_link_leads_somewhere(text: str) -> None:
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for link in re.findall(r"\]\(([^)]+)\)", prose(text)):
        file, _, anchor = link.partition("#")
        assert "://" in link or not file or (TOP / file).exists(), link
        assert file or anchor in headings, link


def test_terms_are_those_of_the_glossary() -> None:
    assert "延迟" not in CHINESE.replace("延时", "")
    assert "推断" not in CHINESE
