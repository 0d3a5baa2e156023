"""All kept figures of a results directory as one table, for questions: `results/index.parquet`.

JSON stays the truth: the table is made anew from runs that changed, and wholly where it is missing or broken.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bench.records.metrics import METRICS
from bench.records.numbers import Interval
from bench.records.record import Record, Run
from bench.records.untrusted import BadFile
from bench.store.files import write_atomically
from bench.store.runs import RECORD, RUN, RUNS, RunFolder

if TYPE_CHECKING:
    import duckdb

INDEX: Final = "index.parquet"
QUALITY: Final = "quality"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a record; the fields are the columns. `status` and `changed_ns`, the newest file, are its run's."""

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
    status: str
    changed_ns: int


_TYPES: Final = {"str": "VARCHAR", "float": "DOUBLE", "int": "BIGINT", "bool": "BOOLEAN"}


def columns() -> dict[str, str]:
    """Names of the columns with their SQL types."""
    return {name: _TYPES[str(kind).split(" ")[0]] for name, kind in Entry.__annotations__.items()}


def refreshed(results: Path) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """A connection whose view `figures` is the index, and in a line each what could not be read.

    The connection reaches nothing else: no other files, nor the network. The index is written again where runs changed,
    if the directory may be written. A run that is complete has changed when its `run.json` has, which is written last;
    of another one every record is looked at. Raises OSError where the index may be written and cannot.
    """
    connection, file = _connection(), results / INDEX
    known = _known(connection, file)
    present = dict(_present(results, known))
    stale = [run_id for run_id, changed in present.items() if changed]
    left_out = known.keys() - {run_id for run_id, changed in present.items() if not changed}
    rows, broken = _fill(connection, [RunFolder.of(results, run_id) for run_id in stale])
    _view(connection, file if known else None, left_out)
    written = bool(left_out or rows) and os.access(results, os.W_OK)
    if written:
        _write(connection, file)
        connection.execute("TRUNCATE fresh")
        _view(connection, file, set())
    if known or written:
        connection.execute(f"SET allowed_paths = [{_quoted(file)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection, broken


def _connection() -> duckdb.DuckDBPyConnection:
    """With an empty table `fresh` for what is not in the file."""
    import duckdb

    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "memory_limit": "2GB"}
    )
    table = ", ".join(f"{name} {kind}" for name, kind in columns().items())
    connection.execute(f"CREATE TABLE fresh ({table})")
    return connection


class _Known(NamedTuple):
    """What the index holds of a run: its newest file then, and whether nothing more was to come."""

    changed_ns: int
    complete: bool


def _known(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, _Known]:
    """The runs in the file; none where it is missing, broken or of other columns."""
    import duckdb

    if not file.is_file():
        return {}
    try:
        connection.execute("SELECT " + ", ".join(columns()) + " FROM read_parquet(?) LIMIT 0", [str(file)])
        found = connection.execute(
            "SELECT run_id, max(changed_ns), bool_and(status = 'complete') FROM read_parquet(?) GROUP BY run_id",
            [str(file)],
        ).fetchall()
    except duckdb.Error:
        return {}
    return {run_id: _Known(changed, complete) for run_id, changed, complete in found}


def _present(results: Path, known: Mapping[str, _Known]) -> Iterator[tuple[str, bool]]:
    """The runs that are there, and whether each has changed since the index was written."""
    try:
        entries = list(os.scandir(results / RUNS))
    except FileNotFoundError:
        return
    for entry in entries:
        try:
            changed_ns = os.stat(f"{entry.path}/{RUN}").st_mtime_ns  # noqa: PTH116 - a Path takes thrice as long
        except OSError:  # not a run, or just pruned
            continue
        before = known.get(entry.name)
        if before is not None and not before.complete:
            changed_ns = _changed_ns(RunFolder.of(results, entry.name))
        yield entry.name, before is None or changed_ns > before.changed_ns


def _fill(connection: duckdb.DuckDBPyConnection, folders: Sequence[RunFolder]) -> tuple[int, list[str]]:
    """Put what runs say into the table: how many rows, and what could not be read. As JSON: fifty times as fast."""
    rows, broken, encoder = 0, [], msgspec.json.Encoder()
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as lines:
        for folder in folders:
            try:
                entries = list(_entries(folder))
                rows += len(entries)
                lines.write(encoder.encode_lines(entries))
            except BadFile as error:
                broken.append(str(error))
            except FileNotFoundError:
                continue  # pruned while we looked
        lines.flush()
        if rows:
            kinds = ", ".join(f"{name}: '{kind}'" for name, kind in columns().items())
            connection.execute(
                f"INSERT INTO fresh SELECT * FROM read_json({_quoted(lines.name)}, format = 'newline_delimited', "
                f"columns = {{{kinds}}})"
            )
    return rows, broken


def _view(connection: duckdb.DuckDBPyConnection, file: Path | None, left_out: Collection[str]) -> None:
    """`figures`: what the file holds of the runs that did not change, and what was read anew."""
    names, parts = ", ".join(columns()), ["SELECT * FROM fresh"]
    if file is not None:
        connection.execute("CREATE OR REPLACE TABLE left_out (run_id VARCHAR)")
        if left_out:
            connection.execute("INSERT INTO left_out SELECT unnest(?)", [list(left_out)])
        kept = " WHERE run_id NOT IN (SELECT run_id FROM left_out)" if left_out else ""
        parts.append(f"SELECT {names} FROM read_parquet({_quoted(file)}){kept}")
    connection.execute("CREATE OR REPLACE VIEW figures AS " + " UNION ALL ".join(parts))


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


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
            status=run.status,
            changed_ns=changed_ns,
        )


def _figures(record: Record) -> Iterable[tuple[str, str, float, Interval | None]]:
    for name, figure in record.metrics.items():
        if figure.value is not None and name in METRICS:
            yield name, METRICS[name].unit, figure.value, figure.interval
    if record.quality is not None and record.quality.value is not None:
        yield QUALITY, "1", record.quality.value, record.quality.interval


def _write(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    def fill(temporary: Path) -> None:
        connection.execute(f"COPY (SELECT * FROM figures) TO {_quoted(temporary)} (FORMAT parquet, COMPRESSION zstd)")

    write_atomically(file, fill)
