"""`bench export`: kept records in the formats of other tools."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option
from bench.cli.export_mlperf import mlperf_command


@click.group("export")
def command() -> None:
    """Kept records in the formats of other tools."""


@command.command("xlsx")
@click.argument("records", nargs=-1, metavar="[RECORD]…")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.xlsx")
@output_option
@lang_option
@logging_options
def xlsx_command(records: tuple[str, ...], file: Path, output: str | None, lang: str) -> int:
    """Write runs or records, the latest run where none is named, to a workbook.

    Every figure is there unrounded with unit and interval, that of each repetition, what was found, the machine, and
    what the figures mean.
    """
    from bench.comparing.kept import kept_records
    from bench.store.files import write_bytes
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import find_record
    from bench.workbook.runs import run_id, runs_workbook

    if file.suffix.lower() != ".xlsx":
        raise click.UsageError(f"{file}: the name of a workbook ends with .xlsx.")
    results = results_directory(output)
    found = [(record, find_record(record, results)) for record in records or ("latest",)]
    kept = [entry for record, place in found for entry in kept_records(place, record).values()]
    kept = list({(run_id(entry), entry.name): entry for entry in kept}.values())
    ensure_writable(file.absolute().parent, "FILE")
    write_bytes(file, runs_workbook(kept, lang))
    click.echo(file)
    return exit_codes.OK


command.add_command(mlperf_command)


@command.command("pytest-benchmark")
@click.argument("run", default="latest")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@output_option
@lang_option
@logging_options
def pytest_benchmark_command(run: str, file: Path, output: str | None, lang: str) -> int:
    """Write RUN to FILE.json, as `pytest-benchmark compare` and its histogram read it: a round is a repetition.

    A rate stands there as the time for one; cameras and shares, which are no times, are left out and named.
    """
    from bench.comparing.kept import kept_records
    from bench.report.pytest_benchmark import exported
    from bench.store.files import write_bytes
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import RUN, find_record
    from bench.text import printable, sentence

    kept = find_record(run, results_directory(output))
    if kept.name != RUN:
        raise click.UsageError(f"A whole run is exported; {kept} is a part of one.")
    records = list(kept_records(kept, run).values())
    found = records[0].run
    assert found is not None  # these are of a run
    content, left = exported([(entry.record, entry.values) for entry in records], found.host, found.started_at)
    if len(left) == len(records):
        raise click.UsageError(f"Nothing in {run} is a time or a rate with a value; nothing was written.")
    ensure_writable(file.absolute().parent, "FILE")
    write_bytes(file, content)
    for name in left:
        click.echo(sentence(lang, "house.no_time", name=printable(name)), err=True)
    click.echo(file)
    return exit_codes.OK
