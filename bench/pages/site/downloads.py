"""What the pages show as files for programs: every number as it was kept, in the unit of the registry of metrics."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from bench.pages.site.environment import Field
from bench.pages.site.gathering import System
from bench.pages.site.verdicts import Pairs
from bench.records.metrics import METRICS
from bench.records.numbers import Measured
from bench.records.record import Record, Run
from bench.report.rows import executed_precision, record_state
from bench.text import cell

RESULTS, RECORDS, COMPARISON, ENVIRONMENT = "results.csv", "records.json", "comparison.csv", "environment.csv"
_OF_RECORD: Final = (
    "number", "system", "run_id", "workload", "scenario", "precision_asked", "precision_executed", "batch", "workers",
    "threads", "mode", "timed_region", "suite_version", "state", "findings", "quality_metric", "quality", "quality_low",
    "quality_high", "quality_target", "quality_passed",
)  # fmt: skip
_OF_FIGURE: Final = (
    "metric", "unit", "better", "primary", "value", "low", "high", "interval", "confidence", "repetitions", "refused",
)  # fmt: skip
_OF_VERDICT: Final = (
    "baseline", "number", "measurement_a", "measurement_b", "metric", "unit", "verdict", "reasons", "margin", "first",
    "second", "change", "low", "high", "probability", "adjusted", "repetitions_a", "repetitions_b",
)  # fmt: skip
Value = str | int | float | bool | None


class SystemRecords(msgspec.Struct, frozen=True, kw_only=True):
    """One system with its runs and records, without the sketches, which only pictures need."""

    number: int
    name: str
    runs: tuple[Run, ...]
    records: tuple[Record, ...]


def results_csv(systems: Sequence[System]) -> bytes:
    """One row for each figure of each record."""
    rows = [
        (*_of_record(system, record), *_of_figure(record, metric, figure))
        for system in systems
        for record in system.records
        for metric, figure in record.metrics.items()
    ]
    return written_csv((*_OF_RECORD, *_OF_FIGURE), rows)


def records_json(systems: Sequence[System]) -> bytes:
    """The records themselves; `docs/schema` describes them."""
    found = [
        SystemRecords(
            number=system.place,
            name=system.name,
            runs=system.runs,
            records=tuple(msgspec.structs.replace(record, sketch=None) for record in system.records),
        )
        for system in systems
    ]
    return msgspec.json.format(msgspec.json.encode(found, order="deterministic"), indent=1) + b"\n"


def comparison_csv(pairs: Pairs) -> bytes:
    """One row for each verdict; what was not measured alike has the fields among its reasons."""
    rows: list[tuple[Value, ...]] = []
    for baseline, against in enumerate(pairs, 1):
        for number, own in enumerate(against, 1):
            for held in own:
                place = (baseline, number, held.first, held.second)
                if held.unlike:
                    fields = " ".join(entry.field for entry in held.unlike)
                    rows.append((*place, *("", "", "unlike", fields), *(None,) * 10))
                for one in held.judged:
                    told = (one.metric, one.unit, one.verdict, " ".join(one.reasons), one.margin)
                    figures = (one.first, one.second, one.change, one.low, one.high, one.probability, one.adjusted)
                    rows.append((*place, *told, *figures, *one.repetitions))
    return written_csv(_OF_VERDICT, rows)


def environment_csv(systems: Sequence[System], fields: Sequence[Field]) -> bytes:
    """One row for each field, one column for each system."""
    return written_csv(
        ("field", "differs", *(f"{system.place} {system.name}" for system in systems)),
        [(field.label, field.differs, *field.values) for field in fields],
    )


def written_csv(headers: Iterable[str], rows: Iterable[Iterable[Value]]) -> bytes:
    """A CSV file that spreadsheets open as it is: numbers stay numbers, and no text is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_plain(header) for header in headers])
    writer.writerows([_plain(value) for value in row] for row in rows)
    # The mark at the front tells spreadsheets that what follows is UTF-8.
    return out.getvalue().encode("utf-8-sig", errors="replace")


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else str(value) if isinstance(value, int) else cell(value)


def _of_record(system: System, record: Record) -> tuple[Value, ...]:
    asked, quality = record.measurement, record.quality
    interval = quality.interval if quality is not None else None
    return (
        *(system.place, system.name, record.run_id, asked.workload, asked.scenario, asked.precision),
        *(executed_precision(record), asked.batch, asked.workers, asked.threads, record.mode, record.timed_region),
        *(record.suite_version, record_state(record)),
        " ".join(dict.fromkeys(found.code for found in record.findings)),
        *((quality.metric, quality.value) if quality is not None else (None, None)),
        *((interval.low, interval.high) if interval is not None else (None, None)),
        *((quality.target, quality.passed) if quality is not None else (None, None)),
    )


def _of_figure(record: Record, metric: str, figure: Measured) -> tuple[Value, ...]:
    known, interval = METRICS.get(metric), figure.interval
    return (
        metric,
        *((known.unit, known.better) if known is not None else ("", "")),
        metric == record.primary,
        figure.value,
        *((interval.low, interval.high, interval.kind) if interval is not None else (None, None, None)),
        *((interval.confidence,) if interval is not None else (None,)),
        len(record.trials),
        figure.refusal.code if figure.refusal is not None else None,
    )
