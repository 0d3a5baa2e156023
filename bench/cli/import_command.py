"""`bench import`: results of others, kept beside our own and never ranked with them."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import console, lang_option, logging_options, output_option


@click.group("import")
def command() -> None:
    """Results of others, kept beside our own and never ranked with them."""


@command.command("mlperf")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--round", "round_", metavar="NAME", help="Of which round they are, such as v5.1: no file says it.")
@output_option
@lang_option
@logging_options
def mlperf_command(folder: Path, round_: str | None, output: str | None, lang: str) -> int:
    """Take over the MLPerf Inference results in DIR: a round (v4.1 to v6.1) or a part of one, down to one scenario.

    What is left out is named. Exit code 11 where files are missing or not what LoadGen writes.
    """
    from bench.interchange.keeping import import_results
    from bench.report.terminal import print_table
    from bench.store.places import ensure_writable, results_directory
    from bench.text import printable

    results = results_directory(output)
    ensure_writable(results)
    found = import_results(folder, results, round_)
    for run_id, records in found.runs.items():
        result = records[0].mlperf
        assert result is not None
        there = ", was there already" if run_id in found.known else ""
        place = f"{result.division}/{result.submitter}/{result.system}"
        click.echo(printable(f"{run_id}  {place}  {records[0].measurement.precision}, {len(records)}{there}"))
    if len(found.runs) == 1:  # of a whole round `bench show RUN` and `bench query` say more
        print_table(console(), list(*found.runs.values()), lang)
    for entry in found.left_out:
        click.echo(printable(f"Left out: {entry.name}: {entry.why}"), err=True)
    if not found.runs and not found.left_out:
        raise click.UsageError(
            f"{folder}: no MLPerf result in it; they lie in `results/<system>/<benchmark>/<scenario>/`."
        )
    return exit_codes.INVALID if any(entry.broken for entry in found.left_out) else exit_codes.OK
