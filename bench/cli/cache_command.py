"""`bench cache info` and `bench cache clean`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import logging_options


@click.group("cache")
def command() -> None:
    """What the harness keeps to be quicker next time; it may be emptied at any moment no run is going on."""


@command.command("info")
@logging_options
def info() -> int:
    """Where the cache lies, and how large each part is."""
    from bench.store.places import cache_directory

    cache = cache_directory()
    click.echo(cache)
    for part in sorted(cache.iterdir()) if cache.exists() else []:
        click.echo(f"  {part.name}: {_size(part) / 2**20:.1f} MiB")
    return exit_codes.OK


@command.command("clean")
@logging_options
def clean() -> int:
    """Empty the cache."""
    from bench.store.places import cache_directory

    cache = cache_directory()
    freed = _size(cache) if cache.exists() else 0
    for part in list(cache.iterdir()) if cache.exists() else []:
        shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
    click.echo(f"{cache}: {freed / 2**20:.1f} MiB freed")
    return exit_codes.OK


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
