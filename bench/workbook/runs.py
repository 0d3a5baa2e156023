"""Kept runs as a workbook: what was measured, every figure unrounded, what was found, and on which machine."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence

from bench.comparing.kept import Kept
from bench.records.metrics import METRICS
from bench.records.numbers import Measured
from bench.records.record import Record
from bench.report.details import host_section, run_section, system_section, version_section
from bench.report.hardware import hardware_section
from bench.report.rows import executed_precision, finding_rows, kind_text, record_state, repetitions
from bench.text import name, sentence
from bench.text.tabular import Cell
from bench.workbook.definitions import definition_sheet, metric_name
from bench.workbook.sheets import Column, Kind, Sheet
from bench.workbook.writing import workbook

_Head = Callable[..., Column]
_EPOCH = datetime.datetime(1980, 1, 1)
_DIGITS = 9


def runs_workbook(kept: Sequence[Kept], lang: str) -> bytes:
    """All records in one workbook. The same records give the same bytes, whenever they are made."""
    metrics = [metric for metric in METRICS if any(metric in entry.record.metrics for entry in kept)]
    runs = list(dict.fromkeys(map(run_id, kept)))
    started = [entry.run.started_at for entry in kept if entry.run is not None]
    title = sentence(lang, "workbook.runs", runs=", ".join(runs[:3]) + (" …" if len(runs) > 3 else ""))
    sheets = (
        _summary(kept, lang),
        _figures(kept, lang),
        _repetitions(kept, lang),
        _setup(kept, lang),
        _findings(kept, lang),
        _environment(kept, lang),
        definition_sheet(metrics, ("interval", "state"), lang),
    )
    return workbook(sheets, title, _time(max(started, default="")) or _EPOCH, lang)


def _heads(lang: str) -> _Head:
    def head(key: str, kind: Kind = "text", digits: int = _DIGITS) -> Column:
        return Column(sentence(lang, f"column.{key}"), kind, digits)

    return head


def _time(text: str) -> datetime.datetime | None:
    """A time of a record in UTC; None where it is none."""
    try:
        read = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return read.astimezone(datetime.UTC).replace(tzinfo=None) if read.tzinfo else read


def run_id(entry: Kept) -> str:
    """The run that a record is of, by the run itself where it is there."""
    return entry.run.run_id if entry.run is not None else entry.record.run_id


def _about(entry: Kept) -> tuple[Cell, ...]:
    return (run_id(entry), entry.name)


def _summary(kept: Sequence[Kept], lang: str) -> Sheet:
    head = _heads(lang)
    columns = (
        *(head("run_id"), head("measurement"), head("state"), head("metric"), head("unit"), head("value", "value")),
        *(head("low", "value"), head("high", "value"), head("interval_kind"), head("quality")),
        *(head("quality_value", "share"), head("quality_target", "share"), head("quality_state")),
        *(head("repetitions", "count"), head("errors", "count"), head("warnings", "count")),
    )
    rows = [_summary_row(entry, lang) for entry in kept]
    return Sheet(sentence(lang, "workbook.sheet_summary"), columns, rows, fixed=2)


def _summary_row(entry: Kept, lang: str) -> tuple[Cell, ...]:
    record, quality = entry.record, entry.record.quality
    graded = [finding.severity for finding in record.findings]
    passed = quality.passed if quality is not None else None
    verdict = "unverified" if passed is None else "passed" if passed else "failed"
    return (
        *_about(entry),
        name(lang, "state", record_state(record)),
        metric_name(record.primary, lang),
        *_figure(record.primary, record.metrics.get(record.primary, Measured()), record, lang),
        name(lang, "quality", quality.metric) if quality is not None else None,
        quality.value if quality is not None else None,
        quality.target if quality is not None else None,
        name(lang, "quality_state", verdict),
        *(len(record.trials), graded.count("error"), graded.count("warning")),
    )


def _setup(kept: Sequence[Kept], lang: str) -> Sheet:
    head = _heads(lang)
    columns = (
        *(head("run_id"), head("measurement"), head("started_at", "time"), head("workload"), head("scenario")),
        *(head("precision"), head("mode"), head("backend"), head("device"), head("batch", "count")),
        *(head("workers", "count"), head("threads", "count")),
    )
    rows = [_setup_row(entry, lang) for entry in kept]
    return Sheet(sentence(lang, "workbook.sheet_setup"), columns, rows, fixed=2)


def _setup_row(entry: Kept, lang: str) -> tuple[Cell, ...]:
    record, asked = entry.record, entry.record.measurement
    return (
        *_about(entry),
        _time(entry.run.started_at) if entry.run is not None else None,
        asked.workload,
        name(lang, "scenario", asked.scenario),
        executed_precision(record),
        name(lang, "mode", record.mode),
        record.backend,
        record.device.address if record.device is not None else None,
        *(asked.batch, asked.workers, asked.threads),
    )


def _figure(metric: str, figure: Measured, record: Record, lang: str) -> tuple[Cell, ...]:
    """Unit, value, both ends, and what kind of interval it is or why there is none."""
    ends = (figure.interval.low, figure.interval.high) if figure.interval is not None else (None, None)
    unit = METRICS[metric].unit if metric in METRICS else None
    return (unit, figure.value, *ends, kind_text(figure, repetitions(record), lang))


def _figures(kept: Sequence[Kept], lang: str) -> Sheet:
    head = _heads(lang)
    columns = (
        *(head("run_id"), head("measurement"), head("metric"), head("code"), head("primary", "flag"), head("unit")),
        *(head("value", "value"), head("low", "value"), head("high", "value"), head("interval_kind")),
        *(head("confidence", "share"), head("refused")),
    )
    return Sheet(sentence(lang, "workbook.sheet_figures"), columns, list(_figure_rows(kept, lang)), fixed=2)


def _figure_rows(kept: Sequence[Kept], lang: str) -> Iterator[tuple[Cell, ...]]:
    for entry in kept:
        record = entry.record
        for metric, figure in record.metrics.items():
            yield (
                *_about(entry),
                metric_name(metric, lang),
                metric,
                metric == record.primary,
                *_figure(metric, figure, record, lang),
                figure.interval.confidence if figure.interval is not None else None,
                figure.refusal.code if figure.refusal is not None else None,
            )


def _repetitions(kept: Sequence[Kept], lang: str) -> Sheet:
    head = _heads(lang)
    columns = (
        *(head("run_id"), head("measurement"), head("metric"), head("code"), head("unit"), head("repetition", "count")),
        head("value", "value"),
    )
    rows = [
        (
            *(*_about(entry), metric_name(metric, lang), metric),
            *(METRICS[metric].unit if metric in METRICS else None, number, value),
        )
        for entry in kept
        for metric, values in entry.values.items()
        for number, value in enumerate(values, start=1)
    ]
    return Sheet(sentence(lang, "workbook.sheet_repetitions"), columns, rows, fixed=2)


def _findings(kept: Sequence[Kept], lang: str) -> Sheet:
    head = _heads(lang)
    columns = [head(key) for key in ("run_id", "measurement", "severity", "code", "title", "seen", "why", "next")]
    rows = [
        (*_about(entry), one.severity_text, one.code, one.text.title, one.text.seen, one.text.why, one.text.next)
        for entry in kept
        for one in finding_rows(entry.record.findings, lang)
    ]
    return Sheet(sentence(lang, "workbook.sheet_findings"), columns, rows, fixed=2)


def _environment(kept: Sequence[Kept], lang: str) -> Sheet:
    """What is told of each run's machine, once a run."""
    head = _heads(lang)
    columns = [head(key) for key in ("run_id", "part", "fact", "value")]
    rows: list[tuple[Cell, ...]] = []
    for run in {entry.run.run_id: entry.run for entry in kept if entry.run is not None}.values():
        records = [entry.record for entry in kept if run_id(entry) == run.run_id]
        sections = (
            *(run_section(run, lang), system_section(records, lang), host_section(run, lang)),
            *(hardware_section(run.hardware, lang), version_section(run, lang)),
        )
        rows += [(run.run_id, one.title, label, value) for one in sections for label, value in one.lines]
    return Sheet(sentence(lang, "workbook.sheet_environment"), columns, rows)
