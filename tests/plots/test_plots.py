"""Plots: the numbers that they hold, and that drawing warns of nothing, however thin the sketch."""

from __future__ import annotations

import io
import logging
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.plots import fonts
from bench.plots.course import Course
from bench.plots.drawing import new_figure, style, to_png, to_svg
from bench.plots.fonts import plot_language
from bench.plots.latency import QuantileCurve
from bench.plots.summary import Summary
from bench.records.numbers import Sketch
from bench.records.record import Record
from tests.report import samples


@pytest.fixture(autouse=True)
def _no_warnings() -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def with_sketch(sketch: Sketch, record: Record | None = None) -> Record:
    return samples.replace(record or samples.record(), sketch=sketch)


def one_query() -> Sketch:
    return samples.replace(
        samples.sketch(count=1, windows=1),
        values=tuple(5_000_000 for _ in samples.sketch().probabilities),
        window_min_ns=(5_000_000,),
        window_mean_ns=(5e6,),
        window_max_ns=(5_000_000,),
        window_completed=(1,),
    )


def nothing_completed() -> Sketch:
    base = samples.sketch(count=10, windows=1, failed=10)
    return samples.replace(
        base,
        values=tuple(None for _ in base.values),
        window_min_ns=(None,),
        window_mean_ns=(None,),
        window_max_ns=(None,),
        window_completed=(0,),
    )


SKETCHES = {
    "plain": samples.sketch(),
    "with failures": samples.sketch(failed=200),
    "one window": samples.sketch(windows=1, count=50),
    "one query": one_query(),
    "nothing completed": nothing_completed(),
    "three queries": samples.sketch(windows=3, count=3),
    "offline": samples.sketch("service_ns"),
    "offline, one batch": samples.sketch("service_ns", count=1, windows=1),
}


@pytest.mark.parametrize(("name", "lang"), [*((name, "en") for name in SKETCHES), ("with failures", "zh")])
def test_every_sketch_can_be_drawn(name: str, lang: str) -> None:
    record, drawn = with_sketch(SKETCHES[name]), plot_language(lang)
    for plot in (QuantileCurve.of(record), Course.of(record)):
        if plot is not None:
            with style(drawn):
                figure = new_figure(4, 3)
                plot.draw(figure.subplots(), drawn)
            assert to_png(figure, drawn).startswith(b"\x89PNG")


@pytest.mark.parametrize("record", samples.everything(), ids=lambda record: record.primary)
def test_every_record_can_be_drawn(record: Record) -> None:
    with style("en"):
        assert to_png(Summary.of([record]).draw("en"), "en")
        for plot in (QuantileCurve.of(record), Course.of(record)):
            if plot is not None:
                plot.draw(new_figure(4, 3).subplots(), "en")


def test_quantile_curve_ends_where_the_sample_does() -> None:
    curve = QuantileCurve.of(samples.record())
    assert curve is not None
    assert curve.beyond.min() >= 1 / 4000
    assert np.all(np.diff(curve.latency_ns) >= 0)
    assert [(point.p, point.ns, point.primary) for point in curve.published] == [
        (0.9, 35.21e6, True),
        (0.99, 39.2e6, False),
    ]


def test_quantile_curve_is_of_queries_that_completed() -> None:
    curve = QuantileCurve.of(with_sketch(samples.sketch(failed=200)))
    assert curve is not None
    assert curve.beyond.min() == pytest.approx(0.05, abs=0.01)
    assert QuantileCurve.of(with_sketch(nothing_completed())) is None
    assert QuantileCurve.of(samples.record("offline")) is None
    assert QuantileCurve.of(samples.failed()) is None


def test_course_starts_at_zero_and_keeps_gaps() -> None:
    course = Course.of(samples.record())
    assert course is not None
    assert course.kind == "latency"
    assert course.time_s.size == 300
    assert course.time_s[0] == pytest.approx(0.005)
    assert np.flatnonzero(np.isnan(course.mean)).tolist() == list(range(3, 300, 7))
    assert Course.of(samples.failed()) is None


