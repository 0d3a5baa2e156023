"""`bench.scoring.words` against a slow cut of strings, and word errors against jiwer's own over texts with blanks."""

from __future__ import annotations

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.models.speech_recognize.data import WORDS
from bench.models.speech_recognize.words import VOCABULARY, encode
from bench.scoring.transcription import transcript
from bench.scoring.words import in_words

LETTERS = "abcde"
TEXT = st.text(LETTERS, max_size=9)


def ids(texts: list[str], most: int = 12) -> np.ndarray:
    result = np.full((len(texts), most), -1, np.int32)
    for row, text in enumerate(texts):
        result[row, : len(text)] = [LETTERS.index(letter) for letter in text]
    return result


def slow_cut(text: str, lexicon: list[str]) -> list[str]:
    """By strings, the longest word that the rest of the text begins with."""
    if not text:
        return []
    fits = [word for word in lexicon if text.startswith(word)]
    word = max(fits, key=len) if fits else text[0]
    return [word, *slow_cut(text[len(word) :], lexicon)]


@settings(deadline=None, max_examples=120)
@given(st.lists(TEXT, min_size=1, max_size=5), st.lists(st.text(LETTERS, min_size=1, max_size=4), unique=True))
def test_words_are_those_of_the_slow_cut(texts: list[str], lexicon: list[str]) -> None:
    found = in_words(ids(texts), [tuple(LETTERS.index(one) for one in word) for word in lexicon])
    names: dict[int, str] = {}
    for row, text in zip(found, texts, strict=True):
        expected = slow_cut(text, lexicon)
        assert (row[len(expected) :] == -1).all()
        assert (row[: len(expected)] >= 0).all()
        for number, word in zip(row, expected, strict=False):
            assert names.setdefault(int(number), word) == word
    assert len(set(names.values())) == len(names), "one word has one number"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXT, st.text(LETTERS, min_size=1, max_size=9)), min_size=1, max_size=6))
def test_word_errors_are_jiwers(pairs: list[tuple[str, str]]) -> None:
    lexicon = ["ab", "abc", "de", "ea"]
    answered, said = [list(texts) for texts in zip(*pairs, strict=True)]
    words = [tuple(LETTERS.index(one) for one in word) for word in lexicon]
    found = transcript(in_words(ids(answered), words), in_words(ids(said), words))
    blanks = [[" ".join(slow_cut(text, lexicon)) for text in side] for side in (said, answered)]
    assert 1 - found.edits.sum() / found.lengths.sum() == pytest.approx(1 - jiwer.wer(*blanks))


def test_without_a_lexicon_every_character_is_a_word() -> None:
    texts = ids(["abc", "", "ee"])
    assert ((in_words(texts, ()) >= 0) == (texts >= 0)).all()


def test_the_closed_grammar_has_its_words() -> None:
    """What is spoken as one piece counts as one: a place, a command, 人民币."""
    said = "今天上午北京市人民路二十号打开窗帘"
    text = np.array([encode(said)])
    found = in_words(text, WORDS)[0]
    cut = [VOCABULARY[number] for number in found[found >= 0]]
    assert "".join(cut) == said
    assert cut[:6] == ["今天", "上午", "北京", "市", "人民", "路"]
    assert len(WORDS) == len(set(WORDS)) == len(VOCABULARY)
