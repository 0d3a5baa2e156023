"""No key of the catalogues is left over: each is named in the code, whole or by its parts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from bench.text.catalogue import catalogue

TOP = Path(__file__).parents[2]
FILES = [file for folder in ("bench", "backends", "models") for file in sorted((TOP / folder).rglob("*.py"))]
# What a table is asked for by: `name(lang, "table", code)`, and a parameter or tuple that names a table.
_PART = r"[A-Za-z0-9_.+-]+"


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def patterns(tree: ast.AST) -> Iterator[re.Pattern[str]]:
    """f-strings that could make a key: their fixed parts, with a group for each value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else f"({_PART})?" for part in node.values
            ]
            if any(isinstance(part, ast.Constant) and "." in str(part.value) for part in node.values):
                yield re.compile("".join(parts))


TREES = [ast.parse(file.read_text()) for file in FILES]
LITERALS = {text for tree in TREES for text in strings(tree)}
PATTERNS = {pattern for tree in TREES for pattern in patterns(tree)}
TABLES = {key.partition(".")[0] for key in catalogue("en")}
TEMPLATES = "".join(file.read_text() for file in (TOP / "bench" / "pages").rglob("*.html"))
# `t("table.part_" ~ word)` in a template, and the words that templates bring themselves.
PREFIXES = set(re.findall(rf'"({_PART}[._])" ~', TEMPLATES))
QUOTED = set(re.findall(rf'"({_PART})"', TEMPLATES))


def is_said(word: str) -> bool:
    """A word that stands somewhere in the code: a code, a table, a field of a record, or one of these and an ending."""
    if word.isdecimal() or word in LITERALS or word in FIELDS or word in TABLES:
        return True
    ends = [place for place, letter in enumerate(word) if letter in "_-"]
    return any(word[:end] in LITERALS and {word[end:], word[end + 1 :]} & LITERALS for end in ends)


FIELDS = {
    node.arg if isinstance(node, ast.keyword | ast.arg) else node.target.id
    for tree in TREES
    for node in ast.walk(tree)
    if (isinstance(node, ast.keyword | ast.arg) and node.arg)
    or (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name))
}


def is_used(key: str) -> bool:
    if key in LITERALS or f'"{key}"' in TEMPLATES:
        return True
    endings = [key.removeprefix(prefix) for prefix in PREFIXES if key.startswith(prefix)]
    if any(ending in QUOTED or is_said(ending) for ending in endings):
        return True
    table, _, rest = key.partition(".")
    if table in LITERALS and is_said(rest):
        return True
    for pattern in PATTERNS:
        found = pattern.fullmatch(key)
        if found and all(part is None or all(map(is_said, re.split(r"[.]", part))) for part in found.groups()):
            return True
    return False


def test_no_key_is_left_over() -> None:
    assert [key for key in catalogue("en") if not is_used(key)] == []


def test_a_key_that_nobody_names_is_found() -> None:
    assert not is_used("history.nobody_says_this")
    assert not is_used("finding.no-such-code.title")
    assert is_used("history.course")
    assert is_used("finding.overloaded.title")
