"""The machine against the profile that a run named."""

from __future__ import annotations

from bench.records.findings import Finding, finding
from bench.records.plan import Mode
from bench.records.profile import Hardware


def hardware_findings(hardware: Hardware | None, mode: Mode) -> tuple[Finding, ...]:
    """One for each fact that the profile states and the machine shows otherwise."""
    stated = hardware.contradictions if hardware is not None else ()
    return tuple(finding("profile-contradicted", mode, one.detected, one.typed, one.path) for one in stated)
