"""The sheet that says what the figures of a workbook mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bench.records.metrics import METRICS
from bench.text import name, sentence
from bench.text.tabular import Cell
from bench.workbook.sheets import Column, Sheet

_GENERAL: Final = ("latency", "percentile", "throughput", "quality", "validity")


def metric_name(metric: str, lang: str) -> str:
    """What a metric is called; its id where it is one of another version's."""
    return sentence(lang, f"metric.{metric}.name") if metric in METRICS else name(lang, "metric", metric)


def definition_sheet(metrics: Iterable[str], explained: Sequence[str], lang: str) -> Sheet:
    """Every metric of `metrics` once, what all of them rest on, and the terms of this workbook in `explained`."""
    columns = [Column(sentence(lang, f"column.{key}")) for key in ("term", "code", "unit", "definition")]
    known = [METRICS[metric] for metric in dict.fromkeys(metrics) if metric in METRICS]
    rows: list[tuple[Cell, ...]] = [
        (metric_name(one.id, lang), one.id, one.unit, sentence(lang, f"metric.{one.id}.definition")) for one in known
    ]
    rows += [
        (sentence(lang, f"workbook.about_{key}"), None, None, sentence(lang, f"definition.{key}")) for key in _GENERAL
    ]
    rows += [
        (sentence(lang, f"workbook.about_{key}"), None, None, sentence(lang, f"workbook.meaning_{key}"))
        for key in explained
    ]
    return Sheet(sentence(lang, "workbook.sheet_definitions"), columns, rows)
