"""`bench show RECORD`: a kept run, record or trial, for people or as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import console, lang_option, logging_options, output_option, print_json_text
from bench.cli.forms import Listed, listing_option, tell

if TYPE_CHECKING:
    from bench.records.record import Record, Run, Trial


@click.command("show")
@click.argument("record", default="latest")
@click.option(
    "--timeline", is_flag=True, help="Score a trial's kept timeline anew; it may be larger than this machine's memory."
)
@output_option
@listing_option
@lang_option
@logging_options
def command(record: str, timeline: bool, output: str | None, form: str, lang: str) -> int:
    """What RECORD says: a run id, `latest`, RUN/MEASUREMENT, RUN/MEASUREMENT/TRIAL, or a path."""
    from bench.records.record import Record, Run
    from bench.report.flat import FIGURE, figure_cells
    from bench.report.terminal import print_record, print_run, print_trial
    from bench.store.places import results_directory
    from bench.store.runs import RunFolder, find_record, load_any

    file = find_record(record, results_directory(output))
    kept = load_any(file)
    text = file.read_text(encoding="utf-8").rstrip("\n")
    if timeline:
        kept, text = _anew(file, kept)
    if form == "json":  # as it is kept, whatever this version makes of it
        print_json_text(text)
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


def _anew(file: Path, kept: Run | Record | Trial) -> tuple[Trial, str]:
    """A trial with the figures that its timeline comes to now, and these as JSON."""
    import msgspec

    from bench.records.plan import OPEN_LOOPS
    from bench.records.record import Run, Trial
    from bench.records.versions import load
    from bench.scoring.streaming import score_streamed
    from bench.store.runs import RUN
    from bench.store.timeline_file import TIMELINE, timeline_parts

    if not isinstance(kept, Trial):
        raise click.UsageError(f"`--timeline` goes with a trial, RUN/MEASUREMENT/trial-00; {file} is none.")
    run, name = load(file.parent.parent.parent / RUN, Run), file.parent.parent.name
    scenario = next((one.scenario for one in run.measurements if one.name == name), None)
    if scenario not in {"single_stream", *OPEN_LOOPS} - {"ramp"}:
        raise click.UsageError(f"`--timeline` scores single_stream and open loops but ramps; {name} is none of them.")
    start = 0 if scenario in OPEN_LOOPS else None
    try:
        score = score_streamed(lambda: timeline_parts(file.parent / TIMELINE), start)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    anew = msgspec.structs.replace(kept, metrics=score.metrics, sketch=score.sketch, curve=score.curve)
    return anew, msgspec.json.format(msgspec.json.encode(score), indent=1).decode()
