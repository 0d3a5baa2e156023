"""The catalogues `en.toml` and `zh.toml`: one sentence or name per key, with the same keys in both.

A key is the dotted path in the file, such as `finding.too-short.seen`; which values a sentence takes stands in it.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final  # Any: what a TOML parser returns

from bench.records.metrics import METRICS

LANGUAGES: Final = ("en", "zh")
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_SEPARATORS: Final = ("\t", "\r", "\n")
# Controls, formats (of which are the marks of direction), halves of characters, what nobody assigned, line ends.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that are not drawn (Unicode: Default_Ignorable_Code_Point), and the Braille pattern without dots.
_SHAPELESS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_MOST_STACKED: Final = 3


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """Every key of one language with its text. Raises ValueError for a language that there is no catalogue of."""
    if lang not in LANGUAGES:
        raise ValueError(f"There is no catalogue for language {lang!r}; known: {', '.join(LANGUAGES)}.")
    plain = tomllib.loads((Path(__file__).parent / f"{lang}.toml").read_text(encoding="utf-8"))
    texts = dict(_flattened("", plain))
    if lang == "en":  # the English definition of a metric is written once, in the registry
        texts |= {f"metric.{metric.id}.definition": metric.definition for metric in METRICS.values()}
    return MappingProxyType(texts)


def sentence(lang: str, key: str, **values: object) -> str:
    """The text of `key` with `values` filled in. Raises KeyError for an unknown key or a value that is not given."""
    return catalogue(lang)[key].format(**values)


def name(lang: str, table: str, code: str) -> str:
    """What `code` is called in `table`, such as ("scenario", "offline"); the code itself where no name is known."""
    return catalogue(lang).get(f"{table}.{code}") or printable(code)


def printable(text: str) -> str:
    """`text` with a blank for every character that is not seen: control characters, with which a name from an engine or
    a file could write over other lines; marks that turn the direction of writing; letters without a shape.

    Of marks that stand on one another at most three are left, for more of them reach over the lines above.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, stacked = [], 0
    for character in text:
        category = unicodedata.category(character)
        stacked = stacked + 1 if category in ("Mn", "Me") else 0
        if stacked <= _MOST_STACKED:
            shown.append(" " if category in _UNSEEN or _is_shapeless(character) else character)
    return "".join(shown)


def cell(text: str) -> str:
    """`text` as a cell of a table that a spreadsheet may open: printable, and never taken for a formula."""
    plain = printable(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) or text.startswith(_SEPARATORS) else plain


def _is_shapeless(character: str) -> bool:
    return character in _SHAPELESS or "\ufe00" <= character <= "\ufe0f" or "\U000e0000" <= character <= "\U000e0fff"


def _flattened(prefix: str, table: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        pairs += _flattened(f"{prefix}{key}.", value) if isinstance(value, Mapping) else [(prefix + key, value)]
    return pairs
