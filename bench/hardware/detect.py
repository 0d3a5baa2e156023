"""A profile of the machine that this runs on: every reader once, and the reasons for what none of them could tell."""

from __future__ import annotations

import os
import platform as python_platform
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bench.hardware.accelerators import read_accelerators
from bench.hardware.ascend import Ask, ask_tool
from bench.hardware.container import read_container
from bench.hardware.cpu import read_cpu
from bench.hardware.files import Files
from bench.hardware.memory import read_memory
from bench.hardware.nvml import Nvml, open_nvml
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


def detect(
    told: Told, files: Files | None = None, start_nvml: Callable[[], Nvml] = open_nvml, ask_npu: Ask = ask_tool
) -> Profile:
    """The machine under `files`, with the cards that `start_nvml` and `ask_npu` give besides.

    Never raises for what cannot be read.
    """
    files = files or Files()
    container = read_container(files)
    cpu, missing = read_cpu(files, container, told.architecture, told.cpu_model)
    if cpu.threads is None and told.threads:
        cpu = msgspec.structs.replace(cpu, threads=told.threads)
        missing.pop("cpu.threads", None)
    memory, more = read_memory(files, container, told.memory_bytes)
    platform, rest = read_platform(files)
    cards = read_accelerators(files, start_nvml, ask_npu)
    unknown = {**missing, **more, **rest, **cards.unknown, **told.unknown}
    serials = msgspec.structs.replace(read_serials(files), accelerators=cards.serials)
    return Profile(
        name=NAME,
        vendor=platform.vendor or UNNAMED,
        model=platform.product or cpu.model or UNNAMED,
        machine_class=_class(cards.found, told.opencl),
        tested=True,
        use=told.use,
        cpu=cpu,
        memory=memory,
        accelerators=cards.found,
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
        power=Power(source=_power_source(files, cards.nvidia)),
        serials=serials,
        unknown=dict(sorted(unknown.items())),
    )


def _class(cards: Sequence[Accelerator], opencl: Sequence[OpenClDevice]) -> MachineClass:
    """What the devices that were seen make of a machine; a profile of one's own may say better."""
    kinds = {card.kind for card in cards}
    if "gpu" in kinds or any(device.type == "gpu" for device in opencl):
        return "gpu_server"
    if "npu" in kinds:
        return "ai_chip"
    return "fpga_card" if "fpga" in kinds or any(device.type == "accelerator" for device in opencl) else "cpu_server"


def _power_source(files: Files, nvidia: bool) -> PowerSource:
    """What will be read without being told: cards' own counters first, then the processors'."""
    if nvidia:
        return "nvml"
    if any(files.number(f"{zone}/energy_uj") is not None for zone in files.names("sys/class/powercap/*:*")):
        return "rapl"
    return "hwmon" if files.names("sys/class/hwmon/hwmon[0-9]*/power[0-9]*_[ia]*") else "none"
