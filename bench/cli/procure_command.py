"""`bench procure POLICY SUBMISSIONS…`: from results to a procurement list."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import console, lang_option, logging_options
from bench.cli.forms import Listed, listing_option, tell, tell_bytes
from bench.cli.signing import trusted_keys, trusted_option

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("procure")
@click.argument("policy", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("submissions", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where list.json, list.csv, list.xlsx and list.html go.",
)
@trusted_option
@click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Registry of accepted submissions: who was measured again, and what was suspended or withdrawn.",
)
@click.option(
    "--particulars",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TOML: what is declared of each run id (maker, model, report number, …).",
)
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day of the list [default: today]."
)
@listing_option
@lang_option
@logging_options
def command(
    policy: Path,
    submissions: tuple[Path, ...],
    folder: Path | None,
    trusted: Path | None,
    registry: Path | None,
    particulars: Path | None,
    as_of: datetime.datetime | None,
    form: str,
    lang: str,
) -> int:
    """Make the list of SUBMISSIONS, archives of `bench pack` or run folders, by POLICY.

    Three tables: formal results, ranked where eligible; self-tests, ranked among themselves; what could not be
    assessed, with what is missing. Nothing is left out.

    Exit code 11 where nothing could be assessed.
    """
    from bench.pages.printing import write_list
    from bench.procurement.candidates import looked_up, read
    from bench.procurement.checking import faults
    from bench.procurement.declared import listed, read_particulars
    from bench.procurement.listing import listing
    from bench.procurement.policies import read_policy
    from bench.procurement.writing import csv_text, markdown_text, write
    from bench.registry.ledger import Ledger
    from bench.report.listing import print_listing
    from bench.store.files import write_bytes
    from bench.store.places import ensure_writable
    from bench.text.listing import fault_text
    from bench.workbook.listing import list_workbook

    keys = trusted_keys(trusted)
    rules, sha256 = read_policy(policy)
    if wrong := faults(rules):
        raise click.UsageError(f"{policy}: " + " ".join(fault_text(lang, fault) for fault in wrong))
    day = as_of.date() if as_of is not None else datetime.datetime.now(datetime.UTC).date()
    if folder is not None:
        ensure_writable(folder, "`-o`")
    found = [read(path, keys) for path in submissions]
    if registry is not None:
        found = looked_up(found, Ledger(registry).standing())
    declared = listed(read_particulars(particulars, _runs(found)))
    made = listing(rules, sha256, found, day, declared)
    if folder is not None:
        write(made, folder, lang)
        write_list(made, folder, lang)
        write_bytes(folder / "list.xlsx", list_workbook(made, lang))
    if form == "csv":
        tell_bytes(csv_text(made, lang))
    elif form == "md":
        tell_bytes(markdown_text(made, lang))
    else:
        tell(form, Listed(made, (), ()), lang, lambda: print_listing(console(), made, lang))
    assessed = any(row.table != "not-assessed" for row in made.rows)
    return exit_codes.OK if assessed else exit_codes.INVALID


def _runs(found: Sequence[object]) -> set[str]:
    from bench.procurement.candidates import Candidate

    return {entry.run.run_id for entry in found if isinstance(entry, Candidate)}
