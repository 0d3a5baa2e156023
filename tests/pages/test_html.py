"""The page: whole, self-contained, escaped, and plain about what is void, partial or only a look."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.pages.html import render, write_report
from bench.pages.run import build_page
from bench.records.plan import Mode
from bench.records.record import Record, Status
from bench.text import LANGUAGES, sentence
from tests.report import samples

VOID = {"meta", "br", "wbr", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Checks nesting as it goes; keeps tags, attributes and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.stack:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.stack == []
    return reader


def text_of(records: list[Record], mode: Mode = "quick", status: Status = "complete") -> str:
    return read(render(build_page(samples.run(records, mode, status), records, "en"))).text


@pytest.fixture(scope="module", params=LANGUAGES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Reader]:
    folder = tmp_path_factory.mktemp("report")
    records = samples.everything()
    path = write_report(samples.run(records), records, folder, request.param)
    assert path == folder / "report.html"
    text = path.read_text(encoding="utf-8")
    assert (folder / "summary.png").read_bytes().startswith(b"\x89PNG")
    assert {entry.name for entry in folder.iterdir()} == {"report.html", "summary.png"}
    return request.param, text, read(text)


def test_all_records_with_their_numbers(whole: tuple[str, str, Reader]) -> None:
    lang, _, reader = whole
    for record in samples.everything()[:-1]:
        assert record.measurement.name in reader.text
    for figure in ("35.2 ms", "[34.8, 35.6]", "28.4 /s", "91.3 %", "sha256:aa11", "AMD EPYC (x86_64)"):
        assert figure in reader.text
    assert sentence(lang, "region.host_to_host") in reader.text
    assert sentence(lang, "definition.percentile") in reader.text
    assert sentence(lang, "definition.interval_quick") in reader.text


def test_findings_stand_in_words_and_next_to_numbers(whole: tuple[str, str, Reader]) -> None:
    lang, _, reader = whole
    title = sentence(lang, "finding.output-mismatch.title")
    assert reader.text.count(title) >= 2  # in the table, and among the findings
    assert sentence(lang, "finding.output-mismatch.why") in reader.text


def test_nothing_comes_from_a_network(whole: tuple[str, str, Reader]) -> None:
    _, text, reader = whole
    assert "://" not in text
    assert "@import" not in text
    for tag, attributes in reader.tags:
        assert tag not in ("script", "link", "iframe", "img", "object", "embed")
        for key, value in attributes.items():
            assert not key.startswith("on")
            if key in ("href", "src", "xlink:href", "action"):
                assert value is not None
                assert value.startswith("#")


def test_hostile_text_is_text(whole: tuple[str, str, Reader]) -> None:
    _, text, reader = whole
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "<script>alert(1)</script>" in reader.text
    assert "{{ 7*7 }}" in reader.text  # a template in a record is not read


def test_what_is_void_or_partial_is_unmistakable(whole: tuple[str, str, Reader]) -> None:
    lang, text, reader = whole
    rows = re.findall(r'<tr class="(\w+)">(.*?)</tr>', text, flags=re.DOTALL)
    states = [state for state, _ in rows]
    assert states == ["quick", "valid", "invalid", "partial", "invalid", "quick", "quick", "quick"]
    for state, content in rows:
        assert (sentence(lang, "state.invalid") in content) == (state == "invalid")
        assert (sentence(lang, "state.partial") in content) == (state == "partial")
    assert ".invalid .number { text-decoration: line-through" in text
    assert sentence(lang, "report.invalid", count=2, total=8) in reader.text


def test_language_and_title(whole: tuple[str, str, Reader]) -> None:
    lang, _, reader = whole
    assert ("html", {"lang": "zh-CN" if lang == "zh" else "en"}) in reader.tags
    assert sentence(lang, "report.title") in reader.text


def test_pictures_are_named(whole: tuple[str, str, Reader]) -> None:
    _, _, reader = whole
    drawings = [attributes for tag, attributes in reader.tags if tag == "svg"]
    assert len(drawings) == 1 + 4 + 5  # the summary; closed loops with a sketch; everything with a sketch
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in drawings)
    ids = [attributes["id"] for _, attributes in reader.tags if (attributes.get("id") or "").startswith("m")]
    assert [name for name in ids if name and re.fullmatch(r"m\d", name)] == [f"m{i}" for i in range(1, 9)]


def test_notices() -> None:
    assert "a look, no verdicts" in text_of([samples.record("offline")])
    text = text_of([samples.partial()], "standard", "partial")
    assert "PARTIAL RUN" in text
    assert "bench run --resume 20260101T000000Z-abcd" in text
    text = text_of([samples.standard()], "standard")
    assert not [word for word in ("PARTIAL", "INVALID", "no verdicts") if word in text]


def test_a_run_without_records(tmp_path: Path) -> None:
    path = write_report(samples.run([], status="partial"), [], tmp_path, "en")
    assert "No measurement is kept yet." in read(path.read_text(encoding="utf-8")).text
    assert not (tmp_path / "summary.png").exists()
