"""`bench cache info` and `bench cache clean`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options
from bench.cli.forms import Listed, listing_option, print_lines, tell


@click.group("cache")
def command() -> None:
    """What the harness keeps to be quicker next time; it may be emptied at any moment no run is going on."""


@command.command("info")
@listing_option
@lang_option
@logging_options
def info(form: str, lang: str) -> int:
    """Where the cache lies, and how large each part is."""
    from bench.store.places import cache_directory

    place = cache_directory()
    rows = [(part.name, str(part), _size(part)) for part in _parts()]
    parts = [{"name": name, "path": path, "size_bytes": size} for name, path, size in rows]
    lines = [str(place), *(f"  {name}: {size / 2**20:.1f} MiB" for name, _, size in rows)]
    listed = Listed({"cache": str(place), "parts": parts}, ("name", "path", "size_bytes"), rows)
    tell(form, listed, lang, lambda: print_lines(lines))
    return exit_codes.OK


@command.command("clean")
@lang_option
@logging_options
def clean(lang: str) -> int:
    """Empty the cache."""
    from bench.store.places import cache_directory
    from bench.text import sentence

    parts = _parts()
    freed = sum(map(_size, parts))
    for part in parts:
        shutil.rmtree(part)
    click.echo(sentence(lang, "house.freed", place=cache_directory(), size=f"{freed / 2**20:.1f} MiB"))
    return exit_codes.OK


def _parts() -> list[Path]:
    from bench.store.places import CACHE_PARTS, cache_directory

    cache = cache_directory()
    return [cache / name for name in CACHE_PARTS if (cache / name).is_dir() and not (cache / name).is_symlink()]


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