def test_course_merges_windows_that_hold_too_little() -> None:
    base = samples.sketch(count=40, windows=300)
    course = Course.of(with_sketch(base))
    assert course is not None
    assert course.time_s.size == 5
    assert not np.isnan(course.mean).any()
    assert np.all(course.low <= course.mean)
    assert np.all(course.mean <= course.high)


def test_rate_of_a_course_is_what_completed() -> None:
    base = samples.replace(samples.sketch("service_ns", windows=3, count=300), window_completed=(10, 0, 5))
    course = Course.of(with_sketch(base, samples.record("offline")))
    assert course is not None
    assert course.kind == "rate"
    assert course.mean.tolist() == pytest.approx([1000.0, 0.0, 500.0])


def test_merged_mean_is_weighted() -> None:
    base = samples.replace(
        samples.sketch(windows=2, count=8),
        window_min_ns=(1, 3),
        window_mean_ns=(1.0, 4.0),
        window_max_ns=(1, 9),
        window_completed=(6, 2),
    )
    course = Course.of(with_sketch(base))
    assert course is not None
    assert (course.low[0], course.mean[0], course.high[0]) == (1.0, 1.75, 9.0)


def test_summary_has_a_panel_per_workload() -> None:
    summary = Summary.of([samples.record(), samples.record("offline"), samples.unverified()])
    assert [panel.workload for panel in summary.panels] == ["image_classify", "user_model"]
    first, second = summary.panels
    assert [len(part) for part in (first.latency, first.throughput, first.quality)] == [1, 1, 1]
    assert (first.latency[0].value, first.latency[0].state) == (35.21e6, "quick")
    assert second.quality == ()
    assert summary.systems == ("AMD EPYC, onnxruntime 1.32.0",)


def test_summary_names_variants_where_there_are_several() -> None:
    other = samples.replace(samples.record(), backend="openvino")
    (panel,) = Summary.of([samples.record(), other]).panels
    assert [bar.variant for bar in panel.latency] == ["onnxruntime fp32", "openvino fp32"]
    assert len(panel.quality) == 2
    (alone,) = Summary.of([samples.record()]).panels
    assert alone.latency[0].variant == ""


def test_drawing_leaves_no_state_behind() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with style("en"):
        Summary.of([samples.record()]).draw("en")
    assert dict(mpl.rcParams) == before


def test_svg_stands_alone_and_is_the_same_each_time() -> None:
    texts = []
    for _ in range(2):
        with style("en"):
            figure = new_figure(4, 3)
            QuantileCurve.of(samples.record()).draw(figure.subplots(), "en")  # type: ignore[union-attr]
        texts.append(to_svg(figure, "en", 'a "title" <b>'))
    assert texts[0] == texts[1]
    assert "http" not in texts[0]
    assert "#0072b2" not in texts[0]
    assert "var(--series)" in texts[0]
    assert texts[0].startswith('<svg role="img" aria-label="a &quot;title&quot; &lt;b>"')


def test_without_a_chinese_font_labels_are_english(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    fonts._say_that_no_font_is_there.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert plot_language("zh") == "en"
    assert "fonts-noto-cjk" in caplog.text
    assert plot_language("en") == "en"


def test_png_is_a_picture_of_the_stated_size() -> None:
    from PIL import Image

    with style("en"):
        figure = Summary.of([samples.record(), samples.record("offline")]).draw("en")
    picture = Image.open(io.BytesIO(to_png(figure, "en")))
    assert picture.width == 1600
    assert picture.convert("L").getextrema()[1] == 255


def test_the_last_bits_of_the_layout_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    execute = ConstrainedLayoutEngine.execute

    def nudged(engine: ConstrainedLayoutEngine, figure: Figure) -> None:
        execute(engine, figure)
        for axes in figure.axes:
            axes.set_position([part + 1e-9 for part in axes.get_position(original=True).bounds])

    texts = []
    for run in (execute, nudged):
        monkeypatch.setattr(ConstrainedLayoutEngine, "execute", run)
        with style("en"):
            figure = new_figure(4, 2)
            figure.subplots(1, 2)[0].plot([0.0, 1.0], [0.0, 3.0])
        texts.append(to_svg(figure, "en", "a title"))
    assert texts[0] == texts[1]
