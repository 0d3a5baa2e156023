"""`bench show RECORD`: a kept run, record or trial, for people or as it is."""

from __future__ import annotations

import click

from bench.cli import exit_codes
from bench.cli.common import console, format_option, lang_option, logging_options, output_option


@click.command("show")
@click.argument("record", default="latest")
@output_option
@format_option
@lang_option
@logging_options
def command(record: str, output: str | None, form: str, lang: str) -> int:
    """What RECORD says: a run id, `latest`, RUN/MEASUREMENT, RUN/MEASUREMENT/TRIAL, or a path."""
    from bench.records.record import Record, Run
    from bench.report.terminal import print_record, print_run, print_trial
    from bench.store.places import results_directory
    from bench.store.runs import RunFolder, find_record, load_any

    file = find_record(record, results_directory(output))
    kept = load_any(file)
    if form == "json":
        click.echo(file.read_text(), nl=False)
    elif isinstance(kept, Run):
        print_run(console(), kept, RunFolder(file.parent).load_records(), lang)
    elif isinstance(kept, Record):
        print_record(console(), kept, lang)
    else:
        print_trial(console(), kept, lang)
    return exit_codes.OK
