"""Checks of a host before a run: each says what was seen and, when it would disturb, what to do about it.

Reads only; nothing on the host is changed.
"""

from __future__ import annotations

import shutil
import time
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from bench.host.floor import SPIN_NS, Lateness, interpreter, thread_switches, wake_ups
from bench.host.inventory import inspect_host
from bench.host.watch import FOREIGN_SHARE, STEAL_SHARE, Watch
from bench.records.host import Host
from bench.store.places import ensure_writable

_WATCH_S = 3.0
_FREE_BYTES, _MEMORY_BYTES = 1 << 30, 2 << 30
_CLOCK_NS = 1000.0
# A tenth of the shortest latency bound of the suite, 15 ms: from there on `harness-late` voids open loops.
_LATE_NS = 1_500_000
_WAITS = 500
_ENGINES = ("onnxruntime", "torch", "openvino", "pyopencl")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at: `error` would void a run, `warning` would disturb it, `note` is worth knowing."""

    name: str
    state: Literal["ok", "note", "warning", "error"]
    seen: str
    advice: str = ""


def examine(results: Path, cache: Path) -> list[Check]:
    """All checks, in the order in which they matter."""
    host = inspect_host()
    return [
        _processor(host),
        *_quiet(),
        _memory(),
        _clock(),
        *_waiting(),
        _governor(host),
        _virtual(host),
        _power_supply(),
        _writable("results", results, "`--output` or BENCH_RESULTS"),
        _writable("cache", cache, "BENCH_CACHE"),
        _space(results),
        *[_engine(name) for name in _ENGINES],
    ]


def _processor(host: Host) -> Check:
    seen = f"{host.cpu_model}, {host.cores_usable} usable cores, {host.operating_system}"
    if host.cores_usable < 2:
        return Check(
            name="processor",
            state="warning",
            seen=seen,
            advice="The harness shares its core with the engine; use two or more.",
        )
    return Check(name="processor", state="ok", seen=seen)


def _quiet() -> list[Check]:
    watch = Watch()
    time.sleep(_WATCH_S)
    noise = watch.stop()
    return [
        _share("other processes", noise.foreign_cpu_share, FOREIGN_SHARE, "Stop them: " + _busiest()),
        _share(
            "stolen by the hypervisor",
            noise.steal_share,
            STEAL_SHARE,
            "Use a dedicated host, or measure at another time.",
        ),
    ]


def _share(name: str, share: float | None, limit: float, advice: str) -> Check:
    if share is None:
        return Check(name=name, state="note", seen="not readable on this system")
    seen = f"{share:.1%} of all CPU time over {_WATCH_S:.0f} s (limit {limit:.0%})"
    return (
        Check(name=name, state="ok", seen=seen)
        if share <= limit
        else Check(name=name, state="warning", seen=seen, advice=advice)
    )


def _busiest() -> str:
    usage: list[tuple[float, str]] = []
    for process in psutil.process_iter(["name", "pid", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None:
            usage.append((times.user + times.system, f"{process.info['name']} ({process.info['pid']})"))
    return "most CPU time so far: " + ", ".join(name for _, name in sorted(usage, reverse=True)[:3])


def _memory() -> Check:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    free = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    seen = f"{free}, {swap.used / 2**30:.1f} GiB swapped out"
    if memory.available < _MEMORY_BYTES:
        return Check(
            name="memory", state="error", seen=seen, advice="Free memory: the default workloads need about 2 GiB."
        )
    return Check(name="memory", state="ok", seen=seen)


def _clock() -> Check:
    readings = [time.perf_counter_ns() for _ in range(20_001)]
    cost_ns = (readings[-1] - readings[0]) / 20_000
    steps = [after - before for before, after in pairwise(readings) if after > before]
    seen = f"{cost_ns:.0f} ns a reading, smallest step {min(steps)} ns"
    if cost_ns > _CLOCK_NS:
        return Check(
            name="clock",
            state="warning",
            seen=seen,
            advice="A slow clock source (hpet, acpi_pm); boot with clocksource=tsc.",
        )
    return Check(name="clock", state="ok", seen=seen)


def _waiting() -> list[Check]:
    asleep, spinning = wake_ups(_WAITS, spin_ns=0), wake_ups(_WAITS, spin_ns=SPIN_NS)
    return [
        Check(name="wake-up from sleep", state="ok", seen=_delays(asleep)),
        _late(f"wake-up with {SPIN_NS / 1e3:.0f} µs of spinning", spinning),
        _late("switch of threads", thread_switches(_WAITS)),
        Check(name="interpreter", state="ok", seen=interpreter()),
    ]


def _late(name: str, seen: Lateness) -> Check:
    if seen.p99_ns <= _LATE_NS:
        return Check(name=name, state="ok", seen=_delays(seen))
    advice = f"p99 over {_LATE_NS / 1e6:g} ms: open loops with bounds under 15 ms would be void; use an idle host."
    return Check(name=name, state="warning", seen=_delays(seen), advice=advice)


def _delays(seen: Lateness) -> str:
    p50, p99, most = (value / 1e3 for value in (seen.p50_ns, seen.p99_ns, seen.max_ns))
    return f"p50 {p50:.1f} µs, p99 {p99:.1f} µs, at most {most:.1f} µs in {seen.n}"


def _governor(host: Host) -> Check:
    if host.governor is None:
        return Check(name="frequency governor", state="note", seen="not readable (usual in virtual machines)")
    if host.governor != "performance":
        advice = "Set it for the time of the run: `cpupower frequency-set -g performance`."
        return Check(name="frequency governor", state="warning", seen=host.governor, advice=advice)
    return Check(name="frequency governor", state="ok", seen=host.governor)


def _virtual(host: Host) -> Check:
    if host.virtualised in (None, "no"):
        return Check(name="virtual machine", state="ok", seen=host.virtualised or "not readable")
    return Check(
        name="virtual machine",
        state="note",
        seen=str(host.virtualised),
        advice="Neighbours share the hardware: compare only what was measured in one run, interleaved.",
    )


def _power_supply() -> Check:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is not None and not battery.power_plugged:
        return Check(name="power", state="warning", seen="on battery", advice="Plug in the power supply.")
    return Check(name="power", state="ok", seen="mains or no battery")


def _writable(name: str, folder: Path, choose_by: str) -> Check:
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        ensure_writable(folder, choose_by)
        for place in missing:
            place.rmdir()  # looking leaves nothing behind
    except OSError as error:
        return Check(name=name, state="error", seen=str(error))
    return Check(name=name, state="ok", seen=str(folder))


def _space(results: Path) -> Check:
    place = next(folder for folder in (results, *results.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    seen = f"{free / 2**30:.1f} GiB free"
    if free < _FREE_BYTES:
        return Check(name="disk", state="error", seen=seen, advice="Free 1 GiB, or `bench prune` old runs.")
    return Check(name="disk", state="ok", seen=seen)


def _engine(name: str) -> Check:
    try:
        return Check(name=name, state="ok", seen=version(name))
    except PackageNotFoundError:
        return Check(name=name, state="note", seen="not installed")
