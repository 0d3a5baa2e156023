"""What is wrong with a profile in itself: facts that cannot be together, and claims without a source."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

import msgspec

from bench.records.plan import PRECISIONS
from bench.records.profile import Profile

# Beside those that a run can ask for.
_OTHER_PRECISIONS = ("fp64", "tf32", "fp8", "fp4", "int4")
_NEEDS_CARD = ("gpu_server", "fpga_card", "ai_chip")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: a code of the catalogues' `profile_fault`, where, and what stands there."""

    code: str
    path: str
    seen: str


def faults(profile: Profile, backends: Sequence[str]) -> tuple[Fault, ...]:
    """What is wrong with it; `backends` are those that are installed."""
    return (
        *_use(profile, backends),
        *_peaks(profile),
        *_counts(profile),
        *_sources(profile),
        *_dates(profile),
    )


def _use(profile: Profile, backends: Sequence[str]) -> Iterator[Fault]:
    if profile.use is not None and profile.use.backend not in backends:
        yield Fault(code="no-backend", path="use.backend", seen=profile.use.backend)
    if profile.use is not None and not profile.use.devices:
        yield Fault(code="no-device", path="use.devices", seen="")


def _peaks(profile: Profile) -> Iterator[Fault]:
    lists = [("cpu", profile.cpu.peaks)]
    lists += [(f"accelerators[{index}]", card.peaks) for index, card in enumerate(profile.accelerators)]
    for where, peaks in lists:
        for index, peak in enumerate(peaks):
            path = f"{where}.peaks[{index}]"
            if peak.precision not in (*PRECISIONS, *_OTHER_PRECISIONS):
                yield Fault(code="no-precision", path=path, seen=peak.precision)
            if not peak.source.strip():
                yield Fault(code="no-source", path=path, seen=peak.precision)
        kinds = [(peak.precision, peak.sparse) for peak in peaks]
        twice = {precision for precision, sparse in kinds if kinds.count((precision, sparse)) > 1}
        for precision in sorted(twice):
            yield Fault(code="twice", path=f"{where}.peaks", seen=precision)


def _counts(profile: Profile) -> Iterator[Fault]:
    cpu = profile.cpu
    if cpu.sockets and cpu.cores and cpu.cores < cpu.sockets:
        yield Fault(code="fewer-cores", path="cpu.cores", seen=str(cpu.cores))
    if cpu.cores and cpu.threads and cpu.threads < cpu.cores:
        yield Fault(code="fewer-threads", path="cpu.threads", seen=str(cpu.threads))
    if profile.machine_class in _NEEDS_CARD and not (profile.accelerators or profile.opencl):
        yield Fault(code="no-card", path="class", seen=profile.machine_class)


def _sources(profile: Profile) -> Iterator[Fault]:
    memory = profile.memory
    places: list[tuple[str, float | None, str | None]] = [
        ("power.limit_source", profile.power.limit_w, profile.power.limit_source),
        ("memory.bandwidth_source", memory.bandwidth_bytes_per_s, memory.bandwidth_source),
    ]
    places += [
        (f"accelerators[{index}].bandwidth_source", card.bandwidth_bytes_per_s, card.bandwidth_source)
        for index, card in enumerate(profile.accelerators)
    ]
    for path, figure, source in places:
        if figure is not None and not (source or "").strip():
            yield Fault(code="no-source", path=path, seen=f"{figure:g}")


def _dates(profile: Profile) -> Iterator[Fault]:
    meter = profile.power.meter
    dates = [("power.meter.calibrated", meter.calibrated if meter else None)]
    dates.append(("price.date", profile.price.date if profile.price else None))
    for path, text in dates:
        try:
            datetime.date.fromisoformat(text or "2000-01-01")
        except ValueError:
            yield Fault(code="no-date", path=path, seen=str(text))
