"""Imported results as runs beside our own: one for each system and precision, named by what is in it."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import __version__
from bench.interchange.imported import NotImported, Result, read_result
from bench.interchange.rounds import Place, places
from bench.records.plan import RunPlan
from bench.records.record import Record, Run
from bench.store.runs import RunFolder

_UNDATED = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A result that was not taken over, and why. `broken`: its files are not what LoadGen writes."""

    name: str
    why: str
    broken: bool


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a folder: records by the run that they are kept in, runs that were there already, what was left."""

    runs: dict[str, tuple[Record, ...]]
    known: frozenset[str]
    left_out: tuple[LeftOut, ...]


def import_results(top: Path, results: Path, round_: str | None) -> Imported:
    """Keep every result in `top` under `results`; what is there already stays. Raises TooMany or OSError."""
    groups: dict[tuple[str, str, str, str], list[Result]] = {}
    left: list[LeftOut] = []
    for place in places(top):
        try:
            result = read_result(place, round_)
        except NotImported as error:
            left.append(LeftOut(name=place.name, why=str(error), broken=error.broken))
            continue
        groups.setdefault(_group(place, result), []).append(result)
    runs: dict[str, tuple[Record, ...]] = {}
    known: set[str] = set()
    for group in groups.values():
        run, records = _run(group)
        folder = RunFolder.of(results, run.run_id)
        runs[run.run_id] = records
        if folder.path.exists():
            known.add(run.run_id)
            continue
        for record in records:
            folder.keep_record(record)
        folder.keep_run(run)  # last: a run is there when this is
    return Imported(runs=runs, known=frozenset(known), left_out=tuple(left))


def _group(place: Place, result: Result) -> tuple[str, str, str, str]:
    return place.division, place.submitter, place.system, result.record.measurement.precision


def _run(group: Sequence[Result]) -> tuple[Run, tuple[Record, ...]]:
    """Two results of one name cannot be in one group: the name is that of their folder."""
    first = group[0]
    run_id, started = _identity(group)
    records = tuple(msgspec.structs.replace(one.record, run_id=run_id) for one in group)
    measurements = tuple(record.measurement for record in records)
    device = first.record.device
    assert device is not None
    plan = RunPlan(
        workloads=tuple(dict.fromkeys(entry.workload for entry in measurements)),
        scenarios=tuple(dict.fromkeys(entry.scenario for entry in measurements)),
        backend="mlperf",
        device=device.kind,
        mode="mlperf",
        driver="loadgen",
        precision=measurements[0].precision,
    )
    run = Run(
        suite_version=__version__,
        run_id=run_id,
        started_at=started.isoformat(timespec="seconds"),
        status="complete",
        plan=plan,
        host=first.host,
        measurements=measurements,
    )
    return run, records


def _identity(group: Sequence[Result]) -> tuple[str, datetime.datetime]:
    """Of the same logs always the same name, so that importing twice keeps one."""
    told = [one.record.mlperf for one in group]
    moments = [datetime.datetime.fromisoformat(one.started_at) for one in told if one and one.started_at]
    started = min(moments, default=_UNDATED)
    content = [
        f"{one.division} {one.submitter} {one.system} {one.benchmark} {one.detail_sha256}" for one in told if one
    ]
    digest = hashlib.sha256("\n".join(sorted(content)).encode()).hexdigest()
    return f"{started:%Y%m%dT%H%M%SZ}-{digest[:12]}", started
