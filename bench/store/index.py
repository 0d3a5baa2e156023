"""All kept figures of a results directory as one table, for questions: `results/index.parquet`.

JSON stays the truth: the table is made anew from runs that changed, and wholly where it is missing or broken.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from bench.records.metrics import METRICS
from bench.records.numbers import Interval
from bench.records.record import Record, Run
from bench.records.untrusted import BadFile
from bench.store.files import write_atomically
from bench.store.runs import RECORD, RUN, RunFolder, runs_in

if TYPE_CHECKING:
    import duckdb

INDEX: Final = "index.parquet"
QUALITY: Final = "quality"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one record; the fields are the columns. `changed_ns` is the newest file of its run."""

    run_id: str
    started_at: str
    mode: str
    backend: str
    device: str
    vendor: str | None
    product: str | None
    machine_class: str | None
    cpu: str | None
    power_limit_w: float | None
    workload: str
    scenario: str
    precision: str
    timed_region: str
    batch: int
    workers: int
    division: str
    origin: str
    valid: bool
    quality_passed: bool | None
    config_hash: str
    metric: str
    is_primary: bool
    unit: str
    value: float
    low: float | None
    high: float | None
    changed_ns: int


_TYPES: Final = {"str": "VARCHAR", "float": "DOUBLE", "int": "BIGINT", "bool": "BOOLEAN"}


def columns() -> dict[str, str]:
    """Names of the columns with their SQL types."""
    return {name: _TYPES[str(kind).split(" ")[0]] for name, kind in Entry.__annotations__.items()}


def refreshed(results: Path) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """A connection whose table `figures` is the index, and in a line each what could not be read.

    The connection reaches nothing else: neither files nor the network. The index is written again where runs changed,
    if the directory may be written. Raises OSError where it may and cannot.
    """
    connection = _empty()
    known = _take(connection, results / INDEX)
    broken: list[str] = []
    present = {folder.path.name: folder for folder in runs_in(results)}
    stale = [run_id for run_id, folder in present.items() if known.get(run_id) != _changed_ns(folder)]
    gone = [run_id for run_id in known if run_id not in present]
    for run_id in [*stale, *gone]:
        connection.execute("DELETE FROM figures WHERE run_id = ?", [run_id])
    for run_id in stale:
        try:
            _insert(connection, list(_entries(present[run_id])))
        except BadFile as error:
            broken.append(str(error))
    if (stale or gone) and _writable(results):
        _write(connection, results / INDEX)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection, broken


def _empty() -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "memory_limit": "2GB"}
    )
    table = ", ".join(f"{name} {kind}" for name, kind in columns().items())
    connection.execute(f"CREATE TABLE figures ({table})")
    return connection


def _take(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, int]:
    """Fill the table from the file; the runs that are in it with the moment of their newest file."""
    import duckdb

    if not file.is_file():
        return {}
    names = ", ".join(columns())
    try:
        connection.execute(f"INSERT INTO figures SELECT {names} FROM read_parquet(?)", [str(file)])
    except duckdb.Error:
        connection.execute("DELETE FROM figures")
        return {}
    return dict(connection.execute("SELECT run_id, max(changed_ns) FROM figures GROUP BY run_id").fetchall())


def _insert(connection: duckdb.DuckDBPyConnection, entries: list[Entry]) -> None:
    if entries:
        marks = ", ".join("?" * len(columns()))
        connection.executemany(
            f"INSERT INTO figures VALUES ({marks})", [msgspec.structs.astuple(one) for one in entries]
        )


def _changed_ns(folder: RunFolder) -> int:
    """The moment of the newest record of a run."""
    files = [folder.path / RUN, *folder.path.glob(f"*/{RECORD}")]
    return max(file.stat().st_mtime_ns for file in files)


def _entries(folder: RunFolder) -> Iterator[Entry]:
    run, changed_ns = folder.load_run(), _changed_ns(folder)
    for record in folder.load_records(run, without=("sketch",)):
        yield from _of_record(run, record, changed_ns)


def _of_record(run: Run, record: Record, changed_ns: int) -> Iterator[Entry]:
    facts = run.hardware.facts if run.hardware is not None else None
    measured, quality = record.measurement, record.quality
    for metric, unit, value, interval in _figures(record):
        yield Entry(
            run_id=run.run_id,
            started_at=run.started_at,
            mode=record.mode,
            backend=record.backend,
            device=", ".join(run.plan.devices),
            vendor=facts.vendor if facts is not None else None,
            product=facts.model if facts is not None else None,
            machine_class=facts.machine_class if facts is not None else None,
            cpu=run.host.cpu_model,
            power_limit_w=facts.power.limit_w if facts is not None else None,
            workload=measured.workload,
            scenario=measured.scenario,
            precision=measured.precision,
            timed_region=record.timed_region,
            batch=measured.batch,
            workers=measured.workers,
            division=record.division,
            origin=record.origin,
            valid=record.valid,
            quality_passed=quality.passed if quality is not None else None,
            config_hash=record.config_hash,
            metric=metric,
            is_primary=metric == record.primary,
            unit=unit,
            value=value,
            low=interval.low if interval is not None else None,
            high=interval.high if interval is not None else None,
            changed_ns=changed_ns,
        )


def _figures(record: Record) -> Iterable[tuple[str, str, float, Interval | None]]:
    for name, figure in record.metrics.items():
        if figure.value is not None and name in METRICS:
            yield name, METRICS[name].unit, figure.value, figure.interval
    if record.quality is not None and record.quality.value is not None:
        yield QUALITY, "1", record.quality.value, record.quality.interval


def _writable(results: Path) -> bool:
    return os.access(results, os.W_OK)


def _write(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    def fill(temporary: Path) -> None:
        target = str(temporary).replace("'", "''")
        order = "ORDER BY run_id, workload, scenario, metric"
        connection.execute(f"COPY (SELECT * FROM figures {order}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")

    write_atomically(file, fill)
