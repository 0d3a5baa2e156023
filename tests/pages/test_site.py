"""The site as files: nothing from outside, nothing that runs but its own script, every number with all beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from bench.pages.site import CannotMake
from bench.pages.site.gathering import gathered
from bench.pages.site.writing import write_site
from bench.records.record import Run
from bench.records.versions import load
from bench.store.runs import RunFolder, find_record
from bench.text import sentence
from tests.pages import systems, tables_of
from tests.pages.test_html import read
from tests.report import samples

PAGES = ("index", "comparison", "tables", "environment", "findings", "definitions", "system-01")


class Links(HTMLParser):
    """Addresses and ids of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [value for key in ("href", "src") if (value := found.get(key)) is not None]
        self.ids += [value for key in ("id",) if (value := found.get(key)) is not None]


def links(file: Path) -> Links:
    reader = Links()
    reader.feed(file.read_text(encoding="utf-8"))
    return reader


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def data_of(page: str) -> dict[str, list[object]]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)  # type: ignore[no-any-return]


def test_both_languages_have_the_same_pages(mixed_site: Path) -> None:
    english = {file.name for file in mixed_site.glob("*.html")}
    assert english == {file.name for file in (mixed_site / "zh").glob("*.html")}
    assert {f"{page}.html" for page in PAGES} | {f"system-{number:02d}.html" for number in range(1, 7)} <= english
    listed = json.loads((mixed_site / "site.json").read_text())["files"]
    assert sorted(listed) == sorted(
        str(file.relative_to(mixed_site))
        for file in mixed_site.rglob("*")
        if file.is_file() and file.name != "site.json"
    )


def test_every_link_leads_somewhere_inside(mixed_site: Path) -> None:
    found = {file: links(file) for file in pages(mixed_site)}
    for file, own in found.items():
        assert len(set(own.ids)) == len(own.ids), file
        for address in own.addresses:
            name, _, anchor = unquote(address).partition("#")
            target = (file.parent / name).resolve() if name else file
            assert target.is_relative_to(mixed_site), address
            assert target.is_file(), address
            if anchor and target in found:
                assert anchor in found[target].ids, address


