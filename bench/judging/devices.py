"""Several devices that answered together: how much each of them did, and whether they did the same thing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.records.findings import Finding, finding
from bench.records.host import DeviceFacts
from bench.records.job import Report, SearchReport
from bench.records.plan import Measurement, Mode
from bench.records.record import Trial
from bench.scoring.columns import Columns


def all_devices(report: Report | SearchReport) -> tuple[DeviceFacts, ...]:
    """The devices of a report with their facts, the first one first."""
    return (DeviceFacts(device=report.device, facts=report.facts), *report.more_devices)


def device_shares(columns: Columns, measurement: Measurement) -> tuple[float, ...]:
    """Share of the queries that each device answered, in order; empty for one device, or where nothing was answered.

    Workers are numbered device by device.
    """
    if measurement.devices == 1:
        return ()
    answered = columns.status == 0
    # Without weights: rows of a closed loop stand for equal parts of a query.
    held = columns.queries[answered].astype(np.float64)
    device = columns.worker[answered].astype(np.int64) // measurement.workers
    counts = np.bincount(device, held, minlength=measurement.devices)
    return tuple((counts / counts.sum()).tolist()) if counts.sum() > 0 else ()


def mean_shares(trials: Sequence[Trial]) -> tuple[float, ...]:
    """The mean of the repetitions' shares, device by device; empty where none has any."""
    shares = [trial.device_shares for trial in trials if trial.device_shares]
    return tuple(np.mean(shares, axis=0).tolist()) if shares else ()


def device_findings(report: Report, mode: Mode) -> tuple[Finding, ...]:
    """Devices that ran another engine, another version of it or another precision do not make one figure."""
    builds = {
        (entry.facts.engine, entry.facts.engine_version, entry.facts.driver_version, entry.facts.precision_executed)
        for entry in all_devices(report)
    }
    return (finding("engine-differs", mode, len(builds), 1, "devices"),) if len(builds) > 1 else ()
