"""What was measured on: the host, its devices, and what the engine says it did there."""

from __future__ import annotations

import msgspec

from bench.records.plan import Setting


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device as a backend lists it; addressed as `kind` or `kind:index`."""

    kind: str
    index: int = 0
    title: str = ""
    memory_bytes: int | None = None
    precisions: tuple[str, ...] = ("fp32",)

    @property
    def address(self) -> str:
        return f"{self.kind}:{self.index}"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine reports of a compiled model; read back from it, not copied from the request.

    `device_operator_share` is the share of operators that ran on the device (0 to 1), None where the engine does
    not tell. `int8_share` is the share of the convolutions and matrix products that compute in int8, None where nobody
    counted. `synthetic`: the engine makes its times up, by a script; what comes of it is never a measured result.
    """

    engine: str
    engine_version: str
    precision_executed: str
    driver_version: str | None = None
    device_operator_share: float | None = None
    int8_share: float | None = None
    compile_s: float
    memory_bytes: int | None = None
    synthetic: bool = False
    applied: dict[str, Setting] = {}


class DeviceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One of several devices that answered together, and what its engine says it did there."""

    device: Device
    facts: Facts


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """The machine, as far as an unprivileged process can read it; None means not readable, never zero."""

    cpu_model: str
    architecture: str
    cores_physical: int | None
    cores_usable: int
    memory_bytes: int
    operating_system: str
    kernel: str
    virtualised: str | None
    governor: str | None
    frequency_max_mhz: float | None
    numa_nodes: int | None
    python: str
    packages: dict[str, str]


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """What disturbed a window of time: shares of all CPU time (0 to 1), and counts; None where not readable."""

    seconds: float
    foreign_cpu_share: float | None = None
    steal_share: float | None = None
    involuntary_switches_per_s: float | None = None
    swapped_pages: int | None = None
    frequency_change: float | None = None
