"""What this machine's processor is called and can do, which host records and CPU backends both need."""

from __future__ import annotations

import functools
import platform
from pathlib import Path


@functools.lru_cache(maxsize=1)
def processor_name() -> str:
    """Brand string of the processor, `unknown` when the system does not tell."""
    return _from_kernel() or _from_library() or platform.processor() or "unknown"


@functools.lru_cache(maxsize=1)
def processor_flags() -> frozenset[str]:
    """Extensions of its instruction set, by the kernel's names; empty where the system does not tell."""
    return frozenset((_line("flags") or "").split())


def _from_kernel() -> str | None:
    return _line("model name")


def _line(key: str) -> str | None:
    # py-cpuinfo tells the same on Linux after a second of probing in processes of its own.
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)


def _from_library() -> str | None:
    from cpuinfo import get_cpu_info

    brand = get_cpu_info().get("brand_raw")
    return str(brand) if brand else None
