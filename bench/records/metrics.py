"""The one registry of metrics: id, unit, better direction, definition (decisions.md 16).

A figure is addressed as `<workload>.<scenario>.<metric>`; how it is computed stands in `bench.scoring`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

Better = Literal["higher", "lower"]


class MetricDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric is: `definition` is an English sentence; `unit` is one of "ns", "1/s", "J", "s/s", "channels", "1".

    "1" is a share.
    """

    id: str
    unit: str
    better: Better
    definition: str


_FROM_SCHEDULED = "of the query latency counted from the scheduled moment"
_ROWS: tuple[tuple[str, str, Better, str], ...] = (
    ("latency_p50_ns", "ns", "lower", f"50th percentile, sorted[floor(n p)], {_FROM_SCHEDULED}."),
    ("latency_p90_ns", "ns", "lower", f"90th percentile, sorted[floor(n p)], {_FROM_SCHEDULED}."),
    ("latency_p99_ns", "ns", "lower", f"99th percentile, sorted[floor(n p)], {_FROM_SCHEDULED}."),
    ("latency_p999_ns", "ns", "lower", f"99.9th percentile, sorted[floor(n p)], {_FROM_SCHEDULED}."),
    ("latency_mean_ns", "ns", "lower", f"Arithmetic mean {_FROM_SCHEDULED}; refused when a query failed."),
    ("latency_p90_from_start_ns", "ns", "lower",
     "90th percentile of the query latency counted from the moment the query was issued, as MLPerf LoadGen counts."),
    ("latency_p99_from_start_ns", "ns", "lower",
     "99th percentile of the query latency counted from the moment the query was issued, as MLPerf LoadGen counts."),
    ("latency_p90_early_stopping_ns", "ns", "lower",
     "MLPerf's 99 % upper bound of the 90th percentile of the latency from issue; assumes independent queries."),
    ("latency_p99_early_stopping_ns", "ns", "lower",
     "MLPerf's 99 % upper bound of the 99th percentile of the latency from issue; assumes independent queries."),
    ("queries_per_s", "1/s", "higher", "Queries completed without failure, divided by last end minus first scheduled."),
    ("samples_per_s", "1/s", "higher", "Samples completed without failure, divided by last end minus first scheduled."),
    ("rate_held_per_s", "1/s", "higher",
     "The smaller of queries scheduled and queries completed per second, at a rate whose late share is within bounds."),
    ("late_share", "1", "lower",
     "Share of the queries that ended later than the latency bound after they were due, or failed."),
    ("channels", "channels", "higher",
     "Cameras of which every one had 99 % of its frames answered within the deadline."),
    ("worst_late_share", "1", "lower",
     "Of the camera with the most of them: share of its frames that were dropped, failed or ended after the deadline."),
    ("dropped_share", "1", "lower", "Share of the frames that were older than the deadline before anybody took them."),
    ("goodput_retained", "1", "higher",
     "Goodput at 120 % of what the engine does without gaps, divided by the highest goodput at any rate of the ramp."),
    ("throughput_retained", "1", "higher",
     "Completed rate at 120 % of what the engine does without gaps, divided by the most at any step of the ramp."),
    ("goodput_peak_per_s", "1/s", "higher",
     "The highest goodput of the ramp: queries per second that ended within the latency bound."),
    ("knee_per_s", "1/s", "higher",
     "Offered rate with the greatest power, throughput divided by mean latency (Kleinrock 1979)."),
    ("scheduled_per_s", "1/s", "higher", "Queries scheduled, divided by the moment when the last one was due."),
    ("wall_energy_per_sample_j", "J", "lower",
     "Energy at the wall over the measured window, by a meter, divided by the samples answered in it."),
    ("device_energy_per_sample_j", "J", "lower",
     "Energy by the own counters of what computed (processors with memory, or all cards), per sample answered."),
    ("host_cpu_per_sample_ns", "ns", "lower",
     "Processor time of the host, of harness and engine together, over the measured window, per sample answered."),
    ("real_time_factor", "s/s", "lower",
     "Time that passes for each second of recorded sound that is answered, by the mean length of the loaded set."),
    ("failed_share", "1", "lower", "Share of the queries that failed, were refused or timed out."),
)  # fmt: skip

METRICS: Mapping[str, MetricDefinition] = MappingProxyType(
    {id_: MetricDefinition(id=id_, unit=unit, better=better, definition=text) for id_, unit, better, text in _ROWS}
)

PRIMARY: Mapping[str, str] = MappingProxyType(
    {
        "single_stream": "latency_p90_ns",
        "multi_stream": "latency_p99_ns",
        "server": "rate_held_per_s",
        "streams": "channels",
        "ramp": "goodput_peak_per_s",
        "trace": "latency_p99_ns",
        "concurrent": "latency_p99_ns",
        "offline": "samples_per_s",
    }
)
"""The primary metric of each scenario (measurement.md, section 2)."""

UNITS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "ns": {"ns": 0, "us": 3, "ms": 6, "s": 9},
        "1": {"1": 0, "%": -2},
        "J": {"J": 0, "mJ": -3},
        "1/s": {"1/s": 0},
        "channels": {"channels": 0},
    }
)
"""What a figure of a unit may be written in, as powers of ten of that unit; another unit is written as it is."""
