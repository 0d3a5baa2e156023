"""`bench verify ARCHIVE`: what an archive says, computed again from its raw data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import format_option, lang_option, logging_options

if TYPE_CHECKING:
    from bench.records.submission import Item, Verification


@click.command("verify")
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--trusted", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keys that are trusted, as TOML."
)
@click.option("--unsigned", is_flag=True, help="A look at one's own archive: a missing signature is no violation.")
@format_option
@lang_option
@logging_options
def command(archive: Path, trusted: Path | None, unsigned: bool, form: str, lang: str) -> int:
    """Verify ARCHIVE, of `bench pack`: who signed it, that nothing was changed, and that every figure is what its raw
    data come to. Nothing in it is run. Exit code 11 where anything does not conform.
    """
    from bench.submission.trusted import TrustedKeys
    from bench.submission.verifying import verify

    if trusted is not None and not trusted.is_dir():
        raise click.UsageError(f"`--trusted {trusted}`: there is no such folder.")
    found = verify(archive.absolute(), TrustedKeys(trusted) if trusted is not None else None, unsigned)
    if form == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=1))
    else:
        _print(found, lang)
    return exit_codes.OK if found.passed else exit_codes.INVALID


def _print(found: Verification, lang: str) -> None:
    from bench.text import name, sentence

    click.echo(f"{found.run_id}  sha256 {found.archive_sha256}")
    for item in found.items:
        click.echo(_line(item, lang))
    for one in found.claims:
        claims = [name(lang, table, getattr(one, table)) for table in ("division", "attestation", "origin")]
        click.echo(f"{one.measurement}: " + ", ".join(claims))
    counts = Counter(item.verdict for item in found.items)
    click.echo(
        sentence(
            lang,
            "verified.passed" if found.passed else "verified.failed",
            conforms=counts["conforms"],
            violates=counts["violates"],
            unchecked=counts["unchecked"],
        )
    )


def _line(item: Item, lang: str) -> str:
    from rich.cells import cell_len, set_cell_size

    from bench.records.submission import VERDICTS
    from bench.text import name, sentence
    from bench.text.catalogue import printable

    widest = max(cell_len(name(lang, "verdict", verdict)) for verdict in VERDICTS)
    check = f"{name(lang, 'verification_check', item.check)} [{item.check}]"
    verdict = set_cell_size(name(lang, "verdict", item.verdict), widest)
    why = sentence(lang, f"verification_reason.{item.reason}") if item.reason else ""
    return printable("  ".join(part for part in (verdict, check, item.subject, why, item.seen) if part))
