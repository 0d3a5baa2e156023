"""Several systems in one picture: figures with intervals, curves, ramps; what is void or missing; what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bench.plots.compared import Compared
from bench.plots.drawing import new_figure, style, to_png
from bench.plots.latency import QuantileCurves
from bench.plots.palette import Palette
from bench.plots.ramp import RampCurves
from bench.plots.systems import system_names
from bench.records.record import Record
from tests.report import samples

from .gallery import mixed, of_system, ramps
from .test_ramp import STEPS, ramp


def test_the_best_is_on_top_then_what_is_void_then_what_is_missing() -> None:
    found = Compared.of(mixed(), names=["d", "c", "b", "a"])
    assert found is not None
    assert [figure.system for figure in found.figures] == ["d", "b", "c", "a"]
    assert [figure.state for figure in found.figures] == ["quick", "partial", "invalid", "invalid"]
    assert found.figures[0].value == 35.21e6
    assert found.figures[0].interval == samples.record().metrics["latency_p90_ns"].interval
    assert found.figures[3].value is None


def texts(records: list[Record]) -> list[str]:
    plot = Compared.of(records, names=[str(place) for place in range(len(records))])
    assert plot is not None
    with style("en"):
        return [text.get_text() for text in plot.draw(new_figure(8, 3).subplots(), "en").texts]


def test_what_is_not_alike_or_not_verified_is_said() -> None:
    plain, other = of_system(0), of_system(1)
    assert texts([plain, other])[0] == "35.2 ms [34.8, 35.6]"
    unlike = samples.replace(other, mode="standard", suite_version="9.9")
    assert [text.split("]")[1] for text in texts([plain, unlike])] == ["  quick  suite 0.1.0", "  standard  suite 9.9"]
    assert texts([samples.replace(plain, quality=None)])[0].endswith("]  not verified")


def test_more_is_better_where_the_metric_says_so() -> None:
    offline = samples.record("offline")
    found = Compared.of([of_system(i, offline) for i in range(3)], names=["a", "b", "c"])
    assert found is not None
    assert [figure.system for figure in found.figures] == ["c", "b", "a"]


def test_a_bound_of_mlperf_is_no_interval() -> None:
    found = Compared.of([of_system(0)], "latency_p90_early_stopping_ns")
    assert found is not None
    assert found.figures[0].value == 36e6
    assert found.figures[0].interval is None


def test_without_a_figure_there_is_no_picture() -> None:
    assert Compared.of([]) is None
    assert Compared.of([samples.failed()]) is None
    assert Compared.of([samples.record()], "channels") is None
    assert QuantileCurves.of([samples.record("offline")]) is None
    assert RampCurves.of([samples.record()]) is None


@pytest.mark.parametrize("of", [Compared.of, QuantileCurves.of, RampCurves.of])
def test_unlike_measurements_are_never_drawn_together(of: object) -> None:
    with pytest.raises(ValueError, match="one workload, scenario and timed region"):
        of([samples.record(), samples.record("offline")])  # type: ignore[operator]
    with pytest.raises(ValueError, match="one workload, scenario and timed region"):
        of([samples.record(), samples.replace(samples.record(), timed_region="end_to_end")])  # type: ignore[operator]


def test_names_must_be_as_many_and_different() -> None:
    for names in (["a"], ["a", "a"]):
        with pytest.raises(ValueError, match="different names"):
            Compared.of([of_system(0), of_system(1)], names=names)


def test_systems_are_named_until_they_differ() -> None:
    same, other = of_system(0), of_system(1)
    assert system_names([same, other]) == [
        "NVIDIA H100 80GB HBM3, onnxruntime 1.32.0",
        "Ascend 910B, onnxruntime 1.32.0",
    ]
    assert same.facts is not None
    half = samples.replace(same, facts=samples.replace(same.facts, precision_executed="fp16"))
    assert [name.rsplit(", ", 1)[1] for name in system_names([same, half])] == ["fp32", "fp16"]
    again = samples.replace(same, run_id="20260102T000000Z-beef")
    assert [name.rsplit(", ", 1)[1] for name in system_names([same, again])] == [same.run_id, again.run_id]
    assert len(set(system_names([same, same, same]))) == 3


def test_the_tail_is_drawn_to_the_slowest_query() -> None:
    record = of_system(0)
    found = QuantileCurves.of([record, of_system(1)])
    assert found is not None
    assert record.sketch is not None
    for place, curve in enumerate(found.curves):
        slowest = of_system(place).sketch.values[-1]  # type: ignore[union-attr]
        assert curve.latency_ns[-1] == slowest
        assert curve.beyond[-1] == pytest.approx(1 / record.sketch.count)


def test_ramps_take_the_percentile_that_all_have() -> None:
    found = RampCurves.of(ramps())
    assert found is not None
    assert (found.percentile, found.bounds_ns) == ("p99", (30e6,))
    short = ramp([(o, c, g, p50, None) for o, c, g, p50, _ in STEPS])
    found = RampCurves.of([ramps()[0], short])
    assert found is not None
    assert found.percentile == "p50"


@pytest.mark.parametrize(
    "records",
    [
        [of_system(0)],
        [of_system(1, samples.hostile())],
        [of_system(0, speed=1e-6), of_system(1, speed=1e3)],
        [samples.replace(of_system(0), metrics={"latency_p90_ns": samples.measured(0.0)})],
        [samples.invalid()],
    ],
    ids=["one", "hostile", "nine decades", "zero", "void"],
)
def test_whatever_the_figures_are_they_can_be_drawn(records: list[Record]) -> None:
    with warnings.catch_warnings(), style("en"):
        warnings.simplefilter("error")
        for plot in (Compared.of(records, "latency_p90_ns"), QuantileCurves.of(records)):
            assert plot is not None
            figure = new_figure(8, 3)
            plot.draw(figure.subplots(), "en")
            assert to_png(figure, "en").startswith(b"\x89PNG")


def test_a_palette_of_the_whole_report_keeps_a_system_in_its_look() -> None:
    whole = Palette.of(["a", "b", "c"])
    colours = []
    for names in (["a", "b", "c"], ["c"]):
        plot = QuantileCurves.of([of_system(i) for i in range(len(names))], names)
        assert plot is not None
        with style("en"):
            axes = plot.draw(new_figure(8, 3).subplots(), "en", whole)
        colours.append(axes.lines[len(names) - 1].get_color())
    assert colours == [whole["c"].colour] * 2


def test_dots_stand_where_the_figures_are() -> None:
    plot = Compared.of([of_system(0), of_system(1)], names=["a", "b"])
    assert plot is not None
    with style("en"):
        axes = plot.draw(new_figure(8, 3).subplots(), "en")
    dots = [
        (float(np.ravel(line.get_xdata())[0]), line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1
    ]  # type: ignore[arg-type, index]
    assert dots == [(pytest.approx(35.21), 0), (pytest.approx(35.21 * 1.17), 1)]
