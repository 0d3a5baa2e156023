"""How much of what its devices reach at most a measurement used (measurement.md, section 7)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from bench.models.base import Workload
from bench.records.findings import Finding, finding
from bench.records.job import Report, SearchReport
from bench.records.numbers import Measured
from bench.records.plan import Measurement, Mode
from bench.records.profile import Hardware, Peak, Profile
from bench.records.roofline import Cost, Roofline, Utilisation

# A measured peak may be missed by as much on another day.
TOLERANCE = 1.05
_BYTES = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "int8": 1}


def cost_of(workload: Workload) -> Cost:
    """What a sample costs, as the workload's specification says, or the user's graph."""
    spec = workload.spec
    io_bytes = sum(np.dtype(one.dtype).itemsize * math.prod(one.shape) for one in (*spec.inputs, *spec.outputs))
    return Cost(macs=spec.model.macs_per_sample, parameters=spec.model.parameters, io_bytes=io_bytes)


def roofline(
    measurement: Measurement,
    metrics: Mapping[str, Measured],
    report: Report | SearchReport | None,
    cost: Cost | None,
    hardware: Hardware | None,
) -> Roofline | None:
    """None where nobody counted the graph's operations, or nothing was answered."""
    per_s = _samples_per_s(metrics, measurement)
    if per_s is None or report is None or cost is None or not cost.macs:
        return None
    precision, devices = report.facts.precision_executed, measurement.devices
    ops = 2 * cost.macs
    moved = cost.io_bytes + cost.parameters * _BYTES.get(precision, 4) / measurement.batch
    facts = hardware.facts if hardware is not None else None
    peaks, bandwidth = _roof(facts, report.device.kind, precision)
    used = tuple(
        Utilisation(ops_per_s=one.ops_per_s * devices, source=one.source, share=per_s * ops / (one.ops_per_s * devices))
        for one in peaks
    )
    highest = max((one.ops_per_s for one in used), default=None)
    by_memory = bandwidth * devices * ops / moved if bandwidth is not None else None
    limits = [limit for limit in (highest, by_memory) if limit is not None]
    return Roofline(
        ops_per_sample=ops,
        bytes_per_sample=moved,
        achieved_ops_per_s=per_s * ops,
        peaks=used,
        bandwidth_bytes_per_s=bandwidth * devices if bandwidth is not None else None,
        limit_ops_per_s=min(limits) if len(limits) == 2 else None,
        limited_by=("arithmetic" if limits[0] <= limits[1] else "memory") if len(limits) == 2 else None,
    )


def roofline_findings(found: Roofline | None, mode: Mode) -> tuple[Finding, ...]:
    """More than a peak is no speed of this device: a short cut, a wrong profile, or another precision."""
    above = [one for one in found.peaks if one.share > TOLERANCE] if found is not None else []
    return tuple(finding("above-roofline", mode, one.share, TOLERANCE, one.source) for one in above)


def _samples_per_s(metrics: Mapping[str, Measured], measurement: Measurement) -> float | None:
    for name, samples in (("samples_per_s", 1), ("queries_per_s", measurement.samples_per_query)):
        figure = metrics.get(name)
        if figure is not None and figure.value is not None:
            return figure.value * samples
    return None


def _roof(facts: Profile | None, kind: str, precision: str) -> tuple[list[Peak], float | None]:
    """Peaks of the precision, without the vendor's sparse ones, and bandwidth of the device's memory."""
    if facts is None:
        return [], None
    if kind == "cpu":
        peaks, bandwidth = facts.cpu.peaks, facts.memory.bandwidth_bytes_per_s
    elif len(facts.accelerators) == 1:
        peaks, bandwidth = facts.accelerators[0].peaks, facts.accelerators[0].bandwidth_bytes_per_s
    else:
        return [], None  # of several kinds of cards nobody says which one this is
    return [one for one in peaks if one.precision == precision and not one.sparse], bandwidth
