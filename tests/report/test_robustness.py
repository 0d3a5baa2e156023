"""Robustness in a terminal, on a page and as a plot, in both languages, from records of any origin."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from bench.pages.html import render
from bench.pages.run import build_page
from bench.plots.drawing import new_figure, style
from bench.plots.stress import StressCurves
from bench.records.findings import finding
from bench.records.numbers import Interval
from bench.records.record import Record
from bench.records.robustness import Robustness, Stressed
from bench.report.robustness import stress_table
from bench.report.terminal import print_record, print_table
from bench.robustness import conditions
from bench.text.findings import finding_text

from .samples import HOSTILE, interval, record, replace
from .samples import run as run_of

CLEAN = 0.913


def stressed(corruption: str, level: int, value: float, amount: float, unit: str, reference: bool = True) -> Stressed:
    lost = CLEAN - value
    return Stressed(
        corruption=corruption,
        level=level,
        amount=amount,
        unit=unit,
        value=value,
        interval=interval(value, 0.02, "wilson"),
        loss=lost,
        loss_interval=Interval(low=lost - 0.01, high=lost + 0.01, confidence=0.95, kind="newcombe-paired"),
        reference_value=value + 0.001 if reference else None,
        reference_loss=lost - 0.001 if reference else None,
    )


def stressed_record(reference: bool = True) -> Record:
    rows = tuple(
        stressed(one.corruption.name, one.level, 0.92 - 0.2 * one.level, one.amount, one.corruption.unit, reference)
        for one in conditions("pictures")
    )
    robustness = Robustness(
        metric="top1",
        samples=768,
        evaluation_samples=2400,
        value=CLEAN,
        interval=interval(CLEAN, 0.012, "wilson"),
        stressed=rows,
        reference_samples=768 if reference else 0,
    )
    return replace(record(), robustness=robustness)


def printed(one: Record, lang: str, whole: bool, width: int = 120) -> str:
    console = Console(width=width, record=True, force_terminal=False)
    with console.capture() as capture:
        print_record(console, one, lang) if whole else print_table(console, [one], lang)
    return capture.get()


def test_a_table_holds_value_loss_and_the_references_loss_of_every_level() -> None:
    shown = stress_table(stressed_record().robustness, "en")
    assert shown is not None
    assert shown.levels == ("Level 1", "Level 2", "Level 3")
    assert [row.name for row in shown.rows] == ["out of focus", "low light", "sensor noise", "occlusion"]
    cell = shown.rows[3].cells[1]
    assert cell.amount == "40 % of the area"
    assert (cell.value, cell.interval) == ("52.0 %", "[51.0, 53.0]")
    assert (cell.lost, cell.lost_interval) == ("lost 39.3", "[38.3, 40.3]")
    assert cell.reference == "reference lost 39.2"
    assert shown.rows[1].cells[2].amount == "5.5 EV less light"
    assert "91.3 %" in shown.clean
    assert "768 of 2400" in shown.clean
    assert "768 of these samples" in shown.note


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("whole", [True, False])
def test_it_stands_in_the_terminal(lang: str, whole: bool) -> None:
    text = printed(stressed_record(), lang, whole)
    assert ("Robustness" if lang == "en" else "鲁棒性") in text
    assert "39.3 [38.3, 40.3]" in text
    assert printed(record(), lang, whole).count("39.3") == 0


def test_numbers_stay_whole_in_a_narrow_terminal() -> None:
    lines = printed(stressed_record(), "en", whole=False, width=80).splitlines()
    assert any("52.0 % [51.0, 53.0]" in line for line in lines)
    assert any(line.count("[38.3, 40.3]") == 1 for line in lines)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(line for line in lines if "%" in line)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_stands_on_the_page_with_its_plot(lang: str) -> None:
    page = build_page(run_of([stressed_record()]), [stressed_record()], lang)
    html = render(page)
    assert "[38.3, 40.3]" in html
    assert len(page.measurements[0].pictures) == 3
    assert "[38.3, 40.3]" not in render(build_page(run_of([record()]), [record()], lang))


def test_without_a_reference_nothing_is_said_of_one() -> None:
    shown = stress_table(stressed_record(reference=False).robustness, "en")
    assert shown is not None
    assert all(cell.reference == "" for row in shown.rows for cell in row.cells)
    assert "Reference" not in shown.note
    assert stress_table(None, "en") is None


def test_a_record_of_another_version_is_shown_as_it_is() -> None:
    plain = stressed_record()
    assert plain.robustness is not None
    odd = (stressed(HOSTILE, 2, 0.5, 1.5, HOSTILE + "{amount} {0}"), stressed("blur", 5, -0.0, 9.0, "px"))
    shown = replace(plain, robustness=replace(plain.robustness, stressed=odd, metric=HOSTILE))
    text = printed(shown, "en", whole=True)
    assert "\x1b[2J" not in text
    html = render(build_page(run_of([shown]), [shown], "en"))
    assert "<script>alert" not in html
    table = stress_table(shown.robustness, "en")
    assert table is not None
    assert table.levels == ("Level 2", "Level 5")
    assert table.rows[0].cells[1].value == ""
    empty = replace(plain.robustness, stressed=())
    assert StressCurves.of(replace(plain, robustness=empty)) is None
    assert printed(replace(plain, robustness=empty), "en", whole=True)


def test_the_plot_begins_with_the_clean_samples() -> None:
    curves = StressCurves.of(stressed_record())
    assert curves is not None
    assert [line.corruption for line in curves.lines] == ["blur", "low_light", "noise", "occlusion"]
    np.testing.assert_array_equal(curves.lines[0].levels, [0, 1, 2, 3])
    np.testing.assert_allclose(curves.lines[0].value, [CLEAN, 0.72, 0.52, 0.32])
    with style("en"):
        axes = curves.draw(new_figure(5, 3).subplots(), "en")
    drawn = [line.get_ydata() for line in axes.get_lines()]
    np.testing.assert_allclose(drawn[2], 100 * curves.lines[2].value)
    styles = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in axes.get_lines()}
    assert len({style[1:] for style in styles}) == 4, "lines differ without colour, too"
    assert StressCurves.of(record()) is None


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_finding_says_which_corruption_and_how_much(lang: str) -> None:
    text = finding_text(lang, finding("robustness-loss", "quick", 0.21, 0.05, "low_light"))
    assert "21.0 %" in text.seen
    assert "5.0 %" in text.seen
    assert ("Low light" if lang == "en" else "低照度") in text.seen
