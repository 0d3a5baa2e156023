"""Where an imported MLPerf result comes from, in its submitter's words."""

from __future__ import annotations

from bench.records.mlperf import MlperfResult
from bench.report.details import Section, section
from bench.text import sentence


def mlperf_section(result: MlperfResult | None, lang: str) -> Section:
    """The result's place in its round, and what it says of itself; without lines for what was measured here."""
    if result is None:
        return section(lang, "mlperf", [])
    return section(
        lang,
        "mlperf",
        [
            ("mlperf_place", f"{result.division}, {result.submitter}, {result.system}"),
            ("mlperf_round", result.round or sentence(lang, "detail.mlperf_round_unknown")),
            ("mlperf_benchmark", result.benchmark),
            ("mlperf_started", result.started_at),
            ("mlperf_accuracy", result.accuracy),
            ("mlperf_weights", result.weights),
            ("mlperf_kind", _joined(result.status, result.system_type)),
            ("mlperf_accelerators", _each(result)),
            ("mlperf_framework", result.framework or None),
        ],
    )


def _joined(*texts: str) -> str | None:
    return ", ".join(text for text in texts if text) or None


def _each(result: MlperfResult) -> str | None:
    each = _times(result.accelerators_per_node, result.accelerator)
    return _joined(each, result.nodes) if each else None


def _times(count: str, name: str) -> str:
    return "" if count in ("", "0", "N/A") or not name else f"{count} × {name}"
