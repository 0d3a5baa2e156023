"""`bench baseline`: make a sound run the baseline of its runner, and hold others against it."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option
from bench.cli.comparison_output import allow_option, comparison_options, tell

_profile_option = click.option(
    "--profile", metavar="NAME", help="Folder under `baselines/` [default: the runner's processor, cores and card]."
)


@click.group("baseline")
def command() -> None:
    """Baselines under RESULTS/baselines/PROFILE: a sound run of this runner, kept to see the trend.

    They are keyed by hardware, workload, scenario and precision; what may differ is engine, driver and code. For a gate
    use `bench ab`, whose arms are measured in the same hour.
    """


@command.command("update")
@click.argument("run", default="latest")
@_profile_option
@click.option("--note", default="", metavar="TEXT", help="Why, for the change history.")
@output_option
@lang_option
@logging_options
def update_command(run: str, profile: str | None, note: str, output: str | None, lang: str) -> int:
    """Make RUN (id, `latest`, path) the baseline of each of its measurements; what was before stays in the history."""
    from bench.comparing.baselines import profile_folder, runner_of, update
    from bench.comparing.kept import kept_records
    from bench.report.courses import baseline_line
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import RUN, find_record

    results = results_directory(output)
    file = find_record(run, results)
    if file.name != RUN:
        raise click.UsageError(f"A baseline is made of a whole run; {file} is a part of one.")
    kept = kept_records(file, run)
    folder = profile_folder(results, profile or runner_of(next(iter(kept.values()))))
    ensure_writable(folder)
    for change in update(kept, file.parent, folder, note):
        click.echo(baseline_line(change, lang))
    click.echo(folder)
    return exit_codes.OK


@command.command("check")
@click.argument("run", default="latest")
@_profile_option
@allow_option
@comparison_options
@output_option
@lang_option
@logging_options
def check_command(
    run: str,
    profile: str | None,
    allowed: tuple[str, ...],
    margins_file: Path | None,
    strict: bool,
    junit_file: Path | None,
    form: str,
    output: str | None,
    lang: str,
) -> int:
    """Hold RUN against its baselines; verdicts and exit codes as `bench compare BASELINE RUN`."""
    from bench.comparing.baselines import load_baselines, profile_folder, runner_of
    from bench.comparing.judging import compare
    from bench.comparing.kept import kept_records
    from bench.comparing.margins import read_margins
    from bench.store.places import results_directory
    from bench.store.runs import find_record

    margins, results = read_margins(margins_file), results_directory(output)
    kept = kept_records(find_record(run, results), run)
    folder = profile_folder(results, profile or runner_of(next(iter(kept.values()))))
    comparison = compare(load_baselines(folder, kept), kept, margins, allowed, names=(f"baselines/{folder.name}", run))
    return tell(comparison, form, lang, strict, junit_file)


@command.command("margins")
@click.argument("pairs", type=click.Path(dir_okay=False, path_type=Path), metavar="PAIRS.json")
@click.option("-o", "--to", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.toml",
              help="Where to write them [default: stdout].")  # fmt: skip
@lang_option
@logging_options
def margins_command(pairs: Path, target: Path | None, lang: str) -> int:
    """Margins that this runner can hold, for `--margins`, from an arm against itself: `bench ab --a "" --b ""`.

    A metric keeps the margin that it was judged by, or gets the least at which the arm is found the same as itself
    within the last look, where that is wider. Exit code 11 where the arm was found to differ from itself.
    """
    from bench.comparing.floor import Unfit, as_file, floor_margins, read_floor
    from bench.store.files import write_bytes
    from bench.store.places import ensure_writable

    if target is not None:
        ensure_writable(target.parent, "`--to`")
    try:
        kept = read_floor(pairs)
    except Unfit as unfit:
        click.echo(f"Error: {unfit}", err=True)
        return exit_codes.INVALID
    text = as_file(floor_margins(kept), kept)
    if target is None:
        click.echo(text, nl=False)
    else:
        write_bytes(target, text.encode())
        click.echo(target)
    return exit_codes.OK
