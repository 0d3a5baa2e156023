"""`bench policy new`, `bench policy check`: the rules of a procurement round."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option
from bench.cli.forms import Listed, listing_option, print_lines, tell

if TYPE_CHECKING:
    from bench.procurement.candidates import Candidate


@click.group("policy")
def command() -> None:
    """Policies: terms, weights and gates that a procurement list is made by."""


@command.command("new")
@click.argument("sector", required=False)
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="File [default: SECTOR.toml].")
@click.option("--reference", metavar="RUN", help="A kept run whose values ratios are formed with.")
@click.option("--system", help="--reference: what the system is called [default: the run's].")
@output_option
@logging_options
def new(sector: str | None, target: Path | None, reference: str | None, system: str | None, output: str | None) -> int:
    """Write the template of SECTOR, to be edited; without SECTOR, name those that there are."""
    from bench.procurement.policies import sectors, template, with_reference
    from bench.store.files import write_bytes
    from bench.store.places import results_directory
    from bench.store.runs import RUN, RunFolder, find_record

    if sector is None:
        click.echo("\n".join(sectors()))
        return exit_codes.OK
    if system is not None and reference is None:
        raise click.UsageError("`--system` goes with `--reference`.")
    text = template(sector)
    if reference is not None:
        file = find_record(reference, results_directory(output))
        if file.name != RUN:
            raise click.UsageError(f"A reference is a whole run; {file} is a part of one.")
        kept = RunFolder(file.parent)
        run = kept.load_run()
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        text = with_reference(sector, run, kept.load_records(), sha256, system or run.run_id)
    target = target or Path(f"{sector}.toml")
    if target.exists():
        raise click.UsageError(f"{target} is there already; `--to` names another file.")
    write_bytes(target, text.encode())
    click.echo(target)
    return exit_codes.OK


@command.command("check")
@click.argument("policy", type=click.Path(dir_okay=False, path_type=Path))
@listing_option
@lang_option
@output_option
@logging_options
def check(policy: Path, form: str, lang: str, output: str | None) -> int:
    """Say what is wrong with POLICY, and with its reference where that run is kept here.

    Exit code 2 where something is.
    """

    from bench.procurement.checking import faults
    from bench.procurement.policies import read_policy
    from bench.procurement.references import reference_faults
    from bench.store.places import results_directory
    from bench.text import printable, sentence
    from bench.text.listing import fault_text

    read, sha256 = read_policy(policy)
    found, results = faults(read), results_directory(output)
    run_id = read.reference.run_id
    kept = _reference(results, run_id) if run_id is not None and not found else None
    if kept is not None:
        found = list(reference_faults(read, *kept))
    good = {"name": read.name, "round": read.round, "terms": len(read.terms), "sha256": sha256}
    lines = [fault_text(lang, fault) for fault in found] or [sentence(lang, "policy.good", **good)]
    if run_id is not None and kept is None and not found:
        lines.append(sentence(lang, "policy.unchecked", run_id=printable(run_id), place=results))
    rows = [(fault.code, fault.subject, fault.seen, fault.expected) for fault in found]
    listed = Listed({"sha256": sha256, "faults": found}, ("code", "subject", "seen", "expected"), rows)
    tell(form, listed, lang, lambda: print_lines(lines))
    return exit_codes.USAGE if found else exit_codes.OK


def _reference(results: Path, run_id: str) -> tuple[Candidate, str] | None:
    """The run of that id, and the hash of its `run.json`; None where it is not kept there. Raises BadFile."""
    from bench.procurement.candidates import Candidate, read
    from bench.records.untrusted import BadFile
    from bench.store.runs import RUN, runs_in

    folder = next((one.path for one in runs_in(results) if one.path.name == run_id), None)
    if folder is None:
        return None
    found = read(folder, None)
    if not isinstance(found, Candidate):
        raise BadFile(found.why)
    return found, hashlib.sha256((folder / RUN).read_bytes()).hexdigest()
