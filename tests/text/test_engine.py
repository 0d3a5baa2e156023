"""Where text for people may stand: in the catalogues, and nowhere that is printed.

English by decision are what an exception says, click's usage lines and help, log lines, and what goes to stderr. So the
rule is: no call that writes to the screen or makes part of a table or a page has words in a literal.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "bench"
# Rooms that hand what they say to people; below them there are only codes and exceptions.
SPEAKING = sorted(
    file
    for room in ("cli", "report", "pages", "plots", "workbook", "procurement", "comparing", "text")
    for file in (ROOT / room).glob("*.py")
)
SHOWING = {
    *("echo", "print", "print_lines", "Text", "append", "add_row", "add_column", "set_title", "set_xlabel"),
    *("set_ylabel", "annotate", "text", "write_string", "Column", "Sheet", "section", "Section"),
}
WORDS = re.compile(r"[A-Za-z]{2,}[ ,:;]+[A-Za-z]{2,}|[一-鿿]")
# Names of programs, and words of matplotlib's for where something is drawn.
NAMES = {"MLPerf LoadGen", "axes fraction", "offset points"}


def literals(node: ast.expr) -> Iterator[str]:
    """Text of a literal, and the fixed parts of an f-string."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def to_stderr(call: ast.Call) -> bool:
    return any(one.arg == "err" for one in call.keywords)


def spoken(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and words of every literal in a call that shows something."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or to_stderr(call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in SHOWING:
            for argument in call.args:
                inner = [one for one in ast.walk(argument) if isinstance(one, ast.Call)]
                keyed = {text for one in inner for part in one.args for text in literals(part)}  # keys of `sentence`
                yield from ((call.lineno, text) for text in literals(argument) if text not in keyed)


@pytest.mark.parametrize("file", SPEAKING, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_that_is_shown_has_words_of_its_own(file: Path) -> None:
    found = [(line, text) for line, text in spoken(ast.parse(file.read_text())) if WORDS.search(text)]
    assert [entry for entry in found if entry[1].strip() not in NAMES] == []


def test_the_rule_sees_words() -> None:
    source = """
click.echo(f"{n} runs were removed")
screen.print(Text("All metrics", style="bold"))
click.echo(sentence(lang, "a key.of words"))
"""
    found = [text for _, text in spoken(ast.parse(source)) if WORDS.search(text)]
    assert sorted(found) == [" runs were removed", "All metrics"]


def test_no_chinese_outside_the_catalogues() -> None:
    """In code; comments and docstrings may name what a standard calls a thing."""
    for file in (ROOT).rglob("*.py"):
        tree = ast.parse(file.read_text())
        strings = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in strings:
                assert not re.search("[一-鿿]", node.value), f"{file}:{node.lineno}"
