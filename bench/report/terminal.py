"""Records in a terminal: one table, then its findings in words; and the details of one run, record or repetition.

Colour only repeats what words say, so that a pipe or NO_COLOR loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.records.record import Record, Run, Trial
from bench.report.collected import Collected, Seen, collected
from bench.report.columns import measurement_table
from bench.report.details import (
    Section,
    host_section,
    quality_section,
    record_hashes,
    record_setup,
    record_status,
    run_section,
    system_section,
    trial_section,
    version_section,
)
from bench.report.energy import energy_section
from bench.report.hardware import hardware_section
from bench.report.loadgen import loadgen_section
from bench.report.mlperf import mlperf_section
from bench.report.robustness import StressTable, stress_table, terminal_table
from bench.report.roofline import roofline_section
from bench.report.rows import FigureRow, figure_rows, finding_rows, row, rows
from bench.report.serving import serving_section
from bench.report.state import state_section
from bench.report.styles import MARK, SEVERITY_STYLE, table
from bench.report.tuning import tuning_section
from bench.text import printable, sentence


def print_table(console: Console, records: list[Record], lang: str) -> None:
    """One table over all records, and below it each finding once, with the measurements it concerns."""
    if not records:
        console.print(Text(sentence(lang, "table.no_records")))
        return
    shown = rows(records, lang)
    console.print(measurement_table(shown, lang, console.width))
    for record in records:
        _print_stress(console, stress_table(record.robustness, lang), lang, record.measurement.name)
    _print_findings(console, collected([(entry.name, entry.findings) for entry in shown], lang), lang)
    if any(record.mode == "quick" for record in records):
        console.print(Text(sentence(lang, "mode_note.quick"), style="italic"))


def print_run(console: Console, run: Run, records: list[Record], lang: str) -> None:
    """What a run was and where, and its table."""
    _print_section(console, run_section(run, lang))
    _print_section(console, system_section(records, lang))
    _print_section(console, host_section(run, lang))
    _print_section(console, hardware_section(run.hardware, lang))
    _print_section(console, version_section(run, lang))
    if run.status == "partial":
        note = sentence(lang, "state_note.partial", run_id=run.run_id)
        console.print(Text(f"{sentence(lang, 'report.partial')} {note}", style="bold"))
    print_table(console, records, lang)


def print_record(console: Console, record: Record, lang: str) -> None:
    """Everything that a record says about one measurement."""
    shown = row(record, lang)
    console.print(Text(shown.name, style="bold"))
    console.print(measurement_table([shown], lang, console.width))
    _print_section(console, record_status(record, shown.state, lang))
    _print_figures(console, shown.figures, lang)
    _print_section(console, quality_section(record.quality, lang))
    _print_stress(console, stress_table(record.robustness, lang), lang)
    _print_section(console, record_setup(record, lang))
    _print_section(console, serving_section(record, lang))
    _print_section(console, energy_section(record.energy, lang))
    _print_section(console, roofline_section(record.roofline, lang))
    _print_section(console, tuning_section(record, lang))
    _print_section(console, mlperf_section(record.mlperf, lang))
    _print_section(console, loadgen_section(record.loadgen, lang))
    _print_section(console, record_hashes(record, lang))
    _print_findings(console, collected([(shown.name, shown.findings)], lang), lang)


def print_trial(console: Console, trial: Trial, lang: str) -> None:
    """One repetition: how it went, its figures, its quality where it was checked, its findings."""
    _print_section(console, trial_section(trial, lang))
    _print_section(console, energy_section(trial.energy, lang))
    _print_section(console, state_section(trial.state, lang))
    _print_section(console, loadgen_section(trial.report.loadgen if trial.report else None, lang))
    if trial.metrics:
        _print_figures(console, figure_rows(trial.metrics, "", 1, lang), lang)
    if trial.quality is not None:
        _print_section(console, quality_section(trial.quality, lang))
    _print_stress(console, stress_table(trial.robustness, lang), lang)
    _print_findings(console, collected([("", finding_rows(trial.findings, lang))], lang), lang)


def _print_section(console: Console, section: Section) -> None:
    if not section.lines:
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", max_width=max(20, console.width // 3))
    grid.add_column(overflow="fold")
    for label, value in section.lines:
        grid.add_row(Text(label), Text(value))
    console.print(Text(section.title, style="bold"))
    console.print(Padding.indent(grid, 2))
    console.print()


def _print_stress(console: Console, shown: StressTable | None, lang: str, measurement: str = "") -> None:
    if shown is None:
        return
    whose = printable(measurement)
    title = sentence(lang, "phrase.labelled", label=shown.title, text=whose) if whose else shown.title
    console.print(Text(title, style="bold"))
    console.print(Text(shown.clean))
    console.print(terminal_table(shown, lang, console.width))
    console.print(Text(shown.note, style="dim"))
    console.print()


def _print_figures(console: Console, figures: Sequence[FigureRow], lang: str) -> None:
    shown = table(lang, "metric", "value", "interval")
    shown.show_lines = False
    for figure in figures:
        value = f"{figure.value} {figure.interval}".strip()
        shown.add_row(Text(figure.name), Text(value), Text(figure.kind))
    console.print(Text(sentence(lang, "detail.metrics"), style="bold"))
    console.print(shown)


def _print_findings(console: Console, found: Sequence[Collected], lang: str) -> None:
    if not found:
        return
    console.print(Text(sentence(lang, "table.findings_title"), style="bold"))
    for entry in found:
        head = sentence(lang, "phrase.finding", severity=entry.severity_text, title=entry.title, code=entry.code)
        console.print(Text(f"{MARK[entry.severity]} {head}", style=SEVERITY_STYLE[entry.severity]))
        lines = [_concerns(seen, lang) for seen in entry.seen]
        lines += [
            sentence(lang, "phrase.labelled", label=sentence(lang, f"table.{label}"), text=text)
            for label, text in (("why", entry.why), ("next", entry.next))
        ]
        for line in lines:
            console.print(Padding.indent(Text(line), 2))
        console.print()


def _concerns(seen: Seen, lang: str) -> str:
    if not seen.measurements:
        return seen.text
    names = sentence(lang, "phrase.list").join(seen.measurements)
    return sentence(lang, "phrase.concerns", text=seen.text, measurements=names)
