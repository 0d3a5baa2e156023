"""What this host is, read without privileges; what cannot be read is None and never a guess."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from bench.processor import processor_name
from bench.records.host import Host

_PACKAGES = ("numpy", "onnx", "onnxruntime", "torch", "openvino", "pyopencl", "msgspec", "duckdb", "scipy")


def inspect_host() -> Host:
    """The record of this machine."""
    return Host(
        cpu_model=processor_name(),
        architecture=platform.machine(),
        cores_physical=psutil.cpu_count(logical=False),
        cores_usable=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        operating_system=_operating_system(),
        kernel=platform.release(),
        virtualised=_virtualised(),
        governor=_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        frequency_max_mhz=_frequency_max_mhz(),
        numa_nodes=len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))) or None,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: found for name in _PACKAGES if (found := _package_version(name)) is not None},
    )


def usable_cores() -> int:
    """CPUs that this process may use: its affinity, cut by a container's CPU quota (cgroup v2)."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _text("/sys/fs/cgroup/cpu.max")
    if quota and not quota.startswith("max"):
        limit, period = quota.split()[:2]
        allowed = min(allowed, max(1, int(limit) // int(period)))
    return allowed


def _operating_system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.mac_ver()[0]}".strip()


def _virtualised() -> str | None:
    cpu_flags = _text("/proc/cpuinfo")
    if cpu_flags is None:
        return None
    if " hypervisor" in cpu_flags:
        return _text("/sys/class/dmi/id/sys_vendor") or "yes"
    return "no"


def _frequency_max_mhz() -> float | None:
    khz = _text("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    return int(khz) / 1000 if khz else None


def _package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
