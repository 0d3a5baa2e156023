"""Everything that the page of a run shows, as plain values of text and drawings, before any HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from bench.plots.channels import SearchCourse
from bench.plots.course import Course
from bench.plots.drawing import new_figure, style, to_png, to_svg
from bench.plots.fonts import plot_language
from bench.plots.latency import QuantileCurve
from bench.plots.ramp import RampCurve
from bench.plots.roc import RocCurve
from bench.plots.roofline import Roofs
from bench.plots.stress import StressCurves
from bench.plots.strip import Strip
from bench.plots.summary import Summary
from bench.records.metrics import METRICS
from bench.records.record import Record, Run, Trial
from bench.report.collected import Collected, collected
from bench.report.details import (
    Section,
    host_section,
    quality_section,
    record_hashes,
    record_setup,
    record_status,
    run_section,
    system_section,
    version_section,
)
from bench.report.energy import energy_section
from bench.report.hardware import hardware_section
from bench.report.loadgen import loadgen_section
from bench.report.mlperf import mlperf_section
from bench.report.robustness import StressTable, stress_table
from bench.report.roofline import roofline_section
from bench.report.rows import Row, row
from bench.report.serving import serving_section
from bench.report.tuning import tuning_section
from bench.text import sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """An SVG element made here, and what it shows, in words."""

    caption: str
    svg: str


class MeasurementPart(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement in all detail."""

    row: Row
    sections: tuple[Section, ...]
    pictures: tuple[Picture, ...]
    robustness: StressTable | None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report; `notices` stand above everything else, `metrics` are names with definitions."""

    lang: str
    run_id: str
    suite_version: str
    notices: tuple[str, ...]
    setting: tuple[Section, ...]
    summary: Picture | None
    roofline: Picture | None
    rows: tuple[Row, ...]
    definitions: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]
    findings: tuple[Collected, ...]
    measurements: tuple[MeasurementPart, ...]
    plan: str


def build_page(
    run: Run, records: Sequence[Record], lang: str, trials: Mapping[str, Sequence[Trial]] | None = None
) -> Page:
    """The page of a run from its records, in the order given; `trials` are the repetitions by measurement's name."""
    shown = tuple(row(record, lang) for record in records)
    kept = trials or {}
    parts = tuple(
        _part(record, entry, kept.get(record.measurement.name, ()), lang)
        for record, entry in zip(records, shown, strict=True)
    )
    return Page(
        lang=lang,
        run_id=run.run_id,
        suite_version=run.suite_version,
        notices=_notices(run, records, shown, lang),
        setting=(
            system_section(records, lang),
            host_section(run, lang),
            *_told(hardware_section(run.hardware, lang)),
            run_section(run, lang),
            version_section(run, lang),
        ),
        summary=_summary(records, lang) if records else None,
        roofline=_roofline(records, lang),
        rows=shown,
        definitions=definitions(records, lang),
        metrics=metric_definitions(shown),
        findings=tuple(collected([(entry.name, entry.findings) for entry in shown], lang)),
        measurements=parts,
        plan=msgspec.json.format(msgspec.json.encode(run.plan), indent=2).decode(),
    )


def _told(section: Section) -> tuple[Section, ...]:
    """A section where it says anything."""
    return (section,) if section.lines else ()


def summary_png(records: Sequence[Record], lang: str) -> bytes:
    """The picture of the whole run, for a README."""
    drawn = plot_language(lang)
    with style(drawn):
        figure = Summary.of(records).draw(drawn)
    return to_png(figure, drawn)


