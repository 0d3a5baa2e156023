"""The ROC of a record: what is held, that drawing warns of nothing, and that report and terminal show it."""

from __future__ import annotations

import warnings

import msgspec
import pytest

from bench.pages.run import build_page
from bench.plots.drawing import new_figure, style, to_png
from bench.plots.fonts import plot_language
from bench.plots.roc import RocCurve
from bench.records.numbers import Interval, RocPoint
from bench.records.record import Quality, Record
from bench.report.details import quality_section
from tests.report import samples

CURVE = [(1e-4, 0.9, 0.85, 0.94), (1e-3, 0.97, 0.96, 0.98), (1e-2, 0.99, 0.985, 1.0)]


def verified(curve: list[tuple[float, float, float, float]]) -> Record:
    points = tuple(
        RocPoint(
            far=far,
            threshold=0.5,
            value=value,
            interval=Interval(low=low, high=high, confidence=0.95, kind="bootstrap-identities"),
        )
        for far, value, low, high in curve
    )
    quality = Quality(metric="tar_at_far_1e-3", samples=400, evaluation_samples=400, value=0.97, roc=points)
    return msgspec.structs.replace(samples.record(), quality=quality)


def test_a_curve_holds_its_points() -> None:
    curve = RocCurve.of(verified(CURVE))
    assert curve is not None
    assert curve.far.tolist() == [1e-4, 1e-3, 1e-2]
    assert (curve.low[0], curve.value[0], curve.high[0]) == (0.85, 0.9, 0.94)


def test_other_tasks_have_none() -> None:
    assert all(RocCurve.of(record) is None for record in samples.everything())


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("points", [CURVE, CURVE[1:2], [(1e-3, 1.0, 1.0, 1.0)], [(1e-3, 0.0, 0.0, 0.0)]])
def test_every_curve_can_be_drawn(points: list[tuple[float, float, float, float]], lang: str) -> None:
    curve, drawn = RocCurve.of(verified(points)), plot_language(lang)
    assert curve is not None
    with warnings.catch_warnings(), style(drawn):
        warnings.simplefilter("error")
        figure = new_figure(4, 3)
        axes = curve.draw(figure.subplots(), drawn)
        low, high = axes.get_ylim()
        assert low <= 100 * points[0][1] <= high
        assert to_png(figure, drawn).startswith(b"\x89PNG")


def test_report_and_terminal_show_it() -> None:
    record = verified(CURVE)
    page = build_page(samples.run([record]), [record], "en")
    captions = [picture.caption for part in page.measurements for picture in part.pictures]
    assert any("(ROC)" in caption for caption in captions)
    shown = str(quality_section(record.quality, "en"))
    assert "0.01" in shown
    assert "90.0 % [85.0, 94.0]" in shown
