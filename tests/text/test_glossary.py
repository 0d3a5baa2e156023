"""Where an English text has a term of docs/glossary.tsv, the Chinese one has the glossary's word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.text.catalogue import catalogue

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.tsv"
# Terms of which the English word is also a word of everyday, or whose row names two things at once.
NOT_HELD = {
    "stream": "a scenario's name has its own rows (单流场景, 多流场景), a film's stream is 流",
    "repeat": "the verb; the glossary means a repetition",
    "power": "also supply (供电), source and limit (功率): only consumption is 功耗",
    "accuracy": "the glossary calls 精度 ambiguous and asks for 准确率",
    "word": "its row is the pair of word and character error rate",
    "channel": "also the name of a flag",
    "accelerator": "cards are what profiles list, 加速卡 by the row of their own",
}
EXCEPT = {
    "test_report.seal": "the stamp has a name of its own in the trade",
    "list_column.vendor": "the maker of the hardware by its profile, not who hands in",
    "column.vendor": "the same",
    "list_column.certificate": "the heading of the procurement notes, which takes results without certificate, too",
}


def terms() -> Iterator[tuple[str, tuple[str, ...]]]:
    """English term and the Chinese words that stand for it, any of them."""
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines()[1:]:
        chinese, english, *_ = line.split("\t")
        words = tuple(_bare(word) for word in chinese.split(" / "))
        for term in english.split(" / "):
            if len(_bare(term)) > 3 and _bare(term) not in NOT_HELD:
                yield _bare(term), words


def _bare(text: str) -> str:
    return re.sub(r"\s*[(（].*?[)）]", "", text).strip()


def _words(text: str) -> str:
    """Without values, commands, and the program's own name."""
    return re.sub(r"\{.*?\}|`.*?`|inference-bench", "", text)


@pytest.mark.parametrize(("term", "words"), list(terms()), ids=lambda entry: entry if isinstance(entry, str) else "")
def test_terms_are_the_glossarys(term: str, words: tuple[str, ...]) -> None:
    asked = re.compile(rf"\b{re.escape(term)}s?\b", re.IGNORECASE)
    chinese = catalogue("zh")
    found = [key for key, text in catalogue("en").items() if asked.search(_words(text)) and key not in EXCEPT]
    assert [(key, chinese[key]) for key in found if not any(word in chinese[key] for word in words)] == []


def test_the_glossary_is_looked_at() -> None:
    held = dict(terms())
    assert len(held) > 60
    assert held["latency"] == ("时延",)
    assert any("latency" in text for text in catalogue("en").values())
    assert set(EXCEPT) <= set(catalogue("en")), "an exception for a key that is gone"
