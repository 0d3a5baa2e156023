"""What must be known of a repetition that MLPerf LoadGen drove: its verdict, and where its word and ours part."""

from __future__ import annotations

from bench.records.findings import Finding, finding
from bench.records.loadgen import LoadGenReport
from bench.records.plan import Mode
from bench.scoring.columns import Columns

# Both clocks are slewed alike, so that their distance changes only where one is set.
CLOCK_SET_NS = 100_000


def loadgen_findings(columns: Columns, report: LoadGenReport | None, mode: Mode) -> list[Finding]:
    """Findings about LoadGen's side; none where the harness drove itself."""
    if report is None:
        return []
    found = []
    if report.verdict == "INVALID":
        found.append(finding("loadgen-invalid", mode, report.reason or None))
    if report.slack_ns is None:
        found.append(finding("loadgen-no-trace", mode))
    elif report.slack_ns > CLOCK_SET_NS:
        found.append(finding("loadgen-clock-set", mode, report.slack_ns, CLOCK_SET_NS))
    if report.outside:
        found.append(finding("loadgen-disagrees", mode, report.outside, report.compared))
    failed = int((columns.status != 0).sum())
    if failed:
        found.append(finding("loadgen-counts-failures", mode, failed, 0))
    return found
