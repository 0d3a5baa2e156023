"""From kept records to systems: what one machine, engine and set of devices measured, under a name people can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.comparing.kept import Kept, kept_records
from bench.pages.site import CannotMake
from bench.records.hashing import record_hash
from bench.records.host import Host
from bench.records.record import Record, Run
from bench.report.devices import devices_of
from bench.report.styles import clipped

MOST: Final = 20
_LONGEST: Final = 60


class System(msgspec.Struct, frozen=True, kw_only=True):
    """One system: its place from 1, a name that no other has, its records by the name of the measurement.

    `runs` are those that the records are of, the first one first; empty where only records are there.
    """

    place: int
    name: str
    kept: Mapping[str, Kept]
    runs: tuple[Run, ...]

    @property
    def records(self) -> list[Record]:
        return [entry.record for entry in self.kept.values()]

    @property
    def host(self) -> Host | None:
        return self.runs[0].host if self.runs else None


def gathered(files: Sequence[tuple[Path, str]]) -> list[System]:
    """The systems of runs and records, each a file with the argument that named it, in that order.

    Records of different runs are one system where machine, devices and engine are the same and none is there twice: a
    measurement that was repeated makes an entry of its own. Raises BadFile, and CannotMake for more than `MOST`.
    """
    groups: list[tuple[str, dict[str, Kept]]] = []
    everything = list(_records(files))
    identities = _identities(everything)
    for kept in everything:
        key = identities[kept.record.run_id]
        own = next((records for known, records in groups if known == key and kept.name not in records), None)
        if own is None:
            own = {}
            groups.append((key, own))
        own[kept.name] = kept
    if len(groups) > MOST:
        raise CannotMake(f"These records are of {len(groups)} systems; a report holds {MOST} at most. Name fewer")
    names = _names([records for _, records in groups])
    return [
        System(place=place, name=name, kept=records, runs=_runs(records))
        for place, (name, (_, records)) in enumerate(zip(names, groups, strict=True), 1)
    ]


def _records(files: Sequence[tuple[Path, str]]) -> Iterator[Kept]:
    """Every record once, even where it is named twice, or with its run."""
    seen: set[tuple[str, str]] = set()
    for file, argument in files:
        for kept in kept_records(file, argument).values():
            key = (kept.record.run_id, record_hash(kept.record))
            if key not in seen:
                seen.add(key)
                yield kept


def _identities(everything: Sequence[Kept]) -> dict[str, str]:
    """By run, which is of one system: what a measurement that failed does not know of it another one may know."""
    found: dict[str, str] = {}
    for kept in sorted(everything, key=lambda kept: kept.record.facts is None):
        found.setdefault(kept.record.run_id, _identity(kept))
    return found


def _identity(kept: Kept) -> str:
    """What makes a system: machine, devices, engine with its versions and settings. Records without a run by theirs."""
    record, facts = kept.record, kept.record.facts
    return record_hash(
        {
            "host": kept.run.host if kept.run is not None else record.run_id,
            "backend": record.backend,
            "devices": [(device.kind, device.index, device.title) for device in devices_of(record)],
            "engine": (facts.engine, facts.engine_version, facts.driver_version) if facts is not None else None,
            "settings": record.settings,
        }
    )


def _runs(records: Mapping[str, Kept]) -> tuple[Run, ...]:
    return tuple({kept.run.run_id: kept.run for kept in records.values() if kept.run is not None}.values())


def _names(groups: Sequence[Mapping[str, Kept]]) -> list[str]:
    """As short as tells them apart: device and engine; then the machine, what was set, the run."""
    whole = [_parts(list(records.values())) for records in groups]
    names = [parts[0] for parts in whole]
    for more in range(1, 4):
        told: dict[str, set[str]] = {}
        for name, parts in zip(names, whole, strict=True):
            told.setdefault(name, set()).add(parts[more])
        for place, name in enumerate(names):
            if len(told[name]) > 1 and whole[place][more]:
                names[place] = f"{name}, {whole[place][more]}"
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]


def _parts(records: Sequence[Kept]) -> tuple[str, str, str, str]:
    kept = next((entry for entry in records if entry.record.facts is not None), records[0])
    record, run = kept.record, kept.run
    facts = record.facts
    engine = f"{facts.engine} {facts.engine_version.partition('-')[0]}" if facts is not None else record.backend
    asked = [*_served(run), *sorted(record.settings.items())]
    settings = ", ".join(f"{key}={value}" for key, value in asked)
    parts = (f"{_device(kept)}, {engine}", _machine(run), settings, record.run_id)
    first, *others = (clipped(part, _LONGEST) for part in parts)
    return (first, *others)  # type: ignore[return-value]  # as many as went in


def _served(run: Run | None) -> list[tuple[str, object]]:
    """How the load was asked to be served, where that was asked for."""
    found = [(key, getattr(run.plan, key)) for key in ("batch", "workers", "processes", "threads")] if run else []
    return [(key, value) for key, value in found if value is not None]


def _device(kept: Kept) -> str:
    """What computes: the processor by its model, since engines call it just that; cards by their titles."""
    devices = devices_of(kept.record)
    host = kept.run.host if kept.run is not None else None
    names = [
        host.cpu_model if host is not None and device.kind == "cpu" else device.title or device.address
        for device in devices
    ]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return " + ".join(name if count == 1 else f"{count} × {name}" for name, count in counts.items()) or "—"


def _machine(run: Run | None) -> str:
    if run is None:
        return ""
    product = run.hardware.facts.platform.product if run.hardware is not None else None
    return f"{product or run.host.cpu_model}, {run.host.cores_usable} CPU"
