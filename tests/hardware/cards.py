"""NVML after its documentation (docs.nvidia.com/deploy/nvml-api), WRITTEN, not recorded: answers by name."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class NvmlError(Exception):
    """What pynvml raises: NVMLError_NotSupported and its like."""


class FakeNvml:
    """Cards that answer from a table; what is not in it raises, as an unsupported function of a card does."""

    def __init__(self, count: int = 1, broken: str = "", **answers: Any) -> None:
        self._count, self._broken = count, broken
        self._answers: dict[str, Any] = {**H200, **answers}

    def nvmlInit(self) -> None:  # noqa: N802 - the library's name
        if self._broken:
            raise NvmlError(self._broken)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self._count

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle:04d}"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answer(*arguments: Any) -> Any:
            found = self._answers.get(name)
            if found is None:
                raise NvmlError("Not Supported")
            return found(*arguments) if callable(found) else found

        return answer


def clocks(handle: int, kind: int) -> int:
    """NVML_CLOCK_SM is 1, NVML_CLOCK_MEM 2."""
    return {1: 1980, 2: 3201}[kind]


H200: dict[str, Any] = {
    "nvmlDeviceGetName": "NVIDIA H200",
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=150_754_820_096, used=1 << 30, free=149_681_078_272),
    "nvmlDeviceGetPowerManagementLimit": 700_000,
    "nvmlDeviceGetPowerManagementLimitConstraints": [200_000, 700_000],
    "nvmlDeviceGetMaxClockInfo": clocks,
    "nvmlDeviceGetEccMode": [1, 1],
    "nvmlDeviceGetMigMode": [0, 0],
    "nvmlDeviceGetCudaComputeCapability": (9, 0),
    "nvmlDeviceGetMaxPcieLinkGeneration": 5,
    "nvmlDeviceGetMaxPcieLinkWidth": 16,
    "nvmlSystemGetDriverVersion": b"550.90.07",  # older versions of the library answer in bytes
    "nvmlDeviceGetVbiosVersion": "96.00.A5.00.01",
}