def metric_definitions(shown: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    """Names and definitions of all metrics in these rows, in the order of the registry."""
    found = {figure.metric: figure for entry in shown for figure in entry.figures}
    return tuple((found[metric].name, found[metric].definition) for metric in METRICS if metric in found)


def measurement_sections(record: Record, shown: Row, lang: str) -> tuple[Section, ...]:
    """The smaller facts of one record, shown as `shown`, as far as there are any."""
    sections = (
        record_status(record, shown.state, lang),
        quality_section(record.quality, lang),
        record_setup(record, lang),
        serving_section(record, lang),
        energy_section(record.energy, lang),
        roofline_section(record.roofline, lang),
        tuning_section(record, lang),
        mlperf_section(record.mlperf, lang),
        loadgen_section(record.loadgen, lang),
        record_hashes(record, lang),
    )
    return tuple(entry for entry in sections if entry.lines)


def _part(record: Record, shown: Row, trials: Sequence[Trial], lang: str) -> MeasurementPart:
    return MeasurementPart(
        row=shown,
        sections=measurement_sections(record, shown, lang),
        pictures=(*_pictures(record, lang), *_strips(record, trials, lang)),
        robustness=stress_table(record.robustness, lang),
    )


def _summary(records: Sequence[Record], lang: str) -> Picture:
    drawn, caption = plot_language(lang), sentence(lang, "report.figure_summary")
    with style(drawn):
        figure = Summary.of(records).draw(drawn)
    return Picture(caption=caption, svg=to_svg(figure, drawn, caption))


def _roofline(records: Sequence[Record], lang: str) -> Picture | None:
    """All measurements under their roof; None where no peak of the device is known."""
    roofs, drawn = Roofs.of(records), plot_language(lang)
    if roofs is None or not roofs.roofs:
        return None
    with style(drawn):
        figure = new_figure(9.0, 3.4)
        roofs.draw(figure.subplots(), drawn)
    caption = sentence(lang, "report.figure_roofline")
    return Picture(caption=caption, svg=to_svg(figure, drawn, caption))


def _strips(record: Record, trials: Sequence[Trial], lang: str) -> tuple[Picture, ...]:
    """The machine over the repetitions: a strip for each figure that it told."""
    drawn, pictures = plot_language(lang), []
    for strip in Strip.of(trials):
        with style(drawn):
            figure = new_figure(5.2, 1.7)
            strip.draw(figure.subplots(), drawn)
        caption = sentence(lang, "report.figure_state", what=strip.title(lang), measurement=record.measurement.name)
        pictures.append(Picture(caption=caption, svg=to_svg(figure, drawn, caption)))
    return tuple(pictures)


def _pictures(record: Record, lang: str) -> tuple[Picture, ...]:
    drawn, pictures = plot_language(lang), []
    for key, draw in _plots(record):
        with style(drawn):
            figure = new_figure(5.2, 2.9)
            draw(figure.subplots(), drawn)
        caption = sentence(lang, f"report.{key}", measurement=record.measurement.name)
        pictures.append(Picture(caption=caption, svg=to_svg(figure, drawn, caption)))
    return tuple(pictures)


def _plots(record: Record) -> list[tuple[str, Callable[[Axes, str], Axes]]]:
    """What can be drawn of a record, each with the key of its caption."""
    quantiles, course, ramp = QuantileCurve.of(record), Course.of(record), RampCurve.of(record)
    stress, search = StressCurves.of(record), SearchCourse.of(record)
    plots: list[tuple[str, Callable[[Axes, str], Axes]]] = []
    if ramp is not None:
        plots += [("figure_ramp_rates", ramp.draw_rates), ("figure_ramp_latency", ramp.draw_latency)]
    if search is not None:
        plots.append(("figure_search", search.draw))
    if quantiles is not None:
        plots.append(("figure_quantiles", quantiles.draw))
    if course is not None:
        plots.append(("figure_course", course.draw))
    roc = RocCurve.of(record)
    if roc is not None:
        plots.append(("figure_roc", roc.draw))
    if stress is not None:
        plots.append(("figure_robustness", stress.draw))
    return plots


def _notices(run: Run, records: Sequence[Record], shown: Sequence[Row], lang: str) -> tuple[str, ...]:
    notices = []
    if run.status == "partial" or any(record.status == "partial" for record in records):
        note = sentence(lang, "state_note.partial", run_id=run.run_id)
        notices.append(f"{sentence(lang, 'report.partial')} {note}")
    void = sum(entry.state == "invalid" for entry in shown)
    if void:
        notices.append(sentence(lang, "report.invalid", count=void, total=len(shown)))
    if run.plan.mode == "quick":
        notices.append(sentence(lang, "mode_note.quick"))
    return tuple(notices)


def definitions(records: Sequence[Record], lang: str) -> tuple[str, ...]:
    """The definitions that the numbers of these records rest on, and no others."""
    keys = [f"region.{region}" for region in dict.fromkeys(record.timed_region for record in records)]
    metrics = {metric for record in records for metric in record.metrics}
    if any(metric.startswith("latency") for metric in metrics):
        keys += ["definition.latency", "definition.percentile"]
    if "samples_per_s" in metrics:
        keys.append("definition.throughput")
    keys += [f"definition.interval_{mode}" for mode in dict.fromkeys(record.mode for record in records)]
    keys += ["definition.quality", "definition.validity"]
    if any(record.attestation == "self" for record in records):
        keys.append("definition.origin")
    return tuple(sentence(lang, key) for key in keys)
