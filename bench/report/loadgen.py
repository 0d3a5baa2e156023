"""What MLPerf LoadGen said of a measurement that it drove: its verdict, and its figures under its own names."""

from __future__ import annotations

from bench.records.loadgen import LoadGenReport
from bench.report.details import Section, section
from bench.text import figures, printable, sentence


def loadgen_section(report: LoadGenReport | None, lang: str) -> Section:
    """LoadGen's side; without lines where the harness drove itself."""
    if report is None:
        return section(lang, "loadgen", [])
    closed = report.published in ("early_stopping_latency_ss", "early_stopping_latency_ms")
    compared = None
    if report.compared is not None and report.outside is not None:
        compared = f"{figures.count(report.compared)} ({figures.count(report.outside)})"
    published = report.figures.get(report.published)
    head = section(
        lang,
        "loadgen",
        [
            ("loadgen_version", report.version),
            ("loadgen_verdict", " ".join(filter(None, (report.verdict, report.reason)))),
            ("loadgen_published", _written(report.published, published) if published is not None else None),
            ("loadgen_origin", sentence(lang, f"detail.loadgen_origin_{'issue' if closed else 'scheduled'}")),
            ("loadgen_compared", compared),
            ("loadgen_slack", figures.latency(report.slack_ns) if report.slack_ns is not None else None),
            ("loadgen_errors", figures.count(report.errors) if report.errors else None),
        ],
    )
    own = tuple((_short(name), _written(name, value)) for name, value in report.figures.items())
    return Section(title=head.title, lines=(*head.lines, *own))


def _short(name: str) -> str:
    """LoadGen's name without what stands at all of them, so that it fits a narrow terminal."""
    return printable(name.removeprefix("result_").removesuffix("_ns"))


def _written(name: str, value: float) -> str:
    """A figure in its unit, which LoadGen's name of it tells; names without one are counts."""
    if name.endswith("_ns") or name.startswith("early_stopping_latency"):
        return figures.latency(value)
    return figures.rate(value) if "per_sec" in name or "qps" in name else figures.count(value)
