"""What a device reaches at most, measured by its own engine, and how much of that a measurement used."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.numbers import Interval


class MeasuredPeak(msgspec.Struct, frozen=True, kw_only=True):
    """The most that one engine reached on one device: a chain of matrix products, or reading a matrix once.

    `per_s` is operations (a multiply-add is two) or bytes per second, from host to host; `precision` is what was
    executed, `asked` what was asked for. `shape` is (rows, size, depth). `refused` says why there is nothing of it.
    """

    what: Literal["product", "read"]
    device: str
    asked: str
    engine: str = ""
    precision: str = ""
    per_s: float | None = None
    interval: Interval | None = None
    calls: int = 0
    shape: tuple[int, int, int] = (0, 0, 0)
    refused: str | None = None


class Utilisation(msgspec.Struct, frozen=True, kw_only=True):
    """A peak of the hardware profile for the executed precision, and the share of it that was used."""

    ops_per_s: float
    source: str
    share: float


class Roofline(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement under the roofline of its devices.

    `ops_per_sample` counts a multiply-add of the graph as two. `bytes_per_sample` is the least that must move: inputs,
    outputs, and the weights once per batch; so operations per byte are the most that they can be. `limit_ops_per_s` is
    where the roof stands at that intensity, None where the profile has no bandwidth.
    """

    ops_per_sample: int
    bytes_per_sample: float
    achieved_ops_per_s: float
    peaks: tuple[Utilisation, ...] = ()
    bandwidth_bytes_per_s: float | None = None
    limit_ops_per_s: float | None = None
    limited_by: Literal["arithmetic", "memory"] | None = None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one sample of a network costs, from its graph: multiply-adds, parameters, bytes of inputs and outputs."""

    macs: int
    parameters: int
    io_bytes: int
