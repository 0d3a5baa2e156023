"""A profile of the machine that this runs on: every reader once, and the reasons for what none of them could tell."""

from __future__ import annotations

import os
import platform as python_platform
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bench.hardware.container import read_container
from bench.hardware.cpu import read_cpu
from bench.hardware.files import Files
from bench.hardware.memory import read_memory
from bench.hardware.nvml import NoNvml, Nvml, open_nvml, read_cards
from bench.hardware.platform import operating_system, read_disks, read_platform, read_serials
from bench.processor import processor_name
from bench.records.profile import Accelerator, MachineClass, OpenClDevice, Power, PowerSource, Profile, Software, Use

UNNAMED = "unknown"
NAME = "this-host"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What other rooms know of a machine, and what stands in where its kernel says nothing (not on Linux)."""

    architecture: str
    kernel: str
    python: str
    system: str | None = None
    cpu_model: str | None = None
    memory_bytes: int | None = None
    threads: int | None = None
    versions: Mapping[str, str] = {}
    opencl: Sequence[OpenClDevice] = ()
    use: Use | None = None
    unknown: Mapping[str, str] = {}


def told_by_python(versions: Mapping[str, str] | None = None) -> Told:
    """What Python and psutil say of this machine."""
    import psutil

    return Told(
        architecture=python_platform.machine(),
        kernel=python_platform.release(),
        python=f"{python_platform.python_implementation()} {python_platform.python_version()}",
        system=f"{python_platform.system()} {python_platform.mac_ver()[0]}".strip(),
        cpu_model=processor_name(),
        memory_bytes=psutil.virtual_memory().total,
        threads=os.cpu_count(),
        versions=versions or {},
    )


def detect(told: Told, files: Files | None = None, start_nvml: Callable[[], Nvml] = open_nvml) -> Profile:
    """The machine under `files`, with the cards that `start_nvml` gives. Never raises for what cannot be read."""
    files = files or Files()
    container = read_container(files)
    cpu, missing = read_cpu(files, container, told.architecture, told.cpu_model)
    if cpu.threads is None and told.threads:
        cpu = msgspec.structs.replace(cpu, threads=told.threads)
        missing.pop("cpu.threads", None)
    memory, more = read_memory(files, container, told.memory_bytes)
    platform, rest = read_platform(files)
    cards, ids, why = _cards(start_nvml)
    unknown = {**missing, **more, **rest, **why, **told.unknown}
    serials = msgspec.structs.replace(read_serials(files), accelerators=ids)
    return Profile(
        name=NAME,
        vendor=platform.vendor or UNNAMED,
        model=platform.product or cpu.model or UNNAMED,
        machine_class=_class(cards, told.opencl),
        tested=True,
        use=told.use,
        cpu=cpu,
        memory=memory,
        accelerators=cards,
        opencl=tuple(told.opencl),
        disks=read_disks(files),
        platform=platform,
        container=container,
        software=Software(
            system=operating_system(files) or told.system,
            kernel=told.kernel,
            python=told.python,
            versions=dict(sorted(told.versions.items())),
        ),
        power=Power(source=_power_source(files, cards)),
        serials=serials,
        unknown=dict(sorted(unknown.items())),
    )


def _cards(start_nvml: Callable[[], Nvml]) -> tuple[tuple[Accelerator, ...], tuple[str, ...], dict[str, str]]:
    try:
        nvml = start_nvml()
    except NoNvml as error:
        return (), (), {"accelerators": str(error)}
    return *read_cards(nvml), {}


def _class(cards: Sequence[Accelerator], opencl: Sequence[OpenClDevice]) -> MachineClass:
    """What the devices that were seen make of a machine; a profile of one's own may say better."""
    if cards or any(device.type == "gpu" for device in opencl):
        return "gpu_server"
    return "fpga_card" if any(device.type == "accelerator" for device in opencl) else "cpu_server"


def _power_source(files: Files, cards: Sequence[Accelerator]) -> PowerSource:
    """What will be read without being told: cards' own counters first, then the processors'."""
    if cards:
        return "nvml"
    if any(files.number(f"{zone}/energy_uj") is not None for zone in files.names("sys/class/powercap/*:*")):
        return "rapl"
    return "hwmon" if files.names("sys/class/hwmon/hwmon[0-9]*/power[0-9]*_[ia]*") else "none"