def test_only_the_script_and_the_style_of_the_page_are_allowed(mixed_site: Path) -> None:
    for file in pages(mixed_site):
        text = file.read_text(encoding="utf-8")
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
        rules = dict(rule.strip().split(" ", 1) for rule in policy.replace("&#39;", "'").split(";"))
        assert rules["default-src"] == "'none'"
        for rule, tag in (("style-src", "style"), ("script-src", "script")):
            (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert rules[rule] == f"'sha256-{digest}'"
        assert not re.search(r'\s(style|on\w+)="', text)
        assert "http://" not in text
        assert "https://" not in text
        assert len(text) < 5_000_000


def test_hostile_texts_are_texts(mixed_site: Path) -> None:
    for file in pages(mixed_site):
        text = file.read_text(encoding="utf-8")
        assert text.count("<script") == 1 + ("comparison" in file.name)
        assert "<img" not in text
        assert not set("\u202e\u2066") & set(text)
        assert "x" * 401 not in text
        read(text)  # well nested
    shown = read((mixed_site / "system-06.html").read_text(encoding="utf-8")).text
    assert "<img src=x onerror=alert(1)>" in shown
    assert "</script><script>alert(1)</script>" in shown


def test_the_data_of_the_script_cannot_leave_its_element(mixed_site: Path) -> None:
    page = (mixed_site / "comparison.html").read_text(encoding="utf-8")
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert not set("<>&\u2028\u2029") & set(text)
    assert any("<img" in system["name"] for system in json.loads(text)["systems"])


def test_void_and_partial_numbers_say_so_on_every_page(mixed_site: Path) -> None:
    for name in ("index", "comparison", "tables", "workload-01-image_classify", "system-04"):
        text = (mixed_site / f"{name}.html").read_text(encoding="utf-8")
        badges = re.findall(r'<span class="badge (\w+)">(\w+)</span>', text)
        assert {("invalid", "INVALID"), ("partial", "PARTIAL")} <= set(badges), name
    rows = tables_of.rows_of((mixed_site / "workload-01-image_classify.html").read_text(encoding="utf-8"))
    assert [row for row in rows if len(row) > 2 and "Processor 4" in row[1] and "INVALID" in row[2]]
    style = (mixed_site / "index.html").read_text(encoding="utf-8")
    assert ".invalid .number { text-decoration: line-through" in style


def test_no_number_stands_without_interval_kind_mode_quality_and_findings(mixed_site: Path) -> None:
    rows = tables_of.rows_of((mixed_site / "index.html").read_text(encoding="utf-8"))
    cells = [cell for row in rows for cell in row if re.match(r"(INVALID|PARTIAL|\d).*(ms|/s)", cell)]
    assert len(cells) == 3 * 4 + 2 + 2 + 2
    for cell in cells:
        assert re.search(r"(95 %|98\.33 %|interval)", cell), cell
        assert re.search(r"mode (standard|quick)", cell), cell
        assert re.search(r"quality (passed|failed|not verified)", cell), cell
        assert re.search(r"Findings: (none|\d)", cell), cell


def test_the_tail_is_there_to_its_end(mixed_site: Path) -> None:
    record = samples.record()
    assert record.sketch is not None
    slowest = record.sketch.values[-1]
    assert slowest is not None
    text = read((mixed_site / "workload-01-image_classify.html").read_text(encoding="utf-8")).text
    assert sentence("en", "site.slowest") in text
    assert text.count(f"{slowest / 1e6:.1f} ms") >= 5


def test_what_is_not_alike_is_said(mixed_site: Path) -> None:
    text = read((mixed_site / "workload-01-image_classify.html").read_text(encoding="utf-8")).text
    assert sentence("en", "site.unlike", system=5, field="mode", value="quick", first=1, other="standard") in text
    rows = tables_of.rows_of((mixed_site / "comparison.html").read_text(encoding="utf-8"))
    assert [row for row in rows if row[-1] == "not compared mode: standard in A, quick in B"]


def test_the_script_has_the_table_that_the_page_shows(mixed_site: Path) -> None:
    page = (mixed_site / "comparison.html").read_text(encoding="utf-8")
    data = data_of(page)
    shown = [row for row in tables_of.rows_of(page) if len(row) == 5][1:]
    assert len(data["rows"]) == 6
    outcomes, texts = [str(pair[1]) for pair in data["outcomes"]], data["texts"]  # type: ignore[index]
    first: list[list[int]] = data["rows"][0]  # type: ignore[assignment]
    assert [(outcomes[row[3]], texts[row[4]]) for row in first] == [
        (next(word for word in outcomes if row[4].startswith(word)), row[3]) for row in shown
    ]


def test_environments_show_what_differs(mixed_site: Path) -> None:
    text = (mixed_site / "environment.html").read_text(encoding="utf-8")
    rows = {row[0]: row[1:] for row in reversed(tables_of.rows_of(text)) if len(row) > 2}
    assert rows["Kernel"] == ["6.1", "≠ 6.2", "≠ 6.3", "6.1", "6.1"]
    assert rows["numpy"] == ["2.1", "≠ 2.2", "≠ 2.3", "≠ 2.4.6", "≠ 2.4.6"]
    assert "Operating system" not in rows  # the same everywhere


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_tables_are_as_they_were(lang: str, tmp_path: Path) -> None:
    site = tables_of.sound_site(tmp_path)
    for page in tables_of.PAGES:
        text = (site / ("" if lang == "en" else lang) / f"{page}.html").read_text(encoding="utf-8")
        kept = (tables_of.GOLDEN / lang / f"{page}.txt").read_text(encoding="utf-8")
        assert tables_of.plain(text) == kept, f"{page}: if it is meant, python -m tests.pages.tables_of"


def test_a_new_site_takes_the_place_of_the_old_one_and_of_nothing_else(tmp_path: Path) -> None:
    results, folder = tmp_path / "results", tmp_path / "site"
    runs = [systems.kept_system(results, number, ("image_classify",), ("offline",)) for number in (1, 2)]
    systems.site_of(results, runs, folder)
    (folder / "notes.txt").write_text("mine")
    systems.site_of(results, runs[:1], folder, "zh")
    assert not (folder / "system-02.html").exists()
    assert not (folder / "zh").exists()
    assert (folder / "en" / "system-01.html").exists()
    assert 'lang="zh-CN"' in (folder / "index.html").read_text(encoding="utf-8")
    assert (folder / "notes.txt").read_text() == "mine"
    text = read((folder / "en" / "comparison.html").read_text(encoding="utf-8")).text
    assert sentence("en", "site.comparison_one") in text


def test_a_list_of_files_from_elsewhere_removes_nothing_elsewhere(tmp_path: Path) -> None:
    results, folder = tmp_path / "results", tmp_path / "site"
    run = systems.kept_system(results, 1, ("image_classify",), ("offline",))
    folder.mkdir()
    (tmp_path / "precious").write_text("mine")
    names = ["../precious", str(tmp_path / "precious"), "a/../../precious"]
    (folder / "site.json").write_text(json.dumps({"files": names}))
    systems.site_of(results, [run], folder)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    results = tmp_path / "results"
    run = systems.kept_system(results, 1, ("image_classify",), ("offline",))
    with pytest.raises(CannotMake, match="holds other files"):
        systems.site_of(results, [run], results)
    assert not (results / "index.html").exists()


def test_runs_of_one_system_are_one_and_a_repeated_measurement_is_another(tmp_path: Path) -> None:
    def run(number: int, *records: str) -> str:
        made = [samples.record(scenario) for scenario in records]  # type: ignore[arg-type]
        return systems.kept_records(tmp_path, number, made, cpu="One processor")

    runs = [run(1, "offline"), run(2, "single_stream"), run(3, "offline")]
    found = gathered([(find_record(name, tmp_path), name) for name in (*runs, runs[0])])
    assert [sorted(system.kept) for system in found] == [
        ["image_classify.offline.fp32", "image_classify.single_stream.fp32"],
        ["image_classify.offline.fp32"],
    ]
    assert found[0].name == f"One processor, onnxruntime 1.32.0, {runs[0]}"
    assert found[1].name == f"One processor, onnxruntime 1.32.0, {runs[2]}"


def test_what_was_set_tells_runs_of_one_machine_apart(tmp_path: Path) -> None:
    runs = [systems.kept_records(tmp_path, n, [samples.record("offline")], cpu="One processor") for n in (1, 2)]
    for threads, run in enumerate(runs, start=1):
        kept = load(find_record(run, tmp_path), Run)
        plan = samples.replace(kept.plan, threads=threads)
        RunFolder(tmp_path / "runs" / run).keep_run(samples.replace(kept, plan=plan))
    found = gathered([(find_record(run, tmp_path), run) for run in runs])
    assert [system.name for system in found] == [
        "One processor, onnxruntime 1.32.0, threads=1",
        "One processor, onnxruntime 1.32.0, threads=2",
    ]


def test_a_record_alone_says_that_its_machine_is_not_known(tmp_path: Path) -> None:
    run = systems.kept_system(tmp_path / "results", 1, ("image_classify",), ("offline",))
    record = find_record(f"{run}/image_classify.offline.fp32", tmp_path / "results")
    (record.parent.parent / "run.json").unlink()
    write_site(gathered([(record, "it")]), tmp_path / "site", "en")
    text = read((tmp_path / "site" / "system-01.html").read_text(encoding="utf-8")).text
    assert sentence("en", "site.no_run") in text


def test_more_than_twenty_systems_are_refused(tmp_path: Path) -> None:
    runs = [systems.kept_records(tmp_path, number, [samples.record("offline")]) for number in range(21)]
    with pytest.raises(CannotMake, match="21 systems; a report holds 20"):
        gathered([(find_record(name, tmp_path), name) for name in runs])
