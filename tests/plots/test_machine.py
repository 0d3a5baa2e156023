"""Pictures of the machine: the roofline, its state over the repetitions, drift and disturbances over a run."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from bench.pages.run import build_page
from bench.plots.course import Course
from bench.plots.drawing import new_figure, style, to_png
from bench.plots.latency import QuantileCurve
from bench.plots.roofline import Roofs
from bench.plots.strip import Strip
from bench.records.energy import Energy, EnergySource
from bench.records.findings import finding
from bench.records.record import Record, Trial
from bench.records.state import Course as Readings
from bench.records.state import State
from bench.text import sentence
from tests.report import samples

from .gallery import ROOFED, trial, under_roof

replace = samples.replace


def drawn(plot: object, lang: str = "en") -> object:
    """The axes; raises for any warning."""
    with warnings.catch_warnings(), style(lang):
        warnings.simplefilter("error")
        figure = new_figure(8, 3)
        axes = plot.draw(figure.subplots(), lang)  # type: ignore[attr-defined]
        assert to_png(figure, lang).startswith(b"\x89PNG")
    return axes


def test_points_and_roofs_are_those_of_the_records() -> None:
    roofs = Roofs.of(ROOFED)
    assert roofs is not None
    assert [(point.intensity, point.ops_per_s) for point in roofs.points] == [
        (8e9 / one.roofline.bytes_per_sample, one.roofline.achieved_ops_per_s)  # type: ignore[union-attr]
        for one in ROOFED
    ]
    assert [(roof.ops_per_s, roof.bytes_per_s) for roof in roofs.roofs] == [(9.89e14, 3.35e12), (7e14, 3.35e12)]
    axes = drawn(roofs)
    roof = next(line for line in axes.lines if len(line.get_xdata()) > 10)  # type: ignore[attr-defined]
    x, y = np.array(roof.get_xdata()), np.array(roof.get_ydata())
    assert y == pytest.approx(np.minimum(989.0, 3.35 * x))  # TOP/s


def test_without_operations_there_is_no_roofline() -> None:
    assert Roofs.of([]) is None
    assert Roofs.of(samples.everything()) is None
    nothing = replace(ROOFED[0], roofline=replace(ROOFED[0].roofline, achieved_ops_per_s=0.0))
    assert Roofs.of([nothing]) is None


def test_without_peaks_or_bandwidth_points_are_drawn_all_the_same() -> None:
    bare = under_roof(samples.HOSTILE, 3e13, 2e7, peaks=False)
    flat = replace(ROOFED[0], roofline=replace(ROOFED[0].roofline, bandwidth_bytes_per_s=None))
    for records in ([bare], [flat], [bare] * 30):
        plot = Roofs.of(records)
        assert plot is not None
        drawn(plot)


def test_strips_hold_what_the_machine_told() -> None:
    (strip,) = Strip.of([trial(0), trial(1, told=False), trial(2)])
    assert strip.what == "frequency_mhz"
    first, second, _ = strip.stretches
    assert (first.least, first.most, first.before, first.after) == (2300.0, 2500.0, 2450.0, 2400.0)
    assert first.values.size == 60
    assert math.isnan(second.mean)
    assert [one.throttled for one in strip.stretches] == [False, False, True]
    axes = drawn(strip)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]  # type: ignore[attr-defined]
    assert "throttled" in [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[attr-defined]


def test_power_is_the_mean_over_the_window() -> None:
    source = EnergySource(
        source="nvml", name="card 0", scope="card", how="counter", joules=3000.0, error_j=1.0, idle_before_w=60.0
    )
    powered = replace(trial(0, told=False), energy=Energy(window_s=10.0, samples=100, sources=(source,)))
    uncovered = replace(source, joules=None)
    without = replace(trial(1, told=False), energy=Energy(window_s=10.0, samples=100, sources=(uncovered,)))
    (strip,) = Strip.of([powered, without])
    assert (strip.what, strip.source) == ("power", "card 0")
    assert (strip.stretches[0].mean, strip.stretches[0].before) == (300.0, 60.0)
    assert math.isnan(strip.stretches[0].after)
    assert math.isnan(strip.stretches[1].mean)
    drawn(strip, "zh")


def constant(value: float) -> Trial:
    """A machine whose clock never moves, in a record of before readings were kept."""
    readings = Readings(least=value, mean=value, most=value, readings=3)
    return replace(
        trial(0, told=False), state=State(before={"frequency_mhz": "odd"}, during={"frequency_mhz": readings})
    )


def test_a_machine_that_tells_nothing_or_never_changes() -> None:
    assert Strip.of([]) == ()
    assert Strip.of([samples.failed_trial(), trial(1, told=False)]) == ()
    for value in (2400.0, 0.0):
        (strip,) = Strip.of([constant(value)])
        drawn(strip)


def test_the_report_has_strips_and_roofline() -> None:
    records = [ROOFED[0], samples.record()]
    name = samples.record().measurement.name
    page = build_page(samples.run(records), records, "en", {name: [trial(0)]})
    assert page.roofline is not None
    captions = [[picture.caption for picture in part.pictures] for part in page.measurements]
    assert sum("CPU clock" in caption for caption in captions[1]) == 1
    assert not any("CPU clock" in caption for caption in captions[0])
    assert build_page(samples.run(records), [samples.record()], "en").roofline is None


def moving(change: float, scenario: str = "single_stream") -> Record:
    """Latency that rises or falls all along by so much of itself; the last window is another matter."""
    base = samples.sketch(windows=100, count=4000)
    means = (*(30e6 * (1.0 + change * i / 98.0) for i in range(99)), 1e9)
    sketch = replace(
        base,
        window_completed=(40,) * 100,
        window_min_ns=tuple(int(m) for m in means),
        window_mean_ns=means,
        window_max_ns=tuple(int(m) for m in means),
    )
    plain = samples.record()
    return replace(plain, sketch=sketch, measurement=replace(plain.measurement, scenario=scenario))


@pytest.mark.parametrize(("change", "seen"), [(0.2, True), (-0.2, True), (0.01, False), (0.0, False)])
def test_drift_is_marked_where_it_is_sure_and_large(change: float, seen: bool) -> None:
    course = Course.of(moving(change))
    assert course is not None
    assert (course.drift is not None) == seen
    if course.drift is not None:
        # Means of the first and last nine of 99 windows.
        first, last = 1.0 + change * 4 / 98, 1.0 + change * 94 / 98
        assert course.drift == pytest.approx(last / first - 1.0)
        labels = [text.get_text() for text in drawn(course).get_legend().get_texts()]  # type: ignore[attr-defined]
        assert any(f"drift {100 * course.drift:+.1f} %" in label for label in labels)


def test_a_queue_has_no_drift_and_a_disturbance_has_a_word() -> None:
    busy = replace(moving(0.2, "server"), findings=(finding("throttled", "standard", 3, 0, "card"),))
    course = Course.of(busy)
    assert course is not None
    assert course.drift is None
    assert course.disturbed == ("throttled",)
    assert sentence("en", "finding.throttled.title") in drawn(course).get_title("left")  # type: ignore[attr-defined]


def test_throttling_is_drawn_where_its_moments_are_known() -> None:
    found = (finding("throttled", "standard", 3, 0, "card"), finding("host-busy", "standard", 0.2, 0.1))
    slowed = replace(moving(0.0), findings=found, slowed_s=((0.25, 0.5), (0.75, 1.0)))
    course = Course.of(slowed)
    assert course is not None
    assert course.disturbed == ("host-busy",)
    axes = drawn(course)
    spans = [patch.get_window_extent().transformed(axes.transData.inverted()) for patch in axes.patches]  # type: ignore[attr-defined]
    assert [(span.x0, span.x1) for span in spans] == [pytest.approx(pair) for pair in course.slowed_s]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[attr-defined]
    assert labels.count(sentence("en", "finding.throttled.title")) == 1


@pytest.mark.parametrize("bound_ms", [1, 33, 10_000])
def test_the_bound_is_in_the_picture(bound_ms: int) -> None:
    plain = samples.record()
    record = replace(plain, measurement=replace(plain.measurement, latency_bound_ns=bound_ms * 1_000_000))
    for plot in (QuantileCurve.of(record), Course.of(record)):
        assert plot is not None
        assert plot.bound_ns == bound_ms * 1e6
        axes = drawn(plot)
        low, high = axes.get_ylim()  # type: ignore[attr-defined]
        heights = [float(line.get_ydata()[0]) for line in axes.lines if line.get_linestyle() == "--"]  # type: ignore[attr-defined]
        assert len(heights) == 1
        assert low < heights[0] < high
