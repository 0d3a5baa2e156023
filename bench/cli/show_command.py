"""`bench show RECORD`: a kept run, record or trial, for people or as it is."""

from __future__ import annotations

import click

from bench.cli import exit_codes
from bench.cli.common import console, lang_option, logging_options, output_option, print_json_text
from bench.cli.forms import Listed, listing_option, tell


@click.command("show")
@click.argument("record", default="latest")
@output_option
@listing_option
@lang_option
@logging_options
def command(record: str, output: str | None, form: str, lang: str) -> int:
    """What RECORD says: a run id, `latest`, RUN/MEASUREMENT, RUN/MEASUREMENT/TRIAL, or a path."""
    from bench.records.record import Record, Run
    from bench.report.flat import FIGURE, figure_cells
    from bench.report.terminal import print_record, print_run, print_trial
    from bench.store.places import results_directory
    from bench.store.runs import RunFolder, find_record, load_any

    file = find_record(record, results_directory(output))
    kept = load_any(file)
    if form == "json":  # as it is kept, whatever this version makes of it
        print_json_text(file.read_text(encoding="utf-8").rstrip("\n"))
        return exit_codes.OK
    records = RunFolder(file.parent).load_records() if isinstance(kept, Run) else []

    def show() -> None:
        if isinstance(kept, Run):
            print_run(console(), kept, records, lang)
        elif isinstance(kept, Record):
            print_record(console(), kept, lang)
        else:
            print_trial(console(), kept, lang)

    tell(form, Listed(None, FIGURE, figure_cells(kept, records)), lang, show)
    return exit_codes.OK
