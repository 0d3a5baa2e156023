"""`bench verify ARCHIVE`: what an archive says, computed again from its raw data."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options
from bench.cli.forms import Listed, listing_option, print_lines, tell
from bench.cli.signing import trusted_keys, trusted_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.records.submission import Item, Verification
    from bench.registry.ledger import Ledger
    from bench.submission.accepting import Examined
    from bench.submission.contents import Contents
    from bench.submission.verifying import Each, Rerun


@click.command("verify")
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path))
@trusted_option
@click.option("--unsigned", is_flag=True, help="A look at one's own archive: a missing signature is no violation.")
@click.option(
    "--rerun",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Measure it again here if nothing speaks against it so far; the run is kept in DIR, and its value is formal.",
)
@click.option(
    "--reproducibility",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    help="--rerun: relative standard deviation from host to host and day to day [default: that of the repetitions].",
)
@click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Hold the token against this registry, and mark it as used there.",
)
@click.option("--fleet", is_flag=True, help="Measurements as tasks of a Ray cluster; the verdicts are the same.")
@click.option("--address", metavar="HOST:PORT", help="--fleet: the cluster [default: one of this machine].")
@listing_option
@lang_option
@logging_options
def command(
    archive: Path,
    trusted: Path | None,
    unsigned: bool,
    rerun: Path | None,
    reproducibility: float | None,
    registry: Path | None,
    fleet: bool,
    address: str | None,
    form: str,
    lang: str,
) -> int:
    """Verify ARCHIVE, of `bench pack`: who signed it, that nothing was changed, and that every figure is what its raw
    data come to. Nothing in it is run; --rerun carries out its plan, with the backend that is installed here.

    Exit code 11 where anything does not conform.
    """
    from bench.registry.ledger import Ledger

    ledger = Ledger(registry.absolute()) if registry is not None else None
    if address is not None and not fleet:
        raise click.UsageError("`--address` goes with `--fleet`.")
    with _spread(address) if fleet else contextlib.nullcontext() as each:
        seen = examined(archive, trusted, unsigned, rerun, reproducibility, ledger, each=each)
    if seen is None:
        return exit_codes.INVALID
    found = seen.found
    rows = [(one.verdict, one.check, one.subject, one.reason, one.seen) for one in found.items]
    listed = Listed(found, ("verdict", "check", "subject", "reason", "seen"), rows)
    tell(form, listed, lang, lambda: print_verification(found, lang))
    return exit_codes.OK if found.passed else exit_codes.INVALID


def examined(
    archive: Path,
    trusted: Path | None,
    unsigned: bool,
    rerun: Path | None,
    reproducibility: float | None,
    ledger: Ledger | None,
    only_admissible: bool = False,
    each: Each | None = None,
) -> Examined | None:
    """What a verification found, its token marked as used in `ledger`; None, and told, for what is no archive.

    `only_admissible`: what is not admissible is not measured again, which may take hours.
    """
    from bench.records.untrusted import BadFile
    from bench.submission.accepting import use_token
    from bench.submission.archive import BadArchive
    from bench.submission.verifying import examine

    keys = trusted_keys(trusted)
    if reproducibility is not None and rerun is None:
        raise click.UsageError("`--reproducibility` goes with `--rerun`.")
    again = _rerun(rerun, reproducibility, only_admissible) if rerun is not None else None
    if not archive.is_file():
        raise click.UsageError(f"{archive}: there is no such file.")
    standing = ledger.standing() if ledger is not None else None
    try:
        seen = examine(archive.absolute(), keys, unsigned, again, standing, each)
    except (BadArchive, BadFile) as error:
        click.echo(f"Error: {error}", err=True)
        return None
    if ledger is not None:
        use_token(ledger, seen)
    return seen


@contextlib.contextmanager
def _spread(address: str | None) -> Iterator[Each]:
    """Measurements verified by tasks of a cluster."""
    from bench.fleet.by_ray import connected
    from bench.fleet.verifying import by_tasks

    with connected(address, 120.0) as cluster:
        yield by_tasks(cluster.tasks())


def _rerun(folder: Path, reproducibility: float | None, only_admissible: bool) -> Rerun:
    from bench.submission.contents import obstacles
    from bench.submission.rerun import measure_again

    def again(contents: Contents) -> Iterator[Item]:
        if only_admissible and any(obstacles(contents.run, contents.records)):
            return iter(())
        return measure_again(contents, folder.absolute(), reproducibility, lambda progress: None)

    return again


def print_verification(found: Verification, lang: str) -> None:
    """Every item, the claims, and the sum."""
    print_lines(_lines(found, lang))


def _lines(found: Verification, lang: str) -> Iterator[str]:
    from bench.text import name, sentence

    yield f"{found.run_id}  sha256 {found.archive_sha256}"
    for item in found.items:
        yield line_of(item, lang)
    for one in found.claims:
        claims = [name(lang, table, getattr(one, table)) for table in ("division", "attestation", "origin")]
        yield f"{one.measurement}: " + ", ".join(claims)
    counts = Counter(item.verdict for item in found.items)
    yield sentence(
        lang,
        "verified.passed" if found.passed else "verified.failed",
        conforms=counts["conforms"],
        violates=counts["violates"],
        unchecked=counts["unchecked"],
    )


def line_of(item: Item, lang: str) -> str:
    """One item as it is printed."""
    from rich.cells import cell_len, set_cell_size

    from bench.records.submission import VERDICTS
    from bench.text import name, sentence
    from bench.text.catalogue import printable

    widest = max(cell_len(name(lang, "verdict", verdict)) for verdict in VERDICTS)
    check = f"{name(lang, 'verification_check', item.check)} [{item.check}]"
    verdict = set_cell_size(name(lang, "verdict", item.verdict), widest)
    why = sentence(lang, f"verification_reason.{item.reason}") if item.reason else ""
    return printable("  ".join(part for part in (verdict, check, item.subject, why, item.seen) if part))
