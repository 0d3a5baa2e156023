"""What `--power` asks for, and the sensors that it finds here."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench.hardware.files import Files
from bench.hardware.nvml import Nvml, open_nvml
from bench.plugins import suggestion
from bench.power.cards import card_sensors
from bench.power.management import ipmi_sensor, redfish_sensor
from bench.power.meter import WallMeter, readings
from bench.power.sensor import Sensor, Unreadable
from bench.power.sysfs import hwmon_sensors, rapl_zones

AUTO, NONE = "auto", "none"
# What takes neither privileges nor words.
_BY_ITSELF = ("nvml", "rapl", "hwmon")
_FORMS = (AUTO, NONE, *_BY_ITSELF, "ipmi", "redfish:URL", "meter:FILE.csv[,offset_s=SECONDS]")


class BadPower(ValueError):
    """A source of power that is not one; one line with what was asked and what there is."""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Sensors to be read while it is measured, meters whose files are read afterwards, and why others are not there."""

    sensors: tuple[Sensor, ...] = ()
    meters: tuple[WallMeter, ...] = ()
    unread: dict[str, str] = {}


def check_power(asked: Sequence[str]) -> None:
    """Whether each is a source, and none of them contradicts another. Raises BadPower."""
    for one in asked:
        _meter(one) if one.startswith("meter:") else _known(one)
    if NONE in asked and len(asked) > 1:
        raise BadPower(f"`--power none` goes with no other source, and {', '.join(asked)} are asked for.")


def open_sources(
    asked: Sequence[str], files: Files | None = None, start_nvml: Callable[[], Nvml] = open_nvml
) -> Sources:
    """The sensors of this machine that were asked for. Raises BadPower where one that was named cannot be read."""
    check_power(asked)
    files = files or Files()
    openers: dict[str, Callable[[], Sequence[Sensor]]] = {
        "nvml": lambda: card_sensors(start_nvml),
        "rapl": lambda: tuple(rapl_zones(files)),
        "hwmon": lambda: tuple(hwmon_sensors(files)),
        "ipmi": lambda: [ipmi_sensor()],
    }
    sensors: list[Sensor] = []
    unread: dict[str, str] = {}
    for name in dict.fromkeys(name for one in asked for name in (_BY_ITSELF if one == AUTO else (one,))):
        if name == NONE or name.startswith("meter:"):
            continue
        try:
            sensors += [redfish_sensor(name.partition(":")[2])] if name.startswith("redfish:") else openers[name]()
        except Unreadable as error:
            if name in asked:
                raise BadPower(f"`--power {name}`: {error}.") from None
            unread[name] = str(error)
    return Sources(sensors=tuple(sensors), meters=_meters(asked), unread=unread)


@functools.lru_cache(maxsize=8)
def sources_here(asked: tuple[str, ...]) -> Sources:
    """As `open_sources`, once in a process: a driver's library need not be started for each repetition."""
    return open_sources(asked)


def whole_paths(asked: Sequence[str]) -> tuple[str, ...]:
    """The same sources with whole paths, for a run may be carried on from another folder."""
    return tuple(f"meter:{Path(one[6:]).expanduser().absolute()}" if one.startswith("meter:") else one for one in asked)


def _known(one: str) -> None:
    kinds = [form for form in _FORMS if ":" not in form]
    if one not in kinds and not one.startswith("redfish:"):
        raise BadPower(f"There is no source of power {one!r}.{suggestion(one, list(_FORMS))}")


def _meters(asked: Sequence[str]) -> tuple[WallMeter, ...]:
    found = []
    for one in asked:
        if one.startswith("meter:"):
            path, offset_s = _meter(one)
            try:
                readings(path)
            except Unreadable as error:
                raise BadPower(f"`--power {one}`: {error}.") from None
            found.append(WallMeter(path, offset_s))
    return tuple(found)


def _meter(one: str) -> tuple[Path, float]:
    name, _, option = one.removeprefix("meter:").partition(",offset_s=")
    try:
        offset_s = float(option or 0.0)
    except ValueError:
        offset_s = math.nan
    if not name or not math.isfinite(offset_s):
        raise BadPower(f"`--power {one}` is not of the form {_FORMS[-1]}.")
    return Path(name).expanduser(), offset_s
