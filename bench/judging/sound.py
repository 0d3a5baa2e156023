"""Speed of what answers recordings, by how long they last: the real-time factor."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bench.records.job import Report
from bench.records.numbers import Interval, Measured
from bench.records.plan import Measurement

METRIC = "real_time_factor"


def sound_metrics(report: Report, measurement: Measurement, metrics: Mapping[str, Measured]) -> dict[str, Measured]:
    """`real_time_factor` from the samples or queries per second, where recordings were answered as fast as may be."""
    lasts = report.mean_sample_s
    if not lasts:
        return {}
    for name, samples in (("samples_per_s", 1), ("queries_per_s", measurement.samples_per_query)):
        rate = metrics.get(name)
        if rate is not None:
            return {METRIC: _inverted(rate, samples * lasts)}
    return {}


def _inverted(rate: Measured, factor: float) -> Measured:
    if rate.value is None:
        return rate
    interval = rate.interval
    if interval is not None:
        # A rate's interval may reach to zero or below: then the time has no upper end, and no interval is told.
        ends = (interval.low, interval.high)
        interval = _between(interval, 1.0 / (ends[1] * factor), 1.0 / (ends[0] * factor)) if ends[0] > 0 else None
    return msgspec.structs.replace(rate, value=1.0 / (rate.value * factor), interval=interval)


def _between(interval: Interval, low: float, high: float) -> Interval:
    return msgspec.structs.replace(interval, low=low, high=high)
