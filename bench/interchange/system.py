"""An MLPerf system description as our host and device: free text without units, of which some can be read."""

from __future__ import annotations

import re
from typing import Any  # Any: plain JSON

from bench.records.host import Device, Host

_AMOUNT = re.compile(r"^\D*(\d+(?:\.\d+)?)\s*([MGT])(i?)B?\b", re.IGNORECASE)
_DECIMAL, _BINARY = {"M": 10**6, "G": 10**9, "T": 10**12}, {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NONE = frozenset({"", "0", "n/a", "na", "none", "-"})
_LONGEST = 200


class NotDescribed(ValueError):
    """A description that does not say what a record needs; one line that names the field."""


def text_of(system: dict[str, Any], field: str) -> str:
    """A field as one line of text; empty where it is missing."""
    value = system.get(field, "")
    return " ".join(str(value).split())[:_LONGEST] if isinstance(value, str | int | float) else ""


def host_of(system: dict[str, Any]) -> Host:
    """The host of a system, as far as it is described. Raises NotDescribed where cores or memory are no numbers."""
    cores = _count(system, "host_processor_core_count") * _count(system, "host_processors_per_node")
    memory = text_of(system, "host_memory_capacity")
    return Host(
        cpu_model=text_of(system, "host_processor_model_name"),
        architecture="",
        cores_physical=cores,
        cores_usable=cores,
        memory_bytes=_bytes(memory),
        operating_system=text_of(system, "operating_system"),
        kernel="",
        virtualised=None,
        governor=None,
        frequency_max_mhz=None,
        numa_nodes=None,
        python="",
        packages={},
    )


def device_of(system: dict[str, Any]) -> Device:
    """What computed: the accelerators, or the processor where there are none."""
    name, count = text_of(system, "accelerator_model_name"), text_of(system, "accelerators_per_node")
    if name.lower() in _NONE or count.lower() in _NONE:
        return Device(kind="cpu", title=text_of(system, "host_processor_model_name"))
    return Device(kind="accelerator", title=name if count == "1" else f"{count} × {name}")


def _count(system: dict[str, Any], field: str) -> int:
    text = text_of(system, field)
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) < 1 << 16:
        raise NotDescribed(f"`{field}` is {text[:60]!r}; a number is expected")
    return int(text[:9])


def _bytes(text: str) -> int:
    found = _AMOUNT.match(text)
    if found is None:
        raise NotDescribed(f"`host_memory_capacity` is {text[:60]!r}; an amount such as `512 GB` is expected")
    number, unit, binary = found.groups()
    return round(float(number) * (_BINARY if binary else _DECIMAL)[unit.upper()])
