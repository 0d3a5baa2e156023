"""`bench model`: official weights that are known, and fetching them or a URL, pinned to a checksum."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options
from bench.cli.forms import Listed, listing_option, print_lines, tell

if TYPE_CHECKING:
    from bench.download.wanted import KnownModel


@click.group("model")
def command() -> None:
    """Official weights that do not ship with the harness; `list` says which are known by name."""


@command.command("list")
@listing_option
@lang_option
@logging_options
def known(form: str, lang: str) -> int:
    """What is known by name: titles, addresses, and which checksums are published."""
    from bench.download.wanted import known_models

    models = known_models()
    rows = [(name, one.title[lang], one.url, one.sha256, one.md5, one.published) for name, one in models.items()]
    listed = Listed(models, ("name", "title", "url", "sha256", "md5", "published"), rows)
    tell(form, listed, lang, lambda: print_lines(line for name in models for line in _lines(name, models[name], lang)))
    return exit_codes.OK


def _lines(name: str, model: KnownModel, lang: str) -> Iterator[str]:
    from bench.text import sentence

    yield f"{name}: {model.title[lang]}"
    yield f"  {model.url}"
    needed = sentence(lang, "fetch.sum_needed") if model.sha256 is None else f"SHA-256 {model.sha256}"
    yield f"  {needed}" + (f"; MD5 {model.md5} ({model.published})" if model.md5 else "")


@command.command("fetch")
@click.argument("name_or_url", metavar="NAME|URL")
@click.option("--sha256", metavar="HEX", help="What the file's SHA-256 must be; needed where none is published.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to put it [default: the cache; see `bench cache info`].",
)
@click.option(
    "--timeout-s",
    type=click.IntRange(1, 3600),
    default=30,
    show_default=True,
    help="How long the server may be silent before it is asked again.",
)
@lang_option
@logging_options
def fetch(name_or_url: str, sha256: str | None, output: Path | None, timeout_s: int, lang: str) -> int:
    """Fetch the model NAME, or the file at URL, and print its path.

    A download that broke off is gone on with by the same command. Exit code 11 when the file does not come or is
    another one than the checksum says, which is then not kept.
    """
    from bench.cli.download_bar import DownloadBar
    from bench.download import fetch as download
    from bench.download.http import DownloadFailed
    from bench.download.wanted import wanted
    from bench.text import sentence
    from bench.text.figures import size

    asked = wanted(name_or_url, sha256)
    target = (output or download.cached_path(asked)).expanduser().absolute()
    try:
        with DownloadBar(lang) as bar:
            fetched = download.fetch(asked, target, bar.observe, timeout_s)
    except DownloadFailed as failure:
        click.echo(f"Error: {failure}", err=True)
        return exit_codes.INVALID
    told = {"sha256": asked.sha256} | ({"size": size(target.stat().st_size)} if fetched else {})
    click.echo(sentence(lang, "fetch.done" if fetched else "fetch.present", **told), err=True)
    click.echo(target)
    return exit_codes.OK
