"""The figures of kept records as plain rows, unrounded, for tables that programs and spreadsheets read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bench.records.metrics import METRICS
from bench.records.numbers import Measured
from bench.records.record import Record, Run, Trial
from bench.report.rows import record_state
from bench.text.tabular import Cell

FIGURE: Final = (
    *("run_id", "measurement", "workload", "scenario", "precision", "mode", "state", "metric", "primary", "unit"),
    *("value", "low", "high", "confidence", "interval_kind", "refused", "interval_refused"),
)


def figure_cells(kept: Run | Record | Trial, records: Sequence[Record]) -> Iterator[tuple[Cell, ...]]:
    """A row for each figure under the names of `FIGURE`; `records` are those of a run.

    What is not known is None; a figure without a value says by a code why (`refused`), one without interval likewise.
    """
    if isinstance(kept, Trial):
        state = "valid" if kept.status == "complete" else "failed"
        yield from _rows((None, None, None, None, None, None, state), kept.metrics, "")
        return
    for record in (kept,) if isinstance(kept, Record) else records:
        asked = record.measurement
        about = (record.run_id, asked.name, asked.workload, asked.scenario, asked.precision, record.mode)
        yield from _rows((*about, record_state(record)), record.metrics, record.primary)


def _rows(about: tuple[Cell, ...], metrics: Mapping[str, Measured], primary: str) -> Iterator[tuple[Cell, ...]]:
    for metric, figure in metrics.items():
        unit = METRICS[metric].unit if metric in METRICS else None
        found, refused, without = figure.interval, figure.refusal, figure.interval_refusal
        ends: tuple[Cell, ...] = (None, None, None, None)
        if found is not None:
            ends = (found.low, found.high, found.confidence, found.kind)
        codes = (refused.code if refused else None, without.code if without else None)
        yield (*about, metric, metric == primary, unit, figure.value, *ends, *codes)
