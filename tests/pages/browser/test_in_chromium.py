"""The site as a reader meets it, from `file://` in a real browser."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any  # Any: Playwright's page

import pytest

from bench.text import sentence
from tests.pages import tables_of
from tests.pages.browser.conftest import SCREENSHOTS, Opened

Open = Callable[..., Opened]
EVERY = ("*",)
# A4 within the margins of the print style sheet, in CSS pixels: 96 an inch.
_SHEET_HEIGHT = (297 - 2 * 14) / 25.4 * 96
_SHEET_WIDTH = (210 - 2 * 12) / 25.4 * 96


def table(page: Any, name: str) -> list[list[str]]:
    """The texts of the rows that are shown."""
    script = f"[...document.querySelectorAll('{name} tbody tr')].filter(row => !row.hidden).map(row => [...row.cells]"
    found: list[list[str]] = page.evaluate(f"{script}.map(cell => cell.textContent.replace(/\\s+/g, ' ').trim()))")
    return found


def column(page: Any, name: str, place: int) -> list[str]:
    return [row[place] for row in table(page, name)]


def numbers(page: Any, place: int) -> list[float]:
    rows = page.evaluate(
        f"[...document.querySelectorAll('#figures tbody tr')].map(row => row.cells[{place}].dataset.v)"
    )
    return [math.nan if value == "" else float(value) for value in rows]


def test_every_page_opens_and_asks_for_nothing_else(mixed_site: Path, opened: Open) -> None:
    found = opened(mixed_site / "index.html")
    for file in (*sorted(mixed_site.glob("*.html")), mixed_site / "zh" / "comparison.html"):
        found.requests.clear()
        found.page.goto(file.as_uri())
        assert found.requests == [file.as_uri()]
        assert found.page.locator("h1").inner_text()
    assert found.console == []


def test_tables_are_sorted_by_keyboard(mixed_site: Path, opened: Open) -> None:
    page = opened(mixed_site / "tables.html").page
    before = numbers(page, 3)
    button = page.get_by_role("button", name=re.compile("^Value"))
    button.focus()
    page.keyboard.press("Enter")
    up = numbers(page, 3)
    page.keyboard.press("Space")
    down = numbers(page, 3)
    known = sorted(value for value in before if not math.isnan(value))
    assert [value for value in up if not math.isnan(value)] == known
    assert [value for value in down if not math.isnan(value)] == known[::-1]
    assert math.isnan(up[-1])  # what has no number stands last, both ways
    assert math.isnan(down[-1])
    assert page.locator("#figures th[aria-sort=descending]").inner_text().startswith("Value")
    page.get_by_role("button", name=re.compile("^Metric")).click()
    names = column(page, "#figures", 2)
    assert names == page.evaluate(
        "names => names.toSorted((a, b) => a.localeCompare(b, undefined, {numeric: true}))", names
    )
    assert page.locator("#figures th[aria-sort]").count() == 1


def test_tables_are_filtered(mixed_site: Path, opened: Open) -> None:
    page = opened(mixed_site / "tables.html").page
    everything = table(page, "#figures")
    page.get_by_label(sentence("en", "site.filter"), exact=True).fill('"processor 2" P99.9')
    wanted = [row for row in everything if "Processor 2" in row[0] and "p99.9" in row[2]]
    assert table(page, "#figures") == wanted
    assert len(wanted) == 2
    told = sentence("en", "site.shown_of", shown=2, total=len(everything))
    assert page.get_by_role("status").inner_text() == told
    page.get_by_label(sentence("en", "site.filter"), exact=True).fill("")
    page.get_by_label(sentence("en", "site.filter_state")).select_option("invalid")
    shown = table(page, "#figures")
    assert shown == [row for row in everything if "INVALID" in row[3]]
    assert shown


def test_any_system_can_be_the_baseline(mixed_site: Path, opened: Open) -> None:
    page = opened(mixed_site / "comparison.html").page
    text = (mixed_site / "comparison.html").read_text(encoding="utf-8")
    first = [row for row in tables_of.rows_of(text) if len(row) == 5][1:]
    assert [row[3] for row in first] == column(page, "#compared", 3)
    # The same table again, this time by the script.
    page.get_by_label(sentence("en", "site.pick_baseline")).select_option("1")
    page.get_by_label(sentence("en", "site.pick_baseline")).select_option("0")
    squeezed = [[re.sub(r"\s", "", cell) for cell in row] for row in table(page, "#compared")]
    assert squeezed == [[re.sub(r"\s", "", cell) for cell in row] for row in first]
    page.get_by_label(sentence("en", "site.pick_baseline")).select_option("1")
    rows = table(page, "#compared")
    against_first = [row for row in rows if "Processor 1," in row[2]]
    assert {row[4].split(" ")[0].removesuffix("the") for row in against_first} == {"worse"}
    assert all("Processor 2," in row[1] for row in rows)


def test_systems_scenarios_and_verdicts_can_be_picked(mixed_site: Path, opened: Open) -> None:
    page = opened(mixed_site / "comparison.html").page
    systems = page.locator("fieldset[data-pick=system]")
    systems.get_by_role("button", name=sentence("en", "site.none")).click()
    assert table(page, "#compared") == []
    systems.get_by_role("checkbox", name=re.compile("Processor 3")).check()
    rows = table(page, "#compared")
    assert len(rows) == 4
    assert all("Processor 3," in row[2] for row in rows)
    page.locator("fieldset[data-pick=scenario]").get_by_role("checkbox", name="offline").uncheck()
    assert len(table(page, "#compared")) == 2
    page.locator("fieldset[data-pick=workload]").get_by_role("checkbox", name="speech_command").uncheck()
    assert len(table(page, "#compared")) == 1
    assert page.get_by_role("status").inner_text() == sentence("en", "site.shown_rows", count=1)
    page.locator("fieldset[data-pick=outcome]").get_by_role("checkbox", name="same").uncheck()
    assert table(page, "#compared") == []


def test_the_language_is_switched_on_the_same_page(mixed_site: Path, opened: Open) -> None:
    found = opened(mixed_site / "comparison.html")
    found.page.get_by_role("link", name="中文").click()
    assert found.page.url == (mixed_site / "zh" / "comparison.html").as_uri()
    assert found.page.locator("html").get_attribute("lang") == "zh-CN"
    assert found.page.locator("h1").inner_text() == sentence("zh", "site.comparison")
    found.page.get_by_role("link", name="English").click()
    assert found.page.url == (mixed_site / "comparison.html").as_uri()
    assert found.console == []


def test_without_script_everything_is_there(mixed_site: Path, opened: Open) -> None:
    for name in ("comparison", "tables"):
        file = mixed_site / f"{name}.html"
        page = opened(file, java_script_enabled=False).page
        rows = [row for row in tables_of.rows_of(file.read_text(encoding="utf-8")) if row != ["---"]]
        assert page.locator("tr:visible").count() == len(rows)
        assert page.locator("input:visible, select:visible, button:visible").count() == 0


@pytest.mark.parametrize("name", ["index", "comparison", "workload-01-image_classify"])
def test_it_prints_on_as_many_sheets_of_a4_as_it_is_long(name: str, mixed_site: Path, opened: Open) -> None:
    pypdf = pytest.importorskip("pypdf", reason="pypdf (extra `dev`) is not installed")
    page = opened(mixed_site / f"{name}.html", viewport={"width": round(_SHEET_WIDTH), "height": 900}).page
    page.emulate_media(media="print")
    height = page.evaluate("document.documentElement.scrollHeight")
    assert page.evaluate("document.documentElement.scrollWidth") <= math.ceil(_SHEET_WIDTH)
    file = SCREENSHOTS / f"{name}.pdf"
    file.parent.mkdir(parents=True, exist_ok=True)
    page.pdf(path=file, prefer_css_page_size=True)
    sheets = pypdf.PdfReader(file).pages
    # Rows and pictures are not cut, so that a sheet may end early; none is wasted.
    least = math.ceil(height / _SHEET_HEIGHT)
    assert least <= len(sheets) <= math.ceil(1.35 * least) + 1
    assert {round(float(part)) for part in sheets[0].mediabox[2:]} <= {595, 596, 842}
    text = re.sub(r"\s", "", " ".join(sheet.extract_text() for sheet in sheets))
    for row in tables_of.rows_of((mixed_site / f"{name}.html").read_text(encoding="utf-8")):
        for cell in row[1:]:
            number = re.match(r"[\d.]+ (ms|/s)", cell)
            assert number is None or re.sub(r"\s", "", number[0]) in text
    for word in ("INVALID", "PARTIAL"):
        assert word in text


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("light", ("comparison", "system-04")),
        ("dark", ("workload-02-speech_command",)),
        pytest.param("light", EVERY, marks=pytest.mark.full),
        pytest.param("dark", EVERY, marks=pytest.mark.full),
    ],
)
def test_axe_finds_no_fault(scheme: str, names: tuple[str, ...], mixed_site: Path, opened: Open) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe (extra `dev`) is not installed"
    ).Axe()
    # axe comes into the page from outside, which its own policy forbids.
    page = opened(mixed_site / "index.html", color_scheme=scheme, bypass_csp=True).page
    for file in [file for name in names for file in sorted(mixed_site.rglob(f"{name}.html"))]:
        page.goto(file.as_uri())
        found = axe.run(page).response
        assert found["passes"]
        faults = {(fault["id"], fault["impact"], fault["nodes"][0]["html"][:200]) for fault in found["violations"]}
        assert faults == set(), file.name


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_it_fits_wide_and_narrow_screens(scheme: str, width: int, mixed_site: Path, opened: Open) -> None:
    """Nothing but tables, in frames of their own, is wider than the screen; pictures are kept for people to look at."""
    for name in ("index", "comparison", "zh/workload-01-image_classify"):
        page = opened(mixed_site / f"{name}.html", color_scheme=scheme, viewport={"width": width, "height": 900}).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        file = SCREENSHOTS / f"{name.replace('/', '-')}-{scheme}-{width}.png"
        page.screenshot(path=file, full_page=True)


def test_the_hostile_system_runs_nothing_and_is_shown_as_it_is(mixed_site: Path, opened: Open) -> None:
    found = opened(mixed_site / "comparison.html")
    found.page.get_by_label(sentence("en", "site.pick_baseline")).select_option("5")
    shown = found.page.locator("#compared tbody").inner_text()
    assert "<img src=x onerror=alert(1)>" in shown
    found.page.goto((mixed_site / "system-06.html").as_uri())
    assert "</script><script>alert(1)</script>" in found.page.locator("main").inner_text()
    assert found.console == []
    assert found.page.locator("main img, main script").count() == 0


def test_downloads_are_the_files_beside_the_pages(mixed_site: Path, opened: Open) -> None:
    page = opened(mixed_site / "zh" / "index.html").page
    with page.expect_download() as waiting:
        page.get_by_role("link", name=sentence("zh", "site.download_results_csv")).click()
    assert Path(waiting.value.path()).read_bytes() == (mixed_site / "data" / "results.csv").read_bytes()
    page.get_by_role("link", name=sentence("zh", "site.download_records")).click()
    assert page.url == (mixed_site / "data" / "records.json").as_uri()
