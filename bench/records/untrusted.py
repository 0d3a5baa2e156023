"""Decoding of JSON and TOML that may come from anybody: limits first, then types, with the path of the wrong field."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar  # Any: what a parser returns before it is validated

import msgspec

from bench.records.meant import meant

T = TypeVar("T")
LIMIT_BYTES = 64 << 20
LIMIT_TOML_BYTES = 1 << 20  # written by hand; tomllib takes quadratic time for some of what is larger
LIMIT_DEPTH = 64
# Lists and objects, and entries of them: each costs far more in memory than in a file.
LIMIT_PARTS, LIMIT_ENTRIES = 2_000_000, 8_000_000
# Possessive, and to the end where no quote closes it: linear in time and space for whatever text.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_PLAIN_STRING = re.compile(rb'"[^"]*+"')
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}":,\\'))
_NESTING = frozenset({dict, list})
_UNDECIDED = object()
# So many parts of one dotted key; a key of ten thousands of them takes tomllib gigabytes.
_DOTTED = re.compile(
    rb"""(?:(?:[\w-]++|"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){%d}""" % LIMIT_DEPTH, re.DOTALL
)
_BRACKET = re.compile(rb"[\[\]{}]")


class BadFile(ValueError):
    """A file that cannot be used; the message names the file, what was seen and what was expected."""


def read_json(path: Path, kind: type[T]) -> T:
    """Decode `path` as `kind`. Refuses files over 64 MiB, nesting over 64, millions of parts, duplicate keys, NaN and
    infinities.

    Raises BadFile with the file and, where there is one, the path of the wrong field.
    """
    return parse_json(read_bytes(path, LIMIT_BYTES), kind, str(path))


def parse_json(text: bytes, kind: type[T], origin: str) -> T:
    """As `read_json`, for bytes already read; `origin` names them in messages."""
    return _convert(_plain(text, origin), kind, origin)


def read_object(path: Path, without: Collection[str] = ()) -> dict[str, Any]:
    """The JSON object in `path`, as `read_json`; of the entries named `without`, which are left out, only the syntax is
    looked at. Raises BadFile.
    """
    text = read_bytes(path, LIMIT_BYTES)
    if without and isinstance(found := _parted(text, without), dict):
        return found
    plain = _convert(_plain(text, str(path)), dict, str(path))
    return {name: value for name, value in plain.items() if name not in without}


def _plain(text: bytes, origin: str) -> Any:
    """What a JSON text says. msgspec reads it ten times as fast; where it balks, or keys may stand twice, json does."""
    try:
        if (found := _quickly(text)) is not _UNDECIDED:
            return found
        _check_depth(_STRING.sub(b"", text))
        return json.loads(text.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{origin}: not usable as JSON: {error}") from None


def _quickly(text: bytes) -> Any:
    """What a text says, where msgspec can tell. It takes the last of equal keys: entries must be as many as colons."""
    try:
        colons, found = _colons(text), msgspec.json.decode(text)
        return found if _entries(found) == colons else _UNDECIDED
    except (ValueError, RecursionError):
        return _UNDECIDED


def _parted(text: bytes, without: Collection[str]) -> Any:
    """As `_quickly`, for an object of which some entries are only counted."""
    try:
        colons, parts = _colons(text), msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        found = {name: msgspec.json.decode(part) for name, part in parts.items() if name not in without}
        passed = sum(1 + _colons(bytes(part)) for name, part in parts.items() if name in without)
        return found if _entries(found) + passed == colons else _UNDECIDED
    except (ValueError, RecursionError):
        return _UNDECIDED


def _colons(text: bytes) -> int:
    """How many colons stand outside the strings of a text. Raises ValueError: too deep, or escapes."""
    marks = text.translate(None, _NO_MARKS)
    if b"\\" in marks:
        raise ValueError("what is escaped is not among the marks")
    marks = _PLAIN_STRING.sub(b"", marks)
    _check_depth(marks)
    return marks.count(b":")


def _entries(value: Any) -> int:
    """How many entries all objects in a decoded value have together."""
    count, left = 0, [value]
    while left:
        one = left.pop()
        kind = type(one)
        inner = one.values() if kind is dict else one if kind is list else ()
        count += len(one) if kind is dict else 0
        if not _NESTING.isdisjoint(map(type, inner)):  # a list of a thousand numbers is passed over at once
            left += [part for part in inner if type(part) in _NESTING]
    return count


def read_toml(path: Path, kind: type[T]) -> T:
    """Decode a TOML file as `kind`; as `read_json`, with at most 1 MiB."""
    content = read_bytes(path, LIMIT_TOML_BYTES)
    try:
        if _DOTTED.search(content):
            raise ValueError(f"nested deeper than {LIMIT_DEPTH}")
        plain = tomllib.loads(content.decode(), parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path}: not usable as TOML: {error}") from None
    return _convert(plain, kind, str(path))


def read_bytes(path: Path, limit: int) -> bytes:
    """A file of at most `limit` bytes. Raises BadFile."""
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)  # a device has no size to ask for
    except OSError as error:
        raise BadFile(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > limit:
        raise BadFile(f"{path}: larger than the {limit} bytes that are read")
    return content


def _convert(plain: Any, kind: type[T], origin: str) -> T:
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise BadFile(f"{origin}: {error}{meant(str(error), kind)}") from None


def _check_depth(text: bytes) -> None:  # without its strings
    # Nesting is bounded before the parser recurses.
    if text.count(b"[") + text.count(b"{") > LIMIT_PARTS or text.count(b"]") + text.count(b"}") > LIMIT_PARTS:
        raise ValueError(f"more than {LIMIT_PARTS} lists and objects")
    if text.count(b",") > LIMIT_ENTRIES:
        raise ValueError(f"more than {LIMIT_ENTRIES} entries")
    depth = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in b"[{" else -1
        if depth > LIMIT_DEPTH:
            raise ValueError(f"nested deeper than {LIMIT_DEPTH}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return result


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number
