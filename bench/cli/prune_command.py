"""`bench prune`: remove old runs."""

from __future__ import annotations

import math

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option

_MOST_DAYS = 36525  # a century; time itself ends for datetime not long after


@click.command("prune")
@click.option("--keep", type=click.IntRange(0), help="Keep this many of the newest runs.")
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(0, _MOST_DAYS),
    metavar="DAYS",
    help="Remove runs started longer ago.",
)
@click.option("--partial", is_flag=True, help="Remove partial runs only.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@output_option
@lang_option
@logging_options
def command(keep: int | None, days: float | None, partial: bool, dry_run: bool, output: str | None, lang: str) -> int:
    """Remove kept runs that every given flag allows to go; without a flag nothing is chosen."""
    if keep is None and days is None and not partial:
        raise click.UsageError("Say which runs may go: `--keep N`, `--older-than DAYS` or `--partial`.")
    if days is not None and math.isnan(days):
        raise click.UsageError("`--older-than nan` is no number of days.")
    from bench.store.places import results_directory
    from bench.store.pruning import choose, remove
    from bench.store.runs import InUse
    from bench.text import sentence

    removed = 0
    for folder in choose(results_directory(output), keep, days, partial):
        try:
            if not dry_run:
                remove(folder)
        except InUse:
            click.echo(sentence(lang, "house.going_on", path=folder.path), err=True)
            continue
        click.echo(sentence(lang, "house.would_remove" if dry_run else "house.removed", path=folder.path))
        removed += 1
    click.echo(sentence(lang, "house.one_run" if removed == 1 else "house.runs", count=removed))
    return exit_codes.OK
