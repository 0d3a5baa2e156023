"""What is set on a machine and what it does now, one small class for each; reading changes nothing.

A word is a setting; a number is a figure that moves, or a counter (`counts`) whose rise says that something happened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from bench.hardware.files import Files
from bench.hardware.nvml import Nvml

Value = str | float
_CPUS = "sys/devices/system/cpu"
_CHOSEN = re.compile(r"\[(\S+)\]")
# NVML_CLOCK_SM; and bits of NVML's reasons for lowered clocks (nvml.h): hardware slowdown, heat, the power brake.
_SM_CLOCK = 1
_SLOWED = 0x8 | 0x20 | 0x40 | 0x80


class Knob(Protocol):
    """`read` gives None where there is nothing, and `why` says why."""

    name: str
    counts: bool

    def read(self) -> Value | None:
        """The present value."""

    def why(self) -> str:
        """Why there is none, as half a sentence."""


class Word:
    """A setting that a file holds, or several files of which each may say another."""

    counts = False

    def __init__(self, files: Files, name: str, pattern: str, known: Callable[[str], str] = str) -> None:
        self.name, self.files, self.pattern, self._known = name, files, pattern, known

    def read(self) -> str | None:
        """The settings that were found, each once."""
        texts = [self.files.text(path) for path in self.files.names(self.pattern)]
        return ", ".join(dict.fromkeys(self._known(text) for text in texts if text)) or None

    def why(self) -> str:
        return self.files.why(self.pattern.replace("[0-9]*", "0"))


class Number:
    """A figure from files: their mean, sum or greatest, scaled to a unit."""

    def __init__(
        self, files: Files, name: str, pattern: str, join: Callable[[Sequence[int]], float], counts: bool = False
    ) -> None:
        self.name, self.counts = name, counts
        self._files, self._pattern, self._join = files, pattern, join
        self._paths = files.names(pattern)  # looked for once: this is read every second

    def read(self) -> float | None:
        found = [value for path in self._paths if (value := self._files.number(path)) is not None]
        return self._join(found) if found else None

    def why(self) -> str:
        return self._files.why(self._pattern.replace("[0-9]*", "0"))


class Load:
    """Processes that want to run, averaged over a minute."""

    name, counts = "load", False

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self) -> float | None:
        words = (self._files.text("proc/loadavg") or "").split()
        return float(words[0]) if words and re.fullmatch(r"\d{1,6}\.\d+", words[0]) else None

    def why(self) -> str:
        return self._files.why("proc/loadavg")


class Swap:
    """Bytes of memory that are swapped out."""

    name, counts = "swap_bytes", False

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self) -> float | None:
        pairs = dict(re.findall(r"^(Swap\w+):\s+(\d{1,15}) kB", self._files.text("proc/meminfo") or "", re.MULTILINE))
        if "SwapTotal" not in pairs or "SwapFree" not in pairs:
            return None
        return float((int(pairs["SwapTotal"]) - int(pairs["SwapFree"])) << 10)

    def why(self) -> str:
        return self._files.why("proc/meminfo")


class Cards:
    """A figure that each NVIDIA card tells; the greatest of them, or the least for what falls when a card suffers."""

    def __init__(
        self,
        nvml: Nvml,
        name: str,
        ask: Callable[[Nvml, object], float | None],
        least: bool = False,
        counts: bool = False,
    ) -> None:
        self.name, self.counts = name, counts
        self._nvml, self._ask, self._join = nvml, ask, min if least else max

    def read(self) -> float | None:
        found = [value for handle in self._nvml.handles if (value := self._ask(self._nvml, handle)) is not None]
        return float(self._join(found)) if found else None

    def why(self) -> str:
        return "no card tells"


def knobs(files: Files, nvml: Nvml | None) -> list[Knob]:
    """All that there may be on a machine; which of them can be read shows when they are."""
    found: list[Knob] = [
        Word(files, "governor", f"{_CPUS}/cpu[0-9]*/cpufreq/scaling_governor"),
        Word(files, "turbo", f"{_CPUS}/intel_pstate/no_turbo", lambda text: {"0": "on", "1": "off"}.get(text, text))
        if files.text(f"{_CPUS}/intel_pstate/no_turbo")
        else Word(files, "turbo", f"{_CPUS}/cpufreq/boost", lambda text: {"0": "off", "1": "on"}.get(text, text)),
        Word(files, "smt", f"{_CPUS}/smt/control"),
        Word(files, "huge_pages", "sys/kernel/mm/transparent_hugepage/enabled", _chosen),
        Word(files, "power_supply", "sys/class/power_supply/BAT[0-9]*/status"),
        Number(
            files, "frequency_mhz", f"{_CPUS}/cpu[0-9]*/cpufreq/scaling_cur_freq", lambda khz: sum(khz) / len(khz) / 1e3
        ),
        Number(files, "temperature_c", "sys/class/thermal/thermal_zone[0-9]*/temp", lambda milli: max(milli) / 1e3),
        Number(files, "throttled", f"{_CPUS}/cpu[0-9]*/thermal_throttle/core_throttle_count", sum, counts=True),
        Load(files),
        Swap(files),
    ]
    return found + (_cards(nvml) if nvml is not None else [])


def _cards(nvml: Nvml) -> list[Knob]:
    return [
        Cards(
            nvml, "card_clock_mhz", lambda one, card: one.amount("nvmlDeviceGetClockInfo", card, _SM_CLOCK), least=True
        ),
        Cards(nvml, "card_temperature_c", _told("nvmlDeviceGetTemperature", 0)),
        Cards(nvml, "card_slowed", _slowed),
        Cards(
            nvml,
            "card_pcie_generation",
            _told("nvmlDeviceGetCurrPcieLinkGeneration"),
            least=True,
        ),
        Cards(nvml, "card_pcie_width", _told("nvmlDeviceGetCurrPcieLinkWidth"), least=True),
        Cards(nvml, "card_processes", _processes),
    ]


def _told(function: str, *more: int) -> Callable[[Nvml, object], float | None]:
    return lambda nvml, card: nvml.amount(function, card, *more)


def _slowed(nvml: Nvml, card: object) -> float | None:
    """1 where heat, hardware or the power brake lower the clocks."""
    bits = nvml.ask("nvmlDeviceGetCurrentClocksEventReasons", card)
    if bits is None:
        bits = nvml.ask("nvmlDeviceGetCurrentClocksThrottleReasons", card)
    return float(bool(bits & _SLOWED)) if isinstance(bits, int) else None


def _processes(nvml: Nvml, card: object) -> float | None:
    running = nvml.ask("nvmlDeviceGetComputeRunningProcesses", card)
    return float(len(running)) if isinstance(running, list | tuple) else None


def _mean_thousandth(values: Sequence[int]) -> float:
    return sum(values) / len(values) / 1e3


def _chosen(text: str) -> str:
    found = _CHOSEN.search(text)
    return found[1] if found else text
