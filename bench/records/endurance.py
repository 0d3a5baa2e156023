"""How a machine does for long, and how it grows with more of itself: the results of `bench soak` and `bench scale`."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.energy import Energy
from bench.records.findings import Finding
from bench.records.numbers import Interval, Measured
from bench.records.plan import Measurement
from bench.records.state import State

Axis = Literal["workers", "cores", "devices"]


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """A figure over the time of a soak: means of its first and last tenth, and whether it moved one way all along.

    `significance` is the two-sided p of Mann and Kendall; `drifts` is set where it is small and the change is large.
    """

    first: float
    last: float
    change: float
    significance: float
    drifts: bool


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """Steady load for `seconds`: throughput in samples and latency in ns by the window, memory of the engine's process.

    `energy` is that of the loaded time, and `energy_per_sample_j` what a sample took of it, by metric.
    `sound`: no error, no drift of speed, no throttling, and memory does not grow.
    """

    measurement: Measurement
    seconds: float
    samples_per_s: Trend | None = None
    latency_ns: Trend | None = None
    memory_bytes: Trend | None = None
    window_s: float = 0.0
    window_samples: tuple[int, ...] = ()
    window_latency_ns: tuple[float | None, ...] = ()
    memory_course_bytes: tuple[int, ...] = ()
    failed_share: float = 0.0
    failure: str | None = None
    state: State | None = None
    energy: Energy | None = None
    energy_per_sample_j: dict[str, Measured] = {}
    findings: tuple[Finding, ...] = ()
    sound: bool = False


class ScalePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Throughput with `count` of something, and e(n) = T(n) / (n · T(1)); intervals are over rounds."""

    count: int
    samples_per_s: float | None = None
    interval: Interval | None = None
    efficiency: float | None = None
    efficiency_interval: Interval | None = None
    failure: str | None = None


class Scaling(msgspec.Struct, frozen=True, kw_only=True):
    """How one measurement grows along an axis; rounds were taken in turn."""

    workload: str
    axis: Axis
    rounds: int
    points: tuple[ScalePoint, ...]
