"""Texts cut into words by a list of words, longest first, for a word error rate where nobody writes blanks.

Mandarin is written without blanks, so what a word is must be said: here it is what a lexicon has. The cut is the same
for what was said and for what was answered, and knows nothing of either's own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Lexicon = Sequence[tuple[int, ...]]


def in_words(texts: npt.NDArray[np.integer[Any]], lexicon: Lexicon) -> npt.NDArray[np.int64]:
    """Texts (n, most), ids of characters from 0 on with negative numbers behind, as ids of words in the same form.

    At each place the longest word of the lexicon that stands there is taken (maximum matching); a character that begins
    none is a word by itself. Two words have one id exactly if they are the same characters.
    """
    known = {word: number for number, word in enumerate(lexicon)}
    longest = max(map(len, known), default=1)
    words = np.full(texts.shape, -1, np.int64)
    for row, text in enumerate(texts):
        characters = tuple(int(one) for one in text[text >= 0])
        found = _cut(characters, known, longest)
        words[row, : len(found)] = found
    return words


def _cut(characters: tuple[int, ...], known: dict[tuple[int, ...], int], longest: int) -> list[int]:
    found, place = [], 0
    while place < len(characters):
        sizes = range(min(longest, len(characters) - place), 0, -1)
        size = next((size for size in sizes if characters[place : place + size] in known), 1)
        word = characters[place : place + size]
        found.append(known[word] if word in known else len(known) + word[0])
        place += size
    return found
