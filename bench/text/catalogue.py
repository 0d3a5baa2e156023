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
# What a spreadsheet takes for the start of a formula, in full width, too, as it is typed in Chinese.
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


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
    """`text` without control characters, with which a name from an engine or a file could write over other lines."""
    return "".join(" " if unicodedata.category(character) in ("Cc", "Cf") else character for character in text)


def cell(text: str) -> str:
    """`text` as a cell of a table that a spreadsheet may open: printable, and never taken for a formula."""
    plain = printable(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain


def _flattened(prefix: str, table: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in table.items():
        pairs += _flattened(f"{prefix}{key}.", value) if isinstance(value, Mapping) else [(prefix + key, value)]
    return pairs
