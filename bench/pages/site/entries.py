"""What the pages show of systems and their measurements in one language, as plain values before any HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from bench.comparing.kept import Kept
from bench.comparing.likeness import OF_SYSTEMS, unlike
from bench.pages.site.gathering import System
from bench.plots.palette import COLOURS, Palette
from bench.records.plan import SCENARIOS
from bench.records.record import Record
from bench.report.rows import Row, row
from bench.text import figures, name, printable, sentence

_FOR_FILES: Final = re.compile(r"[^a-z0-9_-]+")
_LONGEST: Final = 40


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A system as pages name it; `tint` from 1 is its colour in every picture."""

    place: int
    name: str
    page: str
    tint: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of one system in words; `served` says how the load was; `slowest` is the end of the tail.

    `name` is short enough for a line; `anchor` is where the page of the system has all of it.
    """

    system: Shown
    kept: Kept
    row: Row
    name: str
    mode: str
    served: str
    slowest: str
    anchor: str

    @property
    def record(self) -> Record:
        return self.kept.record

    @property
    def value(self) -> float | None:
        """The primary figure, unrounded, in the unit of the registry."""
        figure = self.record.metrics.get(self.record.primary)
        return figure.value if figure is not None else None


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """All measurements of one workload in one scenario; `unlike` says which of them are not like the first, and how."""

    code: str
    title: str
    anchor: str
    entries: tuple[Entry, ...]
    unlike: tuple[str, ...]


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A workload with its scenarios."""

    name: str
    page: str
    sections: tuple[Section, ...]


def shown_systems(systems: Sequence[System]) -> list[Shown]:
    """With the colours that the pictures give them."""
    palette = Palette.of(system.name for system in systems)
    return [
        Shown(
            place=system.place,
            name=printable(system.name),
            page=f"system-{system.place:02d}.html",
            tint=COLOURS.index(palette[system.name].colour) + 1,
        )
        for system in systems
    ]


def entries_of(system: System, shown: Shown, lang: str) -> list[Entry]:
    """The measurements of a system in words, in the order in which they were kept."""
    return [_entry(kept, shown, number, lang) for number, kept in enumerate(system.kept.values(), 1)]


def workloads_of(entries: Sequence[Entry], lang: str) -> list[Workload]:
    """The entries of all systems by workload, in the order in which these appear, and by scenario."""
    names = list(dict.fromkeys(entry.record.measurement.workload for entry in entries))
    return [
        Workload(
            name=shortened(workload),
            page=f"workload-{number:02d}-{file_part(workload)}.html",
            sections=_sections([entry for entry in entries if entry.record.measurement.workload == workload], lang),
        )
        for number, workload in enumerate(names, 1)
    ]


def shortened(text: str, most: int = 120) -> str:
    """A name on one line that cannot push everything else off it."""
    safe = printable(text)
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"


def file_part(text: str) -> str:
    """A name as a part of a file name: nothing but small letters, digits, `_` and `-`."""
    return _FOR_FILES.sub("-", text.lower())[:_LONGEST].strip("-") or "x"


def _entry(kept: Kept, shown: Shown, number: int, lang: str) -> Entry:
    record = kept.record
    return Entry(
        system=shown,
        kept=kept,
        row=row(record, lang),
        name=shortened(record.measurement.name),
        mode=name(lang, "mode", record.mode),
        served=_served(record, lang),
        slowest=_slowest(record, lang),
        anchor=f"{shown.page}#m{number}",
    )


def _served(record: Record, lang: str) -> str:
    asked = record.measurement
    parts = {"batch": asked.batch, "workers": asked.workers, "threads": asked.threads}
    return sentence(lang, "site.served", **parts)


def _slowest(record: Record, lang: str) -> str:
    """The slowest query of the sketch: the tail is never dropped."""
    sketch = record.sketch
    if sketch is None or sketch.quantity != "latency_ns" or not sketch.values:
        return figures.NONE
    last = sketch.values[-1]
    return (
        sentence(lang, "site.tail_failed", count=figures.count(sketch.failed))
        if last is None
        else figures.latency(last)
    )


def _sections(entries: Sequence[Entry], lang: str) -> tuple[Section, ...]:
    found: Mapping[str, list[Entry]] = {code: [] for code in SCENARIOS}
    for entry in entries:
        found[entry.record.measurement.scenario].append(entry)
    return tuple(
        Section(
            code=code,
            title=name(lang, "scenario", code),
            anchor=code,
            entries=tuple(own),
            unlike=_unlike(own, lang),
        )
        for code, own in found.items()
        if own
    )


def _unlike(entries: Sequence[Entry], lang: str) -> tuple[str, ...]:
    first = entries[0]
    return tuple(
        sentence(
            lang,
            "site.unlike",
            system=entry.system.place,
            field=field.field,
            value=shortened(field.second, 60),
            first=first.system.place,
            other=shortened(field.first, 60),
        )
        for entry in entries[1:]
        for field in unlike(first.kept, entry.kept, OF_SYSTEMS)
    )
