"""NVIDIA cards: their counter of energy where a card has one, else their power as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any  # Any: a handle of the driver's library

from bench.hardware.nvml import NoNvml, Nvml, open_nvml
from bench.power.sensor import Sensor, Unreadable
from bench.records.energy import How, Scope, Source

_PAUSE_S = 0.1
_MILLI = 1e3


# Joules since the driver was loaded (Volta and later); watts as the card shows them, on some the mean of a part of the
# time only. The first that a card answers is taken.
_ASKED: dict[How, str] = {"counter": "nvmlDeviceGetTotalEnergyConsumption", "sampled": "nvmlDeviceGetPowerUsage"}


class NvmlSensor:
    """What a card tells of the energy that it takes."""

    source: Source = "nvml"
    scope: Scope = "card"
    wraps_at: float | None = None
    pause_s = _PAUSE_S

    def __init__(self, nvml: Nvml, handle: Any, name: str, how: How) -> None:
        self._nvml, self._handle, self.name, self.how = nvml, handle, name, how

    def read(self) -> float:
        return _milli(self._nvml.ask(_ASKED[self.how], self._handle))


def card_sensors(start_nvml: Callable[[], Nvml] = open_nvml) -> Sequence[Sensor]:
    """One for each card that tells. Raises Unreadable."""
    try:
        nvml = start_nvml()
    except NoNvml as error:
        raise Unreadable(str(error)) from None
    found: list[Sensor] = []
    for index, handle in enumerate(nvml.handles):
        name = f"{index}: {nvml.ask('nvmlDeviceGetName', handle) or 'card'}"
        both = [NvmlSensor(nvml, handle, name, how) for how in _ASKED]
        found += [sensor for sensor in both if _answers(sensor)][:1]
    if not found:
        raise Unreadable("no card tells its power" if nvml.handles else "NVML sees no card")
    return found


def _answers(sensor: Sensor) -> bool:
    try:
        return sensor.read() >= 0
    except ValueError:
        return False


def _milli(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("the card does not tell")
    return value / _MILLI
