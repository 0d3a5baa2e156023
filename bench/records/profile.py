"""A hardware profile: what a machine is, typed by hand (`hardware_profiles/*.toml`) or read from the machine itself.

All facts but a few may be missing: None is "not known", never zero. `unknown` says why, by the path of the fact.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec

from bench.records.plan import Setting

MachineClass = Literal["cpu_server", "gpu_server", "fpga_card", "edge_fpga", "ai_chip", "domain_chip"]
AcceleratorKind = Literal["gpu", "fpga", "npu", "other"]
PowerSource = Literal["nvml", "rapl", "hwmon", "ipmi", "redfish", "meter", "none"]

Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
Bytes = Annotated[int, msgspec.Meta(ge=1, le=1 << 62)]
Amount = Annotated[float, msgspec.Meta(gt=0.0, lt=1e24)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all tables of a profile have in common: a name that nobody knows is refused."""


class Peak(_Part, frozen=True, kw_only=True):
    """The most that arithmetic of one precision reaches: operations per second, a multiply-add counts as two.

    `sparse`: only where half of the weights are zero in the vendor's pattern. `source` is a public page, or how it was
    measured; `interval` is the 95 % interval of a measured one.
    """

    precision: str
    ops_per_s: Amount
    source: str
    sparse: bool = False
    interval: tuple[float, float] | None = None


class Cache(_Part, frozen=True, kw_only=True):
    """Caches of one level and kind: the size of one of them, and how many there are."""

    level: Count
    kind: Literal["data", "instruction", "unified"]
    bytes: Bytes
    instances: Count


class Cpu(_Part, frozen=True, kw_only=True):
    """Processors. `cores` and `threads` are those of the machine; `threads_usable` those that this process may use."""

    vendor: str | None = None
    model: str | None = None
    architecture: str | None = None
    sockets: Count | None = None
    cores: Count | None = None
    threads: Count | None = None
    threads_usable: Count | None = None
    numa_nodes: Count | None = None
    frequency_max_mhz: Amount | None = None
    isa: tuple[str, ...] = ()
    caches: tuple[Cache, ...] = ()
    microcode: str | None = None
    power_limit_w: Amount | None = None
    peaks: tuple[Peak, ...] = ()


class Memory(_Part, frozen=True, kw_only=True):
    """Main memory; `bandwidth_bytes_per_s` is of all channels together, with its source."""

    bytes: Bytes | None = None
    usable_bytes: Bytes | None = None
    type: str | None = None
    modules: Count | None = None
    channels: Count | None = None
    transfers_per_s: Amount | None = None
    bandwidth_bytes_per_s: Amount | None = None
    bandwidth_source: str | None = None


class Accelerator(_Part, frozen=True, kw_only=True):
    """`count` equal devices; all figures are of one of them."""

    kind: AcceleratorKind = "other"
    vendor: str | None = None
    model: str | None = None
    count: Count = 1
    memory_bytes: Bytes | None = None
    memory_type: str | None = None
    bandwidth_bytes_per_s: Amount | None = None
    bandwidth_source: str | None = None
    power_limit_w: Amount | None = None
    power_limit_least_w: Amount | None = None
    power_limit_most_w: Amount | None = None
    clock_max_mhz: Amount | None = None
    memory_clock_max_mhz: Amount | None = None
    ecc: bool | None = None
    partitioned: bool | None = None
    compute_capability: str | None = None
    pcie_generation: Count | None = None
    pcie_width: Count | None = None
    driver: str | None = None
    firmware: str | None = None
    peaks: tuple[Peak, ...] = ()


class OpenClDevice(_Part, frozen=True, kw_only=True):
    """A device as its OpenCL platform names it."""

    platform: str
    name: str
    type: str
    version: str | None = None
    driver: str | None = None
    compute_units: Count | None = None
    memory_bytes: Bytes | None = None


class OpenClSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What the OpenCL drivers of a machine name, or why there is nothing."""

    devices: tuple[OpenClDevice, ...] = ()
    why: str | None = None


class Disk(_Part, frozen=True, kw_only=True):
    """A block device; `rotating` tells a hard disk from flash memory."""

    name: str
    model: str | None = None
    bytes: Bytes | None = None
    rotating: bool | None = None


class Platform(_Part, frozen=True, kw_only=True):
    """Maker and model of the machine, its firmware, and whether it is a virtual one (`no`, or what it is)."""

    vendor: str | None = None
    product: str | None = None
    firmware: str | None = None
    firmware_date: str | None = None
    virtualised: str | None = None


class Container(_Part, frozen=True, kw_only=True):
    """The limits that a container or a control group sets: CPUs (a quota may be a fraction) and memory."""

    kind: str | None = None
    cpu_quota: Amount | None = None
    cpus_allowed: Count | None = None
    memory_limit_bytes: Bytes | None = None


class Software(_Part, frozen=True, kw_only=True):
    """Operating system, kernel, and versions of engines and drivers by name."""

    system: str | None = None
    kernel: str | None = None
    python: str | None = None
    versions: dict[str, str] = {}


class Meter(_Part, frozen=True, kw_only=True):
    """A meter outside the machine, as its certificate has it: class in percent of the reading, day of calibration."""

    model: str
    class_percent: Amount | None = None
    calibrated: str | None = None
    serial: str | None = None


class Power(_Part, frozen=True, kw_only=True):
    """Where power is read, and the most that the whole machine may take, with its source."""

    source: PowerSource | None = None
    limit_w: Amount | None = None
    limit_source: str | None = None
    meter: Meter | None = None


class Price(_Part, frozen=True, kw_only=True):
    """What a buyer may want to see beside a result; no score takes it in."""

    amount: Amount
    currency: str
    date: str
    source: str


class Origin(_Part, frozen=True, kw_only=True):
    """Where parts come from, as the vendor declares it; shown beside a result, never scored, checked by nobody here."""

    cpu: str | None = None
    system: str | None = None
    accelerator: str | None = None
    framework: str | None = None


class Serials(_Part, frozen=True, kw_only=True):
    """What tells one machine from another of its kind; apart, so that it can be left out."""

    system: str | None = None
    board: str | None = None
    accelerators: tuple[str, ...] = ()


class Use(_Part, frozen=True, kw_only=True):
    """What `bench run --profile` takes where no flag says otherwise."""

    backend: str
    devices: tuple[str, ...] = ("cpu",)
    settings: dict[str, Setting] = {}


class Profile(_Part, frozen=True, kw_only=True):
    """One kind of machine, or one machine. `tested`: the harness had been run on one when the profile was written."""

    schema: Literal[1] = 1
    name: str
    vendor: str
    model: str
    machine_class: MachineClass = msgspec.field(name="class")
    availability: Literal["available", "preview", "research"] = "available"
    tested: bool = False
    note: str | None = None
    use: Use | None = None
    cpu: Cpu = Cpu()
    memory: Memory = Memory()
    accelerators: tuple[Accelerator, ...] = ()
    opencl: tuple[OpenClDevice, ...] = ()
    disks: tuple[Disk, ...] = ()
    platform: Platform = Platform()
    container: Container = Container()
    software: Software = Software()
    power: Power = Power()
    price: Price | None = None
    origin: Origin = Origin()
    serials: Serials = Serials()
    unknown: dict[str, str] = {}

    def __post_init__(self) -> None:
        peaks = [*self.cpu.peaks, *(peak for card in self.accelerators for peak in card.peaks)]
        for peak in peaks:
            if peak.interval is not None and not all(map(math.isfinite, peak.interval)):
                raise ValueError(f"the interval of the {peak.precision} peak is not finite")


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that a profile states and the machine shows otherwise, by its path (`memory.bytes`)."""

    path: str
    typed: str
    detected: str


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was made on: `facts` as detected, filled up from the profile that it named, without serials.

    `profile` and `sha256` (of the file) say which profile that was; None where none was named.
    """

    facts: Profile
    profile: str | None = None
    sha256: str | None = None
    contradictions: tuple[Contradiction, ...] = ()
