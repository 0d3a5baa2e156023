"""What the systems of several records are called, so that each has one name, and one look, in all pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.plots.fonts import identifier
from bench.records.record import Record
from bench.report.devices import devices_of
from bench.report.rows import executed_precision

T = TypeVar("T")
_MOST = 60


def system_name(record: Record) -> str:
    """The devices and the engine with its version, such as `2 × NVIDIA H100, onnxruntime 1.32.0`."""
    engine = f", {record.facts.engine} {record.facts.engine_version}" if record.facts else ""
    names = [device.title or device.address for device in devices_of(record)] or [record.backend]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    devices = " + ".join(name if count == 1 else f"{count} × {name}" for name, count in counts.items())
    return identifier(devices + engine, _MOST)


def system_names(records: Sequence[Record]) -> list[str]:
    """A name for each record of one measurement, different for each.

    Where devices and engine do not tell them apart, the executed precision is added, and then the id of the run.
    """
    names = [system_name(record) for record in records]
    for more in (executed_precision, lambda record: record.run_id):
        names = _told_apart(names, [identifier(more(record), 24) for record in records])
    return _told_apart(names, [str(place) for place in range(1, len(names) + 1)])


def _told_apart(names: list[str], more: list[str]) -> list[str]:
    counts = Counter(names)
    return [f"{name}, {added}" if counts[name] > 1 else name for name, added in zip(names, more, strict=True)]


def named(records: Sequence[Record], names: Sequence[str] | None) -> list[tuple[str, Record]]:
    """Records with the names of their systems: those given, in the same order, or `system_names`.

    Raises ValueError where they are not of one workload, scenario and timed region, which no picture may mix, where
    their number differs from that of the names, or where two have one name.
    """
    kinds = {(one.measurement.workload, one.measurement.scenario, one.timed_region) for one in records}
    if len(kinds) > 1:
        shown = ", ".join(sorted("/".join(kind) for kind in kinds))
        raise ValueError(f"records of one workload, scenario and timed region are drawn together; these are {shown}")
    chosen = list(names) if names is not None else system_names(records)
    if len(chosen) != len(records) or len(set(chosen)) < len(chosen):
        raise ValueError(f"{len(records)} records need as many different names: {chosen}")
    return list(zip(chosen, records, strict=True))


def drawable(
    of: Callable[[Record], T | None], records: Sequence[Record], names: Sequence[str] | None
) -> list[tuple[str, T]]:
    """What `of` makes of each record, by the names of `named`; without those of which nothing can be drawn."""
    found = [(name, of(record)) for name, record in named(records, names)]
    return [(name, one) for name, one in found if one is not None]
