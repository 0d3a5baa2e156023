"""What this host is, read without privileges; what cannot be read is None and never a guess."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from bench.hardware.container import usable_cores
from bench.hardware.files import Files
from bench.hardware.platform import operating_system, virtualised
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
        operating_system=_system_name(),
        kernel=platform.release(),
        virtualised=virtualised(Files()),
        governor=_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        frequency_max_mhz=_frequency_max_mhz(),
        numa_nodes=len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))) or None,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages=package_versions(),
    )


def package_versions() -> dict[str, str]:
    """Versions of engines and libraries that are installed."""
    return {name: found for name in _PACKAGES if (found := _package_version(name)) is not None}


def _system_name() -> str:
    return operating_system(Files()) or f"{platform.system()} {platform.mac_ver()[0]}".strip()


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
