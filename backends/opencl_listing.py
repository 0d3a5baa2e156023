"""The process that asks OpenCL drivers for their devices and writes one line; `bench.host` starts it."""

from __future__ import annotations

import sys
from typing import Any  # objects of pyopencl

import msgspec

from bench.records.profile import OpenClDevice, OpenClSeen


def _ask() -> OpenClSeen:
    try:
        import pyopencl
    except ImportError:
        return OpenClSeen(why="the package pyopencl is not installed")
    try:
        found = [_device(pyopencl, device) for one in pyopencl.get_platforms() for device in one.get_devices()]
    except Exception as error:  # noqa: BLE001 - a driver may raise anything
        return OpenClSeen(why=f"OpenCL: {' '.join(str(error).split())}")
    return OpenClSeen(devices=tuple(found), why=None if found else "OpenCL names no device")


def _device(pyopencl: Any, device: Any) -> OpenClDevice:
    kinds = {"CPU": "cpu", "GPU": "gpu", "ACCELERATOR": "accelerator"}
    named = [word for key, word in kinds.items() if device.type & getattr(pyopencl.device_type, key)]
    return OpenClDevice(
        platform=str(device.platform.name).strip(),
        name=str(device.name).strip(),
        type=named[0] if named else "other",
        version=str(device.version).strip() or None,
        driver=str(device.driver_version).strip() or None,
        compute_units=int(device.max_compute_units) or None,
        memory_bytes=int(device.global_mem_size) or None,
    )


if __name__ == "__main__":
    sys.stdout.write("\n" + msgspec.json.encode(_ask()).decode() + "\n")
