"""Records as rows of text: what the table in a terminal and the one on a page have in common.

Every number is formatted here once, through `bench.text.figures`, together with what kind of interval it carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from bench.records.findings import FAILED, Finding, Severity, error_codes
from bench.records.metrics import METRICS
from bench.records.numbers import Interval, Measured
from bench.records.record import Quality, Record
from bench.text import figures, name, printable, sentence
from bench.text.findings import FindingText, finding_text, refusal_text

State = Literal["valid", "quick", "partial", "invalid"]
QualityState = Literal["passed", "failed", "unverified"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
# What is missing rather than wrong: alone it makes a measurement partial, not void.
_MISSING = "too-few-repetitions"


class FigureRow(msgspec.Struct, frozen=True, kw_only=True):
    """One metric in words: `value` without interval, `interval` in brackets (may be empty), `kind` says which it is.

    Where there is no number, `value` is a dash and `kind` says why.
    """

    metric: str
    name: str
    value: str
    interval: str
    kind: str
    definition: str


class QualityRow(msgspec.Struct, frozen=True, kw_only=True):
    """Quality in words; empty texts where there is nothing to say."""

    metric: str
    value: str
    interval: str
    target: str
    samples: str
    state: QualityState
    state_text: str


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One finding in words."""

    code: str
    severity: Severity
    severity_text: str
    subject: str
    text: FindingText


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement in words; `state` says how far its number may be trusted."""

    name: str
    workload: str
    scenario: str
    precision: str
    primary: FigureRow
    figures: tuple[FigureRow, ...]
    quality: QualityRow
    state: State
    state_text: str
    state_note: str
    findings: tuple[FindingRow, ...]
    counts: str


def rows(records: Sequence[Record], lang: str) -> list[Row]:
    """One row per record, in the order given."""
    return [row(record, lang) for record in records]


def row(record: Record, lang: str) -> Row:
    """One record in words."""
    state = record_state(record)
    repeated = repetitions(record)
    primary = figure_row(record.primary, record.metrics.get(record.primary, Measured()), repeated, lang)
    return Row(
        name=printable(record.measurement.name),
        workload=printable(record.measurement.workload),
        scenario=name(lang, "scenario", record.measurement.scenario),
        precision=precision_text(record, lang),
        primary=primary,
        figures=figure_rows(record.metrics, record.primary, repeated, lang),
        quality=quality_row(record.quality, lang),
        state=state,
        state_text=name(lang, "state", state),
        state_note=sentence(lang, f"state_note.{state}", run_id=record.run_id),
        findings=finding_rows(record.findings, lang),
        counts=_counts(record.findings, lang),
    )


def record_state(record: Record) -> State:
    """Void before unfinished before quick: the most serious thing to say about the number."""
    partial = record.status == "partial"
    errors = set(error_codes(record.findings))
    if errors - {_MISSING} or (errors and not partial):
        return "invalid"
    return "partial" if partial else "quick" if record.mode == "quick" else "valid"


def executed_precision(record: Record) -> str:
    """What was executed, as the engine says; what was asked for where nothing was."""
    return printable(record.facts.precision_executed) if record.facts is not None else record.measurement.precision


def precision_text(record: Record, lang: str) -> str:
    """What was executed, and what was asked for where that is something else."""
    executed, asked = executed_precision(record), record.measurement.precision
    return executed if executed == asked else sentence(lang, "phrase.precision", executed=executed, asked=asked)


def figure_rows(metrics: Mapping[str, Measured], primary: str, repeated: int, lang: str) -> tuple[FigureRow, ...]:
    """All metrics: the primary one first, then as in the registry, then those it does not know."""
    known = [metric for metric in METRICS if metric in metrics and metric != primary]
    first = [primary] if primary in metrics else []
    rest = sorted(set(metrics) - set(METRICS) - {primary})
    return tuple(figure_row(metric, metrics[metric], repeated, lang) for metric in (*first, *known, *rest))


def figure_row(metric: str, figure: Measured, repeated: int, lang: str) -> FigureRow:
    """One figure with its interval and what kind of interval that is, from `repeated` repetitions."""
    value, interval = figures.split(value_text(metric, figure))
    return FigureRow(
        metric=metric,
        name=name(lang, "metric", f"{metric}.name").removesuffix(".name"),
        value=value,
        interval=interval,
        kind=kind_text(figure, repeated, lang),
        definition=name(lang, "metric", f"{metric}.definition") if metric in METRICS else "",
    )


def value_text(metric: str, figure: Measured) -> str:
    """`35.2 ms [34.9, 35.6]`; a dash where there is no number. A metric of another version is shown without unit."""
    if figure.value is None:
        return figures.NONE
    if metric not in METRICS:
        return f"{figure.value:.3g}"
    two_sided = figure.interval if figure.interval and figure.interval.kind != "early-stopping" else None
    return figures.figure(METRICS[metric].unit, figure.value, two_sided)


def kind_text(figure: Measured, repeated: int, lang: str) -> str:
    """`95 %, within this run (batch means)`, `95 % over 5 repetitions`, `no interval: reason`, or why no number."""
    if figure.refusal is not None:
        return sentence(lang, "value.refused", reason=refusal_text(lang, figure.refusal))
    if figure.value is None:
        return sentence(lang, "value.missing")
    if figure.interval is not None:
        return interval_text(figure.interval, repeated, lang)
    if figure.interval_refusal is None:
        return sentence(lang, "interval.missing")
    return sentence(lang, "interval.refused", reason=refusal_text(lang, figure.interval_refusal))


def interval_text(interval: Interval, repeated: int, lang: str) -> str:
    """What kind of interval it is."""
    confidence = f"{100.0 * interval.confidence:.4g} %"
    return sentence(lang, f"interval.{interval.kind}", confidence=confidence, repetitions=repeated)


def repetitions(record: Record) -> int:
    """Repetitions that went through: a measurement ends with the first that fails."""
    return len(record.trials) - any(entry.code in FAILED and not entry.subject for entry in record.findings)


def quality_row(quality: Quality | None, lang: str) -> QualityRow:
    """Quality against its target; `unverified` unless the record says passed or failed."""
    passed = quality.passed if quality is not None else None
    state: QualityState = "unverified" if passed is None else "passed" if passed else "failed"
    unchecked = quality is None
    if quality is None:
        quality = Quality(metric="", samples=0, evaluation_samples=0)
    value = figures.share(quality.value, quality.interval) if quality.value is not None else ""
    target = figures.share(quality.target) if quality.target is not None else ""
    total = quality.evaluation_samples
    samples = sentence(lang, "quality_text.samples", samples=quality.samples, total=total) if total else ""
    return QualityRow(
        metric=name(lang, "quality", quality.metric),
        value=figures.split(value)[0],
        interval=figures.split(value)[1],
        target=sentence(lang, "quality_text.target", target=target) if target else "",
        samples=samples or sentence(lang, f"quality_text.{'unchecked' if unchecked else 'none'}"),
        state=state,
        state_text=name(lang, "quality_state", state),
    )


def finding_rows(found: Sequence[Finding], lang: str) -> tuple[FindingRow, ...]:
    """Findings in words, the gravest first."""
    return tuple(
        FindingRow(
            code=printable(entry.code),
            severity=entry.severity,
            severity_text=name(lang, "severity", entry.severity),
            subject=entry.subject,
            text=finding_text(lang, entry),
        )
        for entry in sorted(found, key=lambda entry: SEVERITIES.index(entry.severity))
    )


def _counts(found: Sequence[Finding], lang: str) -> str:
    """`1 error, 2 warnings`; empty when nothing was found."""
    parts = []
    for severity in SEVERITIES:
        count = sum(entry.severity == severity for entry in found)
        if count:
            key = f"severity_count.{severity}{'_one' if count == 1 else ''}"
            parts.append(sentence(lang, key, count=count))
    return ", ".join(parts)
