"""Records in which every text that may be anything is an attack, sent through everything that is written of them."""

from __future__ import annotations

import csv
import html.parser
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any  # Any: decoded JSON

import msgspec
import pytest
from rich.cells import cell_len

from bench.records.record import Record, Run, Trial
from bench.records.versions import load

from ..procurement.made import candidate, drawn, folder_of
from ..workbook.read import formulas_and_links, opened
from .things import Command, Outcome

ATTACKS = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(2)>\" onload='alert(3)'",
    "formula": "=cmd()|'/c calc'!A1",
    "plus": "+1+cmd()",
    "at": "@SUM(1+1)",
    "tab": "\t=1+1",
    "full-width": "＝1+1",
    "escape": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "direction": "\u202egnp.exe\u2066\u200f\u061c",
    "unseen": "a\u200b\u200d\ufeff\u2060\u3164\u00adb",
    "lines": "a\nb\r\nc\u2028d\u2029e\x0bf",
    "stacked": "z" + "\u0301" * 200,
    "template": "{{ 7*7 }} {% raw %} {0.__class__} %s $\\frac{1}{2}$ [bold red]x[/]",
    "markdown": "| [x](javascript:alert(1)) ![y](http://a.example/y) `z` <b>@all",
    "long": "名" * 10_000,
}
# What ties files to one another is checked when they are read, and a name that is no name is refused there.
TIES = re.compile(r"\.(measurement|measurements|run_id|trials|metrics|primary|schema|also)\b")
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff]")


def texts(value: Any, path: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Every text inside a document: what holds it, under what key, and where."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in list(entries):
        here = f"{path}.{key}"
        if isinstance(entry, str) and not TIES.search(here):
            yield value, key, here
        yield from texts(entry, here)


def spoil(file: Path, kind: type, attacks: Iterator[str]) -> int:
    """Put the next attack in every place that still reads; returns how many there are."""
    whole, spoilt = json.loads(file.read_text()), 0
    for holder, key, _ in list(texts(whole)):
        before, holder[key] = holder[key], next(attacks)
        try:
            msgspec.convert(whole, kind)
            spoilt += 1
        except msgspec.ValidationError:
            holder[key] = before
    file.write_text(json.dumps(whole))
    load(file, kind)
    return spoilt


def kept(folder: Path, attacks: Iterator[str]) -> str:
    """A kept run in which all is hostile; its name."""
    place = folder_of(candidate(1, drawn(1)), folder / "results" / "runs")
    count = sum(spoil(file, Run, attacks) for file in place.glob("run.json"))
    count += sum(spoil(file, Record, attacks) for file in place.glob("*/record.json"))
    count += sum(spoil(file, Trial, attacks) for file in place.glob("*/*/trial.json"))
    assert count > 30
    return place.name


class Page(html.parser.HTMLParser):
    """Elements that do something, as a browser's parser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.acting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "form"):
            self.acting.append(tag)
        self.acting += [
            f"{tag} {name}" for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")
        ]
        self.acting += [
            f"{tag} {value}" for name, value in attrs if name == "src" and not (value or "").startswith("data:")
        ]


def on_a_terminal(text: str) -> None:
    assert not UNSEEN.findall(text)
    assert not re.search("[\u0300-\u036f]{4}", text), "marks reach over the lines above"
    assert max(map(cell_len, text.splitlines())) <= 80


def in_csv(text: str) -> None:
    assert not UNSEEN.findall(text)
    heading, *rows = csv.reader(io.StringIO(text))
    assert {len(row) for row in rows} == {len(heading)}
    number = re.compile(r"-[0-9.]+(e[-+]?[0-9]+)?")
    begins = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
    assert not [cell for row in rows for cell in row if cell.strip().startswith(begins) and not number.fullmatch(cell)]


def in_markdown(text: str) -> None:
    assert not UNSEEN.findall(text)
    bare = re.sub(r"\\[\\`*\[\]<>|~$&@_:.]", "", text)
    assert not re.search(r"[<>`]|\]\(|@|://", bare)
    assert len({line.count("|") for line in bare.splitlines() if line.startswith("|")}) == 1


def in_json(text: str) -> None:
    json.loads(text)
    assert not re.search("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]", text), "a terminal would obey it"


CHECKS: dict[str, Callable[[str], None]] = {"table": on_a_terminal, "csv": in_csv, "md": in_markdown, "json": in_json}


@pytest.mark.parametrize("first", [0, 5])
def test_no_text_of_a_record_does_anything(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """All attacks at once, one place after the other; the longer tests have each in all places."""
    monkeypatch.setenv("COLUMNS", "80")
    listed = [*ATTACKS.values()]
    _everything(bench, tmp_path, itertools.cycle(listed[first:] + listed[:first]))


@pytest.mark.full
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_attack_succeeds_anywhere(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _everything(bench, tmp_path, itertools.repeat(attack))


def _everything(bench: Command, tmp_path: Path, attacks: Iterator[str]) -> None:
    name = kept(tmp_path, attacks)
    part = f"{name}/image_classify.offline.fp32"
    for arguments in (("show", name), ("show", part), ("show", f"{part}/trial-00"), ("history",), ("query", "best")):
        for form, check in CHECKS.items():
            outcome = _done(bench(*arguments, "--format", form))
            if outcome.out.strip() and (form != "csv" or outcome.out.count("\n") > 1):
                check(outcome.out)
    _workbook(bench, tmp_path, name)
    _report(bench, tmp_path, name)


def _done(outcome: Outcome) -> Outcome:
    assert "Traceback" not in outcome.out + outcome.err, outcome
    assert outcome.code in (0, 2, 11), outcome
    assert not UNSEEN.findall(outcome.err)
    return outcome


def _workbook(bench: Command, folder: Path, name: str) -> None:
    assert _done(bench("export", "xlsx", name, "a.xlsx")).code == 0
    content = (folder / "a.xlsx").read_bytes()
    assert formulas_and_links(content) == []
    cells = [cell.value for sheet in opened(content).worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if isinstance(cell, str) and (UNSEEN.search(cell) or len(cell) > 32_767)]


def _report(bench: Command, folder: Path, name: str) -> None:
    """The page of the run: no element but ours, and no reader of a page sees text in another order than it is."""
    assert _done(bench("report", name)).code == 0
    pages = [page.read_text(encoding="utf-8") for page in (folder / "results" / "runs" / name).glob("*.html")]
    assert pages
    for page in pages:
        parsed = Page()
        parsed.feed(page)
        assert parsed.acting == []
        assert not re.search("[\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069]", page)
