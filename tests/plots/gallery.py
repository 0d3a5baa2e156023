"""Every plot once, of made-up records: what the tests of layout and of pictures draw. Nothing here was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.plots.budget import Budget
from bench.plots.channels import SearchCourse
from bench.plots.compared import Compared
from bench.plots.course import Course
from bench.plots.drawing import new_figure
from bench.plots.forest import Forest
from bench.plots.latency import QuantileCurve, QuantileCurves
from bench.plots.pareto import Pareto
from bench.plots.places import Places
from bench.plots.ramp import RampCurve, RampCurves
from bench.plots.roofline import Roofs
from bench.plots.strip import Strip
from bench.procurement.listing import listing
from bench.records.findings import finding
from bench.records.listing import Listing
from bench.records.numbers import Measured
from bench.records.record import Record, Trial
from bench.records.roofline import Roofline, Utilisation
from bench.records.search import Attempt, Search, SearchTrial
from bench.records.state import Course as Readings
from bench.records.state import State
from tests.procurement import made
from tests.report import samples

from .test_ramp import STEPS, ramp

# The last one needs a Chinese font: no picture that is kept may have it.
TITLES = ("NVIDIA H100 80GB HBM3", "Ascend 910B", "AMD EPYC 9654 96-Core Processor", "Kunlun R200", "寒武纪 MLU370")
replace = msgspec.structs.replace


@dataclass(frozen=True)
class Shown:
    """A plot, and the size in inches it is meant for."""

    width: float
    height: float
    draw: Callable[[Axes, str], Axes]

    def figure(self, lang: str) -> Figure:
        """Drawn, inside `style`."""
        figure = new_figure(self.width, self.height)
        self.draw(figure.subplots(), lang)
        return figure


def of_system(place: int, base: Record | None = None, speed: float | None = None) -> Record:
    """A record of another system, `speed` times as slow."""
    record = base or samples.record()
    factor = speed if speed is not None else 1.0 + 0.17 * place
    assert record.device is not None
    assert record.sketch is not None
    title = TITLES[place % len(TITLES)] + (f" #{place}" if place >= len(TITLES) else "")
    sketch = replace(
        record.sketch,
        values=tuple(None if value is None else int(value * factor) for value in record.sketch.values),
    )
    metrics = {name: _scaled(figure, factor) for name, figure in record.metrics.items()}
    return replace(record, device=replace(record.device, title=title), sketch=sketch, metrics=metrics)


def _scaled(figure: Measured, factor: float) -> Measured:
    if figure.value is None or figure.interval is None:
        return figure
    low, high = figure.interval.low * factor, figure.interval.high * factor
    return replace(figure, value=figure.value * factor, interval=replace(figure.interval, low=low, high=high))


def searched(streams: bool = True) -> Record:
    """A search for cameras at 25 frames per second each, or for a rate."""
    plain = samples.record()
    measurement = replace(
        plain.measurement,
        scenario="streams" if streams else "server",
        latency_bound_ns=100_000_000,
        frames_per_s=25.0 if streams else None,
    )
    tried = (("late", 35), ("held", 17), ("held", 24), ("grew", 34), ("held", 32))
    per = 25.0 if streams else 1.0
    trials = tuple(
        SearchTrial(rate_per_s=per * n, queries=100, late=0, seconds=1.0, outcome=outcome)  # type: ignore[arg-type]
        for outcome, n in tried
    )
    return replace(
        plain,
        measurement=measurement,
        primary="channels" if streams else "rate_held_per_s",
        metrics={"channels": Measured(value=32.0)} if streams else {"rate_held_per_s": Measured(value=31.5)},
        search=Search(
            offline_per_s=40 * per, trials=trials, passing_per_s=32 * per, failing_per_s=34 * per, seconds=9.0
        ),
        attempts=(
            Attempt(rate_per_s=33 * per, late_shares=(0.02,), upper_share=0.03, held=False),
            Attempt(rate_per_s=32 * per, late_shares=(0.0, 0.0), upper_share=0.004, held=True),
        ),
    )


def under_roof(workload: str, achieved: float, moved: float, peaks: bool = True) -> Record:
    """A measurement of 8 GOP a sample on a device of two peaks, or of none."""
    found = (
        Utilisation(ops_per_s=9.89e14, source="NVIDIA H100 data sheet, dense", share=achieved / 9.89e14),
        Utilisation(ops_per_s=7.0e14, source="measured by bench 0.1.0", share=achieved / 7.0e14),
    )
    return replace(
        samples.record("offline", workload=workload),
        roofline=Roofline(
            ops_per_sample=8_000_000_000,
            bytes_per_sample=moved,
            achieved_ops_per_s=achieved,
            peaks=found if peaks else (),
            bandwidth_bytes_per_s=3.35e12 if peaks else None,
        ),
    )


ROOFED = [
    under_roof("image_classify", 3.0e13, 2e7),
    under_roof("object_detect", 3.1e13, 2.02e7),
    under_roof("speech_command", 6e12, 6e8),
]


def list_of(speeds: tuple[float, ...] = (1.0, 1.3, 1.31, 2.0, 0.7, 0.71, 0.72)) -> Listing:
    """A list of systems so many times as fast as the reference."""
    found = [made.candidate(i + 1, made.drawn(i, speed=speed)) for i, speed in enumerate(speeds)]
    return listing(made.policy(), "0" * 64, found, made.DAY, {})


def trial(index: int, told: bool = True) -> Trial:
    """A repetition on a machine that tells its clock; in the third it was throttled."""
    values = 2400.0 + 40.0 * np.sin(np.arange(60) / 5.0 + index)
    clock = Readings(least=2300.0, mean=float(values.mean()), most=2500.0, readings=600, values=tuple(values.tolist()))
    state = State(before={"frequency_mhz": 2450.0}, after={"frequency_mhz": 2400.0}, during={"frequency_mhz": clock})
    found = (finding("throttled", "standard", 3, 0, "processor"),) if index == 2 else ()
    return Trial(index=index, status="complete", started_at="x", seed=1, state=state if told else None, findings=found)


def ramps() -> list[Record]:
    """Three systems."""
    made_up = []
    for place, speed in enumerate((1.0, 1.6, 0.7)):
        steps = [(o * speed, c * speed, g * speed, p50, p99) for o, c, g, p50, p99 in STEPS]
        record = of_system(place)
        made_up.append(replace(ramp(steps, 500.0 * speed), device=record.device))
    return made_up


def mixed() -> list[Record]:
    """A good, a void, a partial record and one without figures, all of one measurement."""
    measurement = samples.record().measurement
    nothing = replace(samples.failed(), measurement=measurement, primary="latency_p90_ns")
    unfinished = replace(of_system(3), status="partial")
    return [of_system(0), of_system(1, samples.invalid()), unfinished, nothing]


def pareto_systems() -> dict[str, list[Record]]:
    """Four systems, of which one is worse than another in everything."""
    offline = samples.record("offline")
    return {
        title: [of_system(0, speed=slow), of_system(0, offline, speed=fast)]
        for title, slow, fast in zip(TITLES, (1.0, 0.5, 1.5, 2.0), (2.0, 1.0, 1.0, 4.0), strict=False)
    }


def everything() -> dict[str, Shown]:
    """By name, in the size that the report or a page of a list has."""
    several, twenty = [of_system(i) for i in range(3)], [of_system(i) for i in range(20)]
    bounded = replace(samples.record(), measurement=replace(samples.record().measurement, latency_bound_ns=60_000_000))
    throttled = finding("throttled", "standard", 3, 0, "processor")
    disturbed = replace(samples.record(), findings=(throttled,), slowed_s=((0.6, 1.4), (2.2, 2.5)))
    ranked, curve = list_of(), RampCurve.of(ramp(STEPS))
    assert curve is not None
    shown = {
        "latency": (5.2, 2.9, QuantileCurve.of(bounded)),
        "latency-of-3": (8.0, 3.4, QuantileCurves.of(several)),
        "latency-of-20": (9.0, 5.0, QuantileCurves.of(twenty)),
        "course": (5.2, 2.9, Course.of(disturbed)),
        "rate": (5.2, 2.9, Course.of(samples.record("offline"))),
        "ramps": (8.0, 3.4, RampCurves.of(ramps())),
        "cameras": (5.2, 2.9, SearchCourse.of(searched())),
        "search": (5.2, 2.9, SearchCourse.of(searched(streams=False))),
        "compared": (8.0, 2.6, Compared.of(mixed())),
        "compared-of-20": (9.0, 8.3, Compared.of(twenty)),
        "forest": (8.0, 2.2, Forest.of_row(ranked.rows[1], "constants")),
        "forest-of-7": (8.0, 3.6, Forest.of_rows(ranked.rows, TITLES_OF_7, "constants")),
        "roofline": (8.0, 3.4, Roofs.of(ROOFED)),
        "bare-roofline": (8.0, 3.4, Roofs.of([under_roof("image_classify", 3e13, 2e7, peaks=False)])),
        "places": (8.0, 3.2, Places.of(ranked)),
        "budget": (6.0, 3.8, Budget.of(ranked.rows[1])),
        "front": (8.0, 3.4, Pareto.of(pareto_systems(), "image_classify")),
        "front-of-list": (8.0, 3.4, Pareto.of_listing(ranked)),
        "state": (6.0, 1.9, Strip.of([trial(index) for index in range(5)])[0]),
    }
    plots = {name: Shown(width, height, plot.draw) for name, (width, height, plot) in shown.items()}  # type: ignore[union-attr]
    places = Places.of(ranked)
    assert places is not None
    plots["pairs"] = Shown(8.0, 3.4, places.draw_pairs)
    plots["ramp-rates"] = Shown(5.2, 2.9, curve.draw_rates)
    plots["ramp-latency"] = Shown(5.2, 2.9, curve.draw_latency)
    return plots


TITLES_OF_7 = [f"{number} system" for number in range(1, 8)]
