"""OpenCL's platforms and devices: what is here, under names that do not depend on the order drivers are listed in."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import msgspec

from bench.backends.base import Unsupported
from bench.backends.checks import missing_package
from bench.records.host import Device
from bench.records.plan import Precision

if TYPE_CHECKING:
    import pyopencl

# What `device.type` says, by the bits that the standard gives them.
_KINDS = {"cpu": 1 << 1, "gpu": 1 << 2, "accelerator": 1 << 3, "custom": 1 << 4}
# PoCL of the package index names vectors of 16 and compiles for processors with registers for 8.
_NARROW = ("PoCL 3.0",)


class Traits(msgspec.Struct, frozen=True):
    """What kernels are chosen by: compute units, floats in a register (8 or 16), how pairs of shorts are multiplied."""

    units: int
    vector: int
    madd: str = "portable"


class Found(msgspec.Struct, frozen=True):
    """A device as the harness lists it, and OpenCL's own."""

    device: Device
    own: pyopencl.Device

    @property
    def platform(self) -> str:
        return str(self.own.platform.name).strip()

    @property
    def traits(self) -> Traits:
        version = str(self.own.platform.version)
        wide = self.own.native_vector_width_float >= 16 and not any(one in version for one in _NARROW)
        return Traits(units=max(1, self.own.max_compute_units), vector=16 if wide else 8)


def found_devices() -> list[Found]:
    """All devices, numbered within their kind by platform and name; empty where there is no driver or no package."""
    return _listed()[0]


def refused_devices() -> dict[str, str]:
    """Platforms that do not answer, and why."""
    return _listed()[1]


def why_none() -> str:
    """Why there is no device, as half a sentence."""
    missing = missing_package("pyopencl", "opencl")
    if missing is not None:
        return missing
    try:
        import pyopencl
    except Exception as error:  # noqa: BLE001 - a library that does not load raises what the loader likes
        return f"pyopencl cannot be loaded: {_words(error)}"
    try:
        pyopencl.get_platforms()
    except pyopencl.Error as error:
        return (
            f"no OpenCL driver answers ({_words(error)}); `pip install pocl-binary-distribution` brings one for the CPU"
        )
    refused = refused_devices()
    if refused:
        return "; ".join(f"{name}: {why}" for name, why in refused.items())
    return "the OpenCL drivers here have no device"


def look_up(device: Device, platform: str | None) -> Found:
    """OpenCL's device for one of ours. Raises Unsupported when it has gone, or lies on another platform than asked."""
    for one in found_devices():
        if (one.device.kind, one.device.index) == (device.kind, device.index):
            if platform is not None and platform.lower() not in one.platform.lower():
                raise Unsupported(
                    f"opencl's {device.address} is of the platform {one.platform!r}; the setting 'platform' asks for "
                    f"{platform!r}. `bench list --devices` shows what is where."
                )
            return one
    here = ", ".join(one.device.address for one in found_devices()) or "no device"
    raise Unsupported(f"opencl sees {here}; {device.address} has gone.")


def precisions_of(device: pyopencl.Device) -> tuple[Precision, ...]:
    """What products can be computed in; halves in memory need an extension."""
    return ("fp32", "fp16", "int8") if "cl_khr_fp16" in str(device.extensions).split() else ("fp32", "int8")


def _listed() -> tuple[list[Found], dict[str, str]]:
    if missing_package("pyopencl", "opencl") is not None:
        return [], {}
    try:
        import pyopencl

        platforms = pyopencl.get_platforms()
    except Exception:  # noqa: BLE001 - as above; `why_none` tells
        return [], {}
    own: list[tuple[str, str, str, pyopencl.Device]] = []
    refused: dict[str, str] = {}
    for platform in platforms:
        try:
            name, version = platform.name.strip(), platform.version.strip()
            for one in platform.get_devices():
                trouble = _trouble(one)
                if trouble:
                    refused[f"{one.name.strip()} ({name}, {version.split('  ')[0]})"] = trouble
                else:
                    own.append((name, version, one.name.strip(), one))
        except pyopencl.Error as error:  # one driver that is broken leaves the others usable
            if "DEVICE_NOT_FOUND" not in str(error):
                refused[str(getattr(platform, "name", "a platform")).strip()] = _words(error)
    counts: dict[str, int] = {}
    found = []
    for name, _, title, one in sorted(own, key=lambda entry: entry[:3]):
        kind = next((word for word, bit in _KINDS.items() if one.type & bit), "custom")
        index = counts.get(kind, 0)
        counts[kind] = index + 1
        shared = bool(one.host_unified_memory)
        device = Device(
            kind=kind,
            index=index,
            title=f"{title} ({name})",
            memory_bytes=None if shared else int(one.global_mem_size),
            precisions=precisions_of(one),
        )
        found.append(Found(device, one))
    return found, refused


@cache
def _trouble(device: pyopencl.Device) -> str:
    """Why a device cannot be used although its driver lists it; empty where it can.

    Found by compiling a kernel of one line: a PoCL that is older than the processor says all is well and then cannot.
    """
    import pyopencl

    if not device.available:
        return "its driver says that it is not available"
    if not device.compiler_available:
        return ""  # takes programs that were compiled elsewhere
    try:
        pyopencl.Program(pyopencl.Context([device]), "__kernel void f(__global float* x) { x[0] = 1.0f; }").build()
    except pyopencl.Error as error:
        complaint = next((line.strip() for line in str(error).splitlines() if "error:" in line), _words(error))
        older = "unknown target CPU" in complaint
        hint = "; it is older than this processor, take your system's (Debian: pocl-opencl-icd)" if older else ""
        return f"it cannot compile a kernel ({complaint}){hint}"
    return ""


def _words(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
