"""Whether the host does a part of what the device is measured for (measurement.md, sections 5 and 7)."""

from __future__ import annotations

from bench.models.cpu_cost import CpuCost
from bench.records.findings import Finding, finding
from bench.records.job import Report
from bench.records.plan import OPEN_LOOPS, Measurement, Mode

# Of what the reference engine takes of a processor for the same sample.
HOST_SHARE = 0.05
# Whose own processors compute, and a server's, which are not seen from here.
_NOT_CARDS = ("cpu", "server")


def offload_findings(
    report: Report, measurement: Measurement, samples: int, cost: CpuCost | None, mode: Mode
) -> tuple[Finding, ...]:
    """Operators that the engine says ran on the host, and processor time that shows it whatever an engine says.

    `samples` were answered in the window, and one costs a processor `cost`. Time is judged where the host has nothing
    else to do: not in open loops, where workers wait by spinning, nor where it decodes files inside the clock.
    """
    found = []
    share = report.facts.device_operator_share
    if share is not None and share < 1.0:
        found.append(finding("host-offload", mode, 1.0 - share, 0.0))
    if _judged(report, measurement) and cost is not None and samples and report.cpu_s is not None:
        spent = report.cpu_s / samples / cost.seconds
        if spent > HOST_SHARE:
            found.append(finding("host-offload", mode, spent, HOST_SHARE, "processor-time"))
    return tuple(found)


def _judged(report: Report, measurement: Measurement) -> bool:
    return (
        report.device.kind not in _NOT_CARDS
        and measurement.scenario not in OPEN_LOOPS
        and measurement.timed_region == "host_to_host"
    )
