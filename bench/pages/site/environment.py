"""Where the systems differ: what could be read of machine, engine and versions, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from bench.pages.site.gathering import System
from bench.report.details import Line, host_section, pairs, system_section
from bench.report.hardware import hardware_section
from bench.text import name, printable, sentence


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field with its value for each system, empty where it could not be read."""

    label: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the systems have more than one value."""
        return len(set(self.values)) > 1


def environment(systems: Sequence[System], lang: str) -> list[Field]:
    """All fields that are known of any system, in the order in which they come."""
    by_system = [_joined(_lines(system, lang)) for system in systems]
    labels = dict.fromkeys(label for own in by_system for label in own)
    return [Field(label=label, values=tuple(own.get(label, "") for own in by_system)) for label in labels]


def _joined(lines: Iterator[Line]) -> dict[str, str]:
    """By label; what has one label, such as several cards, together."""
    found: dict[str, list[str]] = {}
    for label, value in lines:
        found.setdefault(label, []).append(value)
    return {label: "; ".join(dict.fromkeys(values)) for label, values in found.items()}


def _lines(system: System, lang: str) -> Iterator[Line]:
    yield from system_section(system.records, lang).lines
    records = system.records
    told: dict[str, list[str | None]] = {
        "backend": [record.backend for record in records],
        "settings": [pairs(record.settings) for record in records],
        "mode": [name(lang, "mode", record.mode) for record in records],
        "suite": [record.suite_version for record in records],
    }
    for key, values in told.items():
        distinct = dict.fromkeys(value for value in values if value)
        if distinct:
            yield sentence(lang, f"detail.{key}"), printable("; ".join(distinct))
    for run in system.runs[:1]:
        yield from host_section(run, lang).lines
        unknown = sentence(lang, "detail.hardware_unknown")
        yield from (line for line in hardware_section(run.hardware, lang).lines if line[0] != unknown)
        yield sentence(lang, "detail.python"), printable(run.host.python)
        for package, version in sorted(run.host.packages.items()):
            yield printable(package), printable(version)
