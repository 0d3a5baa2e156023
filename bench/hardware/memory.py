"""Main memory: its size from `/proc/meminfo`, its kind from SMBIOS (root only) or memory controllers (EDAC)."""

from __future__ import annotations

import re

from bench.hardware.dmi import modules
from bench.hardware.files import Files
from bench.records.profile import Container, Memory

_TABLE = "sys/firmware/dmi/tables/DMI"
_DIMMS = "sys/devices/system/edac/mc/mc[0-9]*/dimm[0-9]*"
_TOTAL = re.compile(r"^MemTotal:\s+(\d{1,15}) kB", re.MULTILINE)
_KIND = re.compile(r"(?:LP)?DDR\d|HBM\d?")
_CHANNEL = re.compile(r"channel (\d+)")


def read_memory(files: Files, container: Container, total_bytes: int | None = None) -> tuple[Memory, dict[str, str]]:
    """Memory, and why what is missing is not known; `total_bytes` stands in where the kernel does not say.

    `bytes` is what is installed where the firmware tells, else what the kernel manages, which is a little less.
    """
    plugged = modules(files.raw(_TABLE) or b"")
    managed = _TOTAL.search(files.text("proc/meminfo") or "")
    seen = int(managed[1]) << 10 if managed else total_bytes
    types = {module.type for module in plugged} - {None}
    rates = [module.transfers_per_s for module in plugged if module.transfers_per_s]
    limit, kinds, channels = container.memory_limit_bytes, *_controllers(files)
    memory = Memory(
        bytes=sum(module.bytes for module in plugged) or seen or None,
        usable_bytes=min(seen, limit) if seen and limit else seen,
        type=" + ".join(sorted(filter(None, types))) or kinds,
        modules=len(plugged) or len(files.names(_DIMMS)) or None,
        channels=channels,
        transfers_per_s=min(rates, default=None),
    )
    sources = {
        "bytes": "proc/meminfo",
        "type": _TABLE,
        "modules": _TABLE,
        "transfers_per_s": _TABLE,
        "channels": "sys/devices/system/edac/mc/mc0/dimm0/dimm_location",
    }
    return memory, {f"memory.{name}": files.why(path) for name, path in sources.items() if not getattr(memory, name)}


def _controllers(files: Files) -> tuple[str | None, int | None]:
    """Kind of memory and channels that are in use, as the memory controllers' drivers have them."""
    types, channels = set(), set()
    for path in files.names(_DIMMS):
        if not files.number(f"{path}/size"):
            continue
        if found := _KIND.search(files.text(f"{path}/dimm_mem_type") or ""):
            types.add(found[0])
        if found := _CHANNEL.search(files.text(f"{path}/dimm_location") or ""):
            channels.add((path.split("/")[-2], found[1]))
    return " + ".join(sorted(types)) or None, len(channels) or None
