"""`bench report RUN`: the report of a kept run, written again."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option


@click.command("report")
@click.argument("run", default="latest")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), metavar="DIR", help="Where to write it [default: into the run]."
)
@output_option
@lang_option
@logging_options
def command(run: str, target: Path | None, output: str | None, lang: str) -> int:
    """Write report.html and summary.png of RUN: its id, `latest`, or a path."""
    from bench.pages.html import write_report
    from bench.records.record import Run
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import RunFolder, find_record, load_any

    file = find_record(run, results_directory(output))
    kept = load_any(file)
    if not isinstance(kept, Run):
        raise click.UsageError(f"A report is made of a whole run; {file} is a part of one.")
    folder = target or file.parent
    ensure_writable(folder, "`--to`")
    inside = RunFolder(file.parent)
    click.echo(write_report(kept, inside.load_records(), folder, lang, inside.load_all_trials()))
    return exit_codes.OK
