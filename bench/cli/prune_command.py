"""`bench prune`: remove old runs."""

from __future__ import annotations

import click

from bench.cli import exit_codes
from bench.cli.common import logging_options, output_option


@click.command("prune")
@click.option("--keep", type=click.IntRange(0), help="Keep this many of the newest runs.")
@click.option("--older-than", "days", type=click.FloatRange(0), metavar="DAYS", help="Remove runs started longer ago.")
@click.option("--partial", is_flag=True, help="Remove partial runs only.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@output_option
@logging_options
def command(keep: int | None, days: float | None, partial: bool, dry_run: bool, output: str | None) -> int:
    """Remove kept runs that every given flag allows to go; without a flag nothing is chosen."""
    if keep is None and days is None and not partial:
        raise click.UsageError("Say which runs may go: `--keep N`, `--older-than DAYS` or `--partial`.")
    from bench.store.places import results_directory
    from bench.store.pruning import choose, remove

    chosen = choose(results_directory(output), keep, days, partial)
    for folder in chosen:
        click.echo(f"{'would remove' if dry_run else 'removed'} {folder.path}")
        if not dry_run:
            remove(folder)
    click.echo(f"{len(chosen)} runs.")
    return exit_codes.OK
