"""The curve of a ramp: what is held, and that drawing warns of nothing, however little a step answered."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import pytest

from bench.pages.run import build_page
from bench.plots.drawing import new_figure, style, to_png
from bench.plots.fonts import plot_language
from bench.plots.ramp import RampCurve
from bench.records.numbers import CurvePoint, Measured
from bench.records.record import Record
from tests.report import samples

STEPS = [(100.0, 100.0, 100.0, 2e6, 9e6), (500.0, 498.0, 480.0, 4e6, 41e6), (600.0, 510.0, 0.0, 900e6, None)]


def ramp(steps: list[tuple[float, float, float, float | None, float | None]], knee: float | None = 500.0) -> Record:
    plain = samples.record()
    measurement = msgspec.structs.replace(plain.measurement, scenario="ramp", latency_bound_ns=30_000_000)
    metrics = {"knee_per_s": Measured(value=knee)} if knee is not None else {}
    curve = tuple(
        CurvePoint(
            offered_per_s=offered,
            queries=100,
            completed_per_s=completed,
            goodput_per_s=goodput,
            latency_mean_ns=p50,
            latency_p50_ns=p50,
            latency_p99_ns=p99,
        )
        for offered, completed, goodput, p50, p99 in steps
    )
    return msgspec.structs.replace(plain, measurement=measurement, curve=curve, metrics=metrics, primary="knee_per_s")


def test_a_curve_holds_every_step_and_a_gap_where_there_is_no_percentile() -> None:
    curve = RampCurve.of(ramp(STEPS))
    assert curve is not None
    assert curve.offered.tolist() == [100.0, 500.0, 600.0]
    assert curve.goodput.tolist() == [100.0, 480.0, 0.0]
    assert np.isnan(curve.p99_ns).tolist() == [False, False, True]
    assert (curve.bound_ns, curve.knee_per_s) == (30e6, 500.0)


def test_other_scenarios_have_none() -> None:
    assert all(RampCurve.of(record) is None for record in samples.everything())


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "record",
    [ramp(STEPS), ramp(STEPS[:1], None), ramp([(50.0, 0.0, 0.0, None, None)], None)],
    ids=["three steps", "one step", "nothing answered"],
)
def test_every_curve_can_be_drawn(record: Record, lang: str) -> None:
    curve, drawn = RampCurve.of(record), plot_language(lang)
    assert curve is not None
    with warnings.catch_warnings(), style(drawn):
        warnings.simplefilter("error")
        for draw in (curve.draw_rates, curve.draw_latency):
            figure = new_figure(4, 3)
            draw(figure.subplots(), drawn)
            assert to_png(figure, drawn).startswith(b"\x89PNG")


def test_the_page_shows_both() -> None:
    record = ramp(STEPS)
    page = build_page(samples.run([record]), [record], "en")
    captions = [picture.caption for part in page.measurements for picture in part.pictures]
    assert captions[0].split(",")[0] == "Rate completed"
    assert any(caption.startswith("Latency over the rate offered") for caption in captions)
