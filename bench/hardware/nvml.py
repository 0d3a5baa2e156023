"""NVIDIA's management library behind a thin wrapper: what a card is, and what it does now. It may refuse anything."""

from __future__ import annotations

from typing import Any  # what a driver's library answers, looked at here

from bench.records.profile import Accelerator

# Numbers of `nvml.h` that have names in the library.
_CLOCK_SM, _CLOCK_MEMORY = 1, 2


class NoNvml(Exception):
    """There is no card, no driver or no library; half a sentence that says which."""


class Nvml:
    """The library, started. `library` has the functions of `pynvml`; each may be missing or raise."""

    def __init__(self, library: Any) -> None:
        self._library = library
        try:
            library.nvmlInit()
            count = int(library.nvmlDeviceGetCount())
            self.handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        except Exception as error:  # noqa: BLE001 - a driver's library may raise anything
            raise NoNvml(f"NVML does not start: {' '.join(str(error).split()) or type(error).__name__}") from None

    def ask(self, name: str, *arguments: Any) -> Any:
        """What a function answers; None where it is missing or refuses."""
        try:
            found = getattr(self._library, name)(*arguments)
        except Exception:  # noqa: BLE001 - as above; most cards support only a part of the functions
            return None
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else found

    def amount(self, name: str, *arguments: Any, scale: float = 1.0) -> float | None:
        """A number, times `scale`; None where there is none, or nothing above zero."""
        found = self.ask(name, *arguments)
        return found * scale if isinstance(found, int | float) and found > 0 else None


def open_nvml() -> Nvml:
    """The library of this machine. Raises NoNvml."""
    try:
        import pynvml
    except ImportError:
        raise NoNvml("the package nvidia-ml-py is not installed") from None
    return Nvml(pynvml)


def read_cards(nvml: Nvml) -> tuple[tuple[Accelerator, ...], tuple[str, ...]]:
    """Cards, equal ones counted together, and their unique ids in the order of the driver."""
    counted: dict[Accelerator, int] = {}
    for handle in nvml.handles:
        card = _card(nvml, handle)
        counted[card] = counted.get(card, 0) + 1
    ids = [nvml.ask("nvmlDeviceGetUUID", handle) for handle in nvml.handles]
    cards = [Accelerator(**{**_fields(card), "count": count}) for card, count in counted.items()]
    return tuple(cards), tuple(str(one) for one in ids if one)


def _card(nvml: Nvml, handle: Any) -> Accelerator:
    least, most = _pair(nvml.ask("nvmlDeviceGetPowerManagementLimitConstraints", handle))
    capability = nvml.ask("nvmlDeviceGetCudaComputeCapability", handle)
    return Accelerator(
        kind="gpu",
        vendor="NVIDIA",
        model=_word(nvml.ask("nvmlDeviceGetName", handle)),
        memory_bytes=_bytes(getattr(nvml.ask("nvmlDeviceGetMemoryInfo", handle), "total", None)),
        power_limit_w=nvml.amount("nvmlDeviceGetPowerManagementLimit", handle, scale=1e-3),
        power_limit_least_w=least * 1e-3 if least else None,
        power_limit_most_w=most * 1e-3 if most else None,
        clock_max_mhz=nvml.amount("nvmlDeviceGetMaxClockInfo", handle, _CLOCK_SM),
        memory_clock_max_mhz=nvml.amount("nvmlDeviceGetMaxClockInfo", handle, _CLOCK_MEMORY),
        ecc=_switch(nvml.ask("nvmlDeviceGetEccMode", handle)),
        partitioned=_switch(nvml.ask("nvmlDeviceGetMigMode", handle)),
        compute_capability=".".join(map(str, capability)) if isinstance(capability, tuple | list) else None,
        pcie_generation=_bytes(nvml.ask("nvmlDeviceGetMaxPcieLinkGeneration", handle)),
        pcie_width=_bytes(nvml.ask("nvmlDeviceGetMaxPcieLinkWidth", handle)),
        driver=_word(nvml.ask("nvmlSystemGetDriverVersion")),
        firmware=_word(nvml.ask("nvmlDeviceGetVbiosVersion", handle)),
    )


def _fields(card: Accelerator) -> dict[str, Any]:
    return {name: getattr(card, name) for name in card.__struct_fields__}


def _pair(found: Any) -> tuple[float, float]:
    """Two numbers, or zeros."""
    if isinstance(found, tuple | list) and len(found) == 2 and all(isinstance(one, int | float) for one in found):
        return float(found[0]), float(found[1])
    return 0.0, 0.0


def _switch(found: Any) -> bool | None:
    """(now, after the next start) as NVML tells modes."""
    return bool(found[0]) if isinstance(found, tuple | list) and found else None


def _bytes(found: Any) -> int | None:
    return found if isinstance(found, int) and found > 0 else None


def _word(found: Any) -> str | None:
    return str(found).strip() or None if found is not None else None
