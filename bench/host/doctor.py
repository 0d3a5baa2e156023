"""Checks of a host before a run: each says what was seen and, when it would disturb, what to do about it.

Reads only; nothing on the host is changed.
"""

from __future__ import annotations

import shutil
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from bench.host.check import Check
from bench.host.floor import measure_floor
from bench.host.floor_checks import floor_checks
from bench.host.inventory import inspect_host
from bench.host.watch import FOREIGN_SHARE, STEAL_SHARE, Watch
from bench.records.host import Host
from bench.store.places import ensure_writable
from bench.text import figures, printable, sentence

_WATCH_S = 3.0
# Enough of them for a 99th percentile.
_WAITS = 700
_FREE_BYTES, _MEMORY_BYTES = 1 << 30, 2 << 30
_ENGINES = ("onnxruntime", "torch", "openvino", "pyopencl")


def examine(results: Path, cache: Path, lang: str = "en") -> list[Check]:
    """All checks, in the order in which they matter, in the words of `lang`."""
    host = inspect_host()
    return [
        _processor(host, lang),
        *_quiet(lang),
        _memory(lang),
        *floor_checks(measure_floor(_WAITS), lang),
        _governor(host, lang),
        _virtual(host, lang),
        _power_supply(lang),
        _writable("results", results, "`--output` or BENCH_RESULTS"),
        _writable("cache", cache, "BENCH_CACHE"),
        _space(results, lang),
        *[_engine(name, lang) for name in _ENGINES],
    ]


def _processor(host: Host, lang: str) -> Check:
    cores = figures.count(host.cores_usable)
    seen = sentence(lang, "doctor.processor", model=host.cpu_model, cores=cores, system=host.operating_system)
    if host.cores_usable < 2:
        return Check(name="processor", state="warning", seen=seen, advice=sentence(lang, "doctor.processor_advice"))
    return Check(name="processor", state="ok", seen=seen)


def _quiet(lang: str) -> list[Check]:
    watch = Watch()
    time.sleep(_WATCH_S)
    noise = watch.stop()
    stop = sentence(lang, "doctor.other_advice", busiest=_busiest())
    away = sentence(lang, "doctor.hypervisor_advice")
    return [
        _share("other-processes", noise.foreign_cpu_share, FOREIGN_SHARE, stop, lang),
        _share("hypervisor", noise.steal_share, STEAL_SHARE, away, lang),
    ]


def _share(name: str, share: float | None, limit: float, advice: str, lang: str) -> Check:
    if share is None:
        return Check(name=name, state="note", seen=sentence(lang, "doctor.unreadable"))
    time_s = figures.duration(_WATCH_S)
    seen = sentence(lang, "doctor.share", share=figures.share(share), time=time_s, limit=figures.share(limit))
    if share <= limit:
        return Check(name=name, state="ok", seen=seen)
    return Check(name=name, state="warning", seen=seen, advice=advice)


def _busiest() -> str:
    usage: list[tuple[float, str]] = []
    for process in psutil.process_iter(["name", "pid", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None:
            usage.append((times.user + times.system, f"{process.info['name']} ({process.info['pid']})"))
    return ", ".join(printable(name) for _, name in sorted(usage, reverse=True)[:3])


def _memory(lang: str) -> Check:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    free, total, swapped = (figures.size(count) for count in (memory.available, memory.total, swap.used))
    seen = sentence(lang, "doctor.memory", free=free, total=total, swapped=swapped)
    if memory.available < _MEMORY_BYTES:
        return Check(name="memory", state="error", seen=seen, advice=sentence(lang, "doctor.memory_advice"))
    return Check(name="memory", state="ok", seen=seen)


def _governor(host: Host, lang: str) -> Check:
    if host.governor is None:
        return Check(name="governor", state="note", seen=sentence(lang, "doctor.governor_unreadable"))
    if host.governor != "performance":
        advice = sentence(lang, "doctor.governor_advice")
        return Check(name="governor", state="warning", seen=host.governor, advice=advice)
    return Check(name="governor", state="ok", seen=host.governor)


def _virtual(host: Host, lang: str) -> Check:
    if host.virtualised is None:
        return Check(name="virtual-machine", state="ok", seen=sentence(lang, "doctor.unreadable"))
    if host.virtualised == "no":
        return Check(name="virtual-machine", state="ok", seen=sentence(lang, "doctor.not_virtual"))
    kind = sentence(lang, "doctor.virtual") if host.virtualised == "yes" else host.virtualised
    advice = sentence(lang, "doctor.virtual_advice")
    return Check(name="virtual-machine", state="note", seen=kind, advice=advice)


def _power_supply(lang: str) -> Check:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is not None and not battery.power_plugged:
        advice = sentence(lang, "doctor.power_advice")
        return Check(name="power", state="warning", seen=sentence(lang, "doctor.battery"), advice=advice)
    return Check(name="power", state="ok", seen=sentence(lang, "doctor.mains"))


def _writable(name: str, folder: Path, choose_by: str) -> Check:
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        ensure_writable(folder, choose_by)
        for place in missing:
            place.rmdir()  # looking leaves nothing behind
    except OSError as error:
        return Check(name=name, state="error", seen=str(error))
    return Check(name=name, state="ok", seen=str(folder))


def _space(results: Path, lang: str) -> Check:
    place = next(folder for folder in (results, *results.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    seen = sentence(lang, "doctor.disk", free=figures.size(free))
    if free < _FREE_BYTES:
        return Check(name="disk", state="error", seen=seen, advice=sentence(lang, "doctor.disk_advice"))
    return Check(name="disk", state="ok", seen=seen)


def _engine(name: str, lang: str) -> Check:
    try:
        return Check(name=name, state="ok", seen=version(name))
    except PackageNotFoundError:
        return Check(name=name, state="note", seen=sentence(lang, "doctor.not_installed"))
