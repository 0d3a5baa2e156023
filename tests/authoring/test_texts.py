"""Every remark that the code can make has a sentence in both languages, and gives it all its values."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import authoring
from bench.models.soundness import Elsewhere
from bench.records.workload_check import WORKLOAD_CHECKS
from bench.text import LANGUAGES
from bench.text.catalogue import catalogue
from bench.text.findings import placeholders

FOLDER = Path(str(authoring.__file__)).parent


def remarks() -> Iterator[tuple[str, frozenset[str]]]:
    """Code and names of values of each call of `wrong` and `seen`; a code with a variable end is given with `*`."""
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("wrong", "seen"):
                (code,) = node.args
                values = frozenset(str(keyword.arg) for keyword in node.keywords)
                if isinstance(code, ast.JoinedStr):
                    assert isinstance(code.values[0], ast.Constant)
                    yield f"{code.values[0].value}*", values
                else:
                    assert isinstance(code, ast.Constant)
                    yield str(code.value), values


MADE = sorted(remarks(), key=str)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_remark_has_its_sentence(lang: str) -> None:
    table = "workload_remark."
    texts = {key.removeprefix(table): text for key, text in catalogue(lang).items() if key.startswith(table)}
    used = set()
    for code, values in MADE:
        keys = [key for key in texts if key.startswith(code[:-1])] if code.endswith("*") else [code]
        assert keys
        for key in keys:
            assert set(placeholders(texts[key])) <= values, key
            assert not values & {"lang", "key"}, "parameters of `sentence`"
        used.update(keys)
    assert set(texts) == used, "sentences that nobody says"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_check_has_a_name(lang: str) -> None:
    assert all(f"workload_check.{check}" in catalogue(lang) for check in WORKLOAD_CHECKS)


def test_every_place_of_data_has_a_remark() -> None:
    reasons = Elsewhere.__annotations__["why"]
    assert all(f"data-{why}" in str(sorted(catalogue("en"))) for why in ("outside", "missing", "short"))
    assert all(why in str(reasons) for why in ("outside", "missing", "short"))
