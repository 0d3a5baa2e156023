"""Counters and sensors that Linux shows as files: RAPL (`/sys/class/powercap`) and hwmon."""

from __future__ import annotations

import re

from bench.hardware.files import Files
from bench.power.sensor import Unreadable
from bench.records.energy import How, Scope, Source

_PAUSE_S = 0.1
_POWERCAP = "sys/class/powercap"
# The zones of docs.kernel.org/power/powercap; `core` and `uncore` lie within their package and would count twice.
_PACKAGE, _MEMORY, _PLATFORM = re.compile(r"package-\d+(-die-\d+)?"), "dram", "psys"
_ZONE = re.compile(r".*/[a-z-]+rapl[a-z-]*(:\d+)+")
_HWMON = "sys/class/hwmon/hwmon[0-9]*"
_MICRO = 1e6


class RaplZone:
    """One zone of a processor's own energy counter; it wraps at what the kernel says, after minutes under load."""

    source: Source = "rapl"
    how: How = "counter"
    pause_s = _PAUSE_S

    def __init__(self, files: Files, zone: str, name: str, scope: Scope) -> None:
        self._files, self._path, self.name, self.scope = files, f"{zone}/energy_uj", name, scope
        most = files.number(f"{zone}/max_energy_range_uj")
        self.wraps_at = most / _MICRO if most else None

    def read(self) -> float:
        return _micro(self._files, self._path)


class HwmonSensor:
    """What a board or a card shows of itself: a counter of energy in joules, or its power in watts as it is now."""

    source: Source = "hwmon"
    scope: Scope = "part"
    wraps_at: float | None = None
    pause_s = _PAUSE_S

    def __init__(self, files: Files, path: str, name: str, how: How) -> None:
        self._files, self._path, self.name, self.how = files, path, name, how

    def read(self) -> float:
        return _micro(self._files, self._path)


def rapl_zones(files: Files) -> list[RaplZone]:
    """Packages, their memory and the platform. Raises Unreadable."""
    found, refused = [], f"/{_POWERCAP} has no zone of RAPL"
    for zone in files.names(f"{_POWERCAP}/*:*"):
        name = files.text(f"{zone}/name") or ""
        scope = _scope(name)
        if scope is None or not _ZONE.fullmatch(zone):
            continue
        if files.number(f"{zone}/energy_uj") is None:
            refused = files.why(f"{zone}/energy_uj")
            continue
        above = files.text(f"{zone.rpartition(':')[0]}/name") if scope == "memory" else None
        found.append(RaplZone(files, zone, f"{above} {name}" if above else name, scope))
    if not found:
        raise Unreadable(refused)
    return found


def hwmon_sensors(files: Files) -> list[HwmonSensor]:
    """Sensors of power, and counters of energy in their place where a chip has both. Raises Unreadable."""
    found: list[HwmonSensor] = []
    for chip in files.names(_HWMON):
        counters = [path for path in files.names(f"{chip}/energy[0-9]*_input") if files.number(path) is not None]
        powers = [
            path
            for kind in ("input", "average")
            for path in files.names(f"{chip}/power[0-9]*_{kind}")
            if files.number(path) is not None
        ]
        how: How = "counter" if counters else "sampled"
        found += [HwmonSensor(files, path, _label(files, chip, path), how) for path in counters or _first(powers)]
    if not found:
        raise Unreadable("no chip under /sys/class/hwmon has a sensor of power")
    return found


def _scope(name: str) -> Scope | None:
    if _PACKAGE.fullmatch(name):
        return "processor"
    return "memory" if name == _MEMORY else "machine" if name == _PLATFORM else None


def _first(paths: list[str]) -> list[str]:
    """One path per channel: a chip may show the power of one both as it is and averaged."""
    channels: dict[str, str] = {}
    for path in paths:
        channels.setdefault(path.rpartition("_")[0], path)
    return list(channels.values())


def _label(files: Files, chip: str, path: str) -> str:
    own = files.text(f"{path.rpartition('_')[0]}_label") or path.rpartition("/")[2].rpartition("_")[0]
    return f"{files.text(f'{chip}/name') or chip.rpartition('/')[2]} {own}"


def _micro(files: Files, path: str) -> float:
    value = files.number(path)
    if value is None:
        raise ValueError(files.why(path))
    return value / _MICRO
