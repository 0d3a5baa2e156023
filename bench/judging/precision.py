"""Whether int8 ran where int8 was asked for: what the engine read back, against the file that it was given."""

from __future__ import annotations

from bench.records.findings import Finding, finding
from bench.records.host import Facts
from bench.records.job import Report
from bench.records.plan import Measurement, Mode

# Start value: engines keep a product or two of a quantised file in floating point, often the first or the last.
KEPT_SHARE = 0.9
SUBJECT = "int8-share"


def precision_findings(report: Report, measurement: Measurement, mode: Mode) -> list[Finding]:
    """`precision-mismatch` where much less than what the file has in int8 was executed so, on any of the devices.

    An error class (`bench.judging.numeric_class`) says how near the answers are, and not how they came about.
    """
    if measurement.precision != "int8" or report.int8_due is None:
        return []
    limit = KEPT_SHARE * report.int8_due
    seen = [_share(facts.precision_executed, facts.int8_share) for facts in _all_facts(report)]
    least = min((share for share in seen if share is not None), default=limit)
    return [finding("precision-mismatch", mode, least, limit, SUBJECT)] if least < limit else []


def _all_facts(report: Report) -> list[Facts]:
    return [report.facts, *(entry.facts for entry in report.more_devices)]


def _share(executed: str, share: float | None) -> float | None:
    """None where an engine says that it computes in int8 and does not count how much."""
    return share if executed == "int8" else 0.0
