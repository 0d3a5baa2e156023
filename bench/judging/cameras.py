"""What a number of cameras stands for: with their films decoded inside the clock, or without."""

from __future__ import annotations

from bench.models.base import Workload
from bench.records.findings import Finding, finding
from bench.records.plan import Measurement, Mode


def camera_findings(workload: Workload, measurement: Measurement, mode: Mode) -> tuple[Finding, ...]:
    """Channels of a workload that has films, counted without decoding any, are those of the inference alone."""
    watched = measurement.scenario == "streams" and workload.spec.video is not None
    if not watched or measurement.timed_region == "end_to_end":
        return ()
    return (finding("inference-only", mode, measurement.timed_region, "end_to_end"),)
