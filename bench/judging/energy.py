"""Energy of the measured window, per sample, and what must be known beside it."""

from __future__ import annotations

import numpy as np

from bench.host.observer import Watched
from bench.judging.trial import OpenLoop
from bench.power.recorder import Trace
from bench.records.energy import Energy, EnergySource, Scope
from bench.records.findings import Finding, finding
from bench.records.job import Report
from bench.records.numbers import Measured, Refusal
from bench.records.plan import Mode
from bench.records.profile import Meter
from bench.scoring.columns import Columns, per_query
from bench.scoring.energy import counted_energy, longest_gap_s, sampled_energy, unwrapped

DEVICE_METRIC, WALL_METRIC, CPU_METRIC = (
    "device_energy_per_sample_j",
    "wall_energy_per_sample_j",
    "host_cpu_per_sample_ns",
)
# A card's counter and its sampled power speak of a part of the time only where a window is short (measurement.md, 7).
CARD_WINDOW_S = 60.0
# Off by more for want of readings, a figure is told with that.
ERROR_SHARE = 0.05
# The class of a meter that ranking by energy asks for, in percent (measurement.md, section 7).
METER_CLASS = 1.0
_HOST_SCOPES: frozenset[Scope] = frozenset({"processor", "memory"})


def answered_samples(columns: Columns, opened: OpenLoop | None, scenario: str) -> int:
    """Samples that were answered in the window."""
    if opened is not None:
        return int(np.count_nonzero(opened.queries.status == 0))
    whole = per_query(columns) if scenario == "multi_stream" else columns
    return int(whole.queries.sum(dtype=np.int64, where=whole.status == 0)) * columns.samples_per_query


def measured_energy(watched: Watched, report: Report, samples: int, meter: Meter | None) -> Energy:
    """What each source says of the window in which `samples` were answered; `meter` is the profile's."""
    begin_ns, end_ns = report.t0_ns, report.t0_ns + report.elapsed_ns
    sources = tuple(_source(trace, watched, begin_ns, end_ns) for trace in watched.traces)
    certified = (
        any(one.scope == "wall" for one in sources)
        and meter is not None
        and (meter.class_percent or np.inf) <= METER_CLASS
        and meter.calibrated is not None
    )
    return Energy(
        window_s=report.elapsed_ns * 1e-9,
        samples=samples,
        sources=sources,
        unread=watched.unread,
        reading_share=watched.reading_share,
        certified=certified,
    )


def energy_metrics(energy: Energy | None, report: Report, samples: int) -> dict[str, Measured]:
    """Energy and processor time per sample, as far as they were measured."""
    found = {}
    if report.cpu_s is not None and samples:
        found[CPU_METRIC] = Measured(value=report.cpu_s * 1e9 / samples)
    if energy is not None:
        wall = [one for one in energy.sources if one.scope == "wall"]
        found |= _per_sample(WALL_METRIC, wall, samples)
        found |= _per_sample(DEVICE_METRIC, device_sources(energy, report.device.kind), samples)
    return found


def device_sources(energy: Energy, kind: str) -> list[EnergySource]:
    """The counters of what computed: processors and their memory for the CPU, else all cards, idle ones among them."""
    scopes = _HOST_SCOPES if kind == "cpu" else {"card"}
    return [one for one in energy.sources if one.scope in scopes]


def energy_findings(energy: Energy | None, mode: Mode) -> tuple[Finding, ...]:
    """What keeps figures of energy from being compared."""
    if energy is None:
        return ()
    found = []
    for one in energy.sources:
        if one.joules is None:
            found.append(finding("energy-not-covered", mode, one.readings, None, one.name))
        elif one.error_j is not None and one.error_j > ERROR_SHARE * one.joules:
            share = one.error_j / one.joules if one.joules else 1.0
            found.append(finding("energy-uncertain", mode, share, ERROR_SHARE, one.name))
    if any(one.source == "nvml" for one in energy.sources) and energy.window_s < CARD_WINDOW_S:
        found.append(finding("energy-window-short", mode, energy.window_s, CARD_WINDOW_S))
    if any(one.scope == "wall" for one in energy.sources) and not energy.certified:
        found.append(finding("meter-not-certified", mode, None, METER_CLASS / 100.0))
    return tuple(found)


def _per_sample(metric: str, sources: list[EnergySource], samples: int) -> dict[str, Measured]:
    if not sources:
        return {}
    joules = [one.joules for one in sources if one.joules is not None]
    if len(joules) < len(sources) or not samples:
        return {metric: Measured(refusal=Refusal(code="energy-not-covered", seen=len(joules), limit=len(sources)))}
    return {metric: Measured(value=sum(joules) / samples)}


def _source(trace: Trace, watched: Watched, begin_ns: int, end_ns: int) -> EnergySource:
    sensor = trace.sensor
    found = _energy(trace, begin_ns, end_ns)
    inside = (trace.times_ns >= begin_ns) & (trace.times_ns <= end_ns)
    return EnergySource(
        source=sensor.source,
        name=sensor.name,
        scope=sensor.scope,
        how=sensor.how,
        joules=found[0] if found else None,
        error_j=found[1] if found else None,
        idle_before_w=_mean_w(trace, *watched.idle_before_ns),
        idle_after_w=_mean_w(trace, *watched.idle_after_ns),
        readings=int(np.count_nonzero(inside)),
        longest_gap_s=longest_gap_s(trace.times_ns, begin_ns, end_ns),
    )


def _energy(trace: Trace, begin_ns: int, end_ns: int) -> tuple[float, float] | None:
    if trace.sensor.how == "counter":
        joules = unwrapped(trace.values, trace.sensor.wraps_at)
        return counted_energy(trace.times_ns, joules, begin_ns, end_ns)
    return sampled_energy(trace.times_ns, trace.values, begin_ns, end_ns)


def _mean_w(trace: Trace, begin_ns: int, end_ns: int) -> float | None:
    """Mean power between the first and the last reading of a span; None where there are not two."""
    inside = np.flatnonzero((trace.times_ns >= begin_ns) & (trace.times_ns <= end_ns))
    if inside.size < 2:
        return None
    first, last = int(trace.times_ns[inside[0]]), int(trace.times_ns[inside[-1]])
    found = _energy(trace, first, last)
    return found[0] / ((last - first) * 1e-9) if found and last > first else None
