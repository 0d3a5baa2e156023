"""Processors from `/proc/cpuinfo` and `/sys/devices/system/cpu`, as the kernel's documentation describes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.hardware.arm import core_name
from bench.hardware.container import cut_by
from bench.hardware.files import Files, spans
from bench.records.profile import Cache, Container, Cpu

_CPUS = "sys/devices/system/cpu"
_SIZE = re.compile(r"(\d{1,9})\s*([KMG]?)", re.ASCII)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
# The flags that decide how fast matrices are multiplied, in the kernel's spelling: x86, Arm, LoongArch.
_ISA = (
    *("sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16"),
    *("avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme", "sme2"),
    *("lsx", "lasx"),
)


def read_cpu(
    files: Files, container: Container, architecture: str, model: str | None = None
) -> tuple[Cpu, dict[str, str]]:
    """The processors, and why what is missing is not known; `model` stands in where the kernel has no name for them."""
    entries = _entries(files.text("proc/cpuinfo"))
    first = entries[0] if entries else {}
    online = [path.removesuffix("/topology") for path in files.names(f"{_CPUS}/cpu[0-9]*/topology")]
    threads = len(online) or len(entries) or None
    vendor, named = _names(entries)
    cpu = Cpu(
        vendor=vendor,
        model=named or files.text("proc/device-tree/model") or model,
        architecture=architecture,
        sockets=_distinct(files, online, "physical_package_id") or _listed(entries, ("physical id",)),
        cores=_distinct(files, online, "thread_siblings_list") or _listed(entries, ("physical id", "core id")),
        threads=threads,
        threads_usable=cut_by(container, threads) if threads else None,
        numa_nodes=len(files.names("sys/devices/system/node/node[0-9]*")) or None,
        frequency_max_mhz=_frequency_mhz(files),
        isa=_isa(entries),
        caches=_caches(files),
        microcode=first.get("microcode"),
    )
    return cpu, _missing(files, cpu)


def _entries(text: str | None) -> list[dict[str, str]]:
    """Blocks of `key : value`; those of a processor have its number, and lines after the last belong to the machine."""
    blocks: list[dict[str, str]] = []
    for block in re.split(r"\n\s*\n", text or ""):
        pairs = [line.split(":", 1) for line in block.splitlines() if ":" in line]
        entry = {key.strip(): value.strip() for key, value in pairs}
        if any(key.lower() == "processor" and value.isdigit() for key, value in entry.items()):
            blocks.append(entry)
    return blocks


def _names(entries: Sequence[dict[str, str]]) -> tuple[str | None, str | None]:
    """Vendor and model; on Arm from the numbers that stand in the place of names, one of each kind of core."""
    first = entries[0] if entries else {}
    model = first.get("model name") or first.get("Model Name") or first.get("cpu model")
    if vendor := first.get("vendor_id"):
        return vendor, model
    numbered = [(entry.get("CPU implementer", ""), entry.get("CPU part", "")) for entry in entries]
    kinds = [core_name(*numbers) for numbers in dict.fromkeys(numbered) if all(numbers)]
    if not kinds:
        return None, model
    return kinds[0][0], model or " + ".join(name for _, name in kinds)


def _isa(entries: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """What all processors have, of the extensions that matter here."""
    flags = [set((entry.get("flags") or entry.get("Features") or "").split()) for entry in entries]
    common = set.intersection(*flags) if flags else set()
    return tuple(name for name in _ISA if name in common)


def _distinct(files: Files, online: Sequence[str], name: str) -> int | None:
    found = {files.text(f"{path}/topology/{name}") for path in online}
    return None if found & {None, "-1"} else len(found) or None


def _listed(entries: Sequence[dict[str, str]], keys: tuple[str, ...]) -> int | None:
    found = {tuple(entry.get(key) for key in keys) for entry in entries}
    return None if any(None in numbers for numbers in found) else len(found) or None


def _frequency_mhz(files: Files) -> float | None:
    found = [files.number(path) for path in files.names(f"{_CPUS}/cpu[0-9]*/cpufreq/cpuinfo_max_freq")]
    readable = [khz for khz in found if khz]
    return max(readable) / 1000 if readable else None


def _caches(files: Files) -> tuple[Cache, ...]:
    """Each kind of cache once: two processors that name the same sharers have one cache between them."""
    seen: dict[tuple[int, str, int], set[str]] = {}
    for path in files.names(f"{_CPUS}/cpu[0-9]*/cache/index[0-9]*"):
        level, kind = files.number(f"{path}/level"), (files.text(f"{path}/type") or "").lower()
        size, sharers = _bytes(files.text(f"{path}/size")), files.text(f"{path}/shared_cpu_list")
        if level and size and kind in ("data", "instruction", "unified") and spans(sharers):
            seen.setdefault((level, kind, size), set()).add(str(sharers))
    return tuple(
        Cache(level=level, kind=kind, bytes=size, instances=len(sharers))  # type: ignore[arg-type]  # looked at above
        for (level, kind, size), sharers in sorted(seen.items())
    )


def _bytes(text: str | None) -> int | None:
    found = _SIZE.fullmatch(text or "")
    return int(found[1]) * _UNITS[found[2]] if found else None


def _missing(files: Files, cpu: Cpu) -> dict[str, str]:
    """Why a fact is not known, by its path."""
    sources = {
        "vendor": "proc/cpuinfo",
        "model": "proc/cpuinfo",
        "threads": "proc/cpuinfo",
        "isa": "proc/cpuinfo",
        "sockets": f"{_CPUS}/cpu0/topology/physical_package_id",
        "cores": f"{_CPUS}/cpu0/topology/thread_siblings_list",
        "numa_nodes": "sys/devices/system/node/node0/cpulist",
        "frequency_max_mhz": f"{_CPUS}/cpu0/cpufreq/cpuinfo_max_freq",
        "caches": f"{_CPUS}/cpu0/cache/index0/size",
    }
    return {f"cpu.{name}": files.why(path) for name, path in sources.items() if not getattr(cpu, name)}
