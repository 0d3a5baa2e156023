"""`bench test-report SUBMISSION`: the formal report of a test, to be printed and signed."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import format_option, lang_option, logging_options, output_option, print_json
from bench.cli.signing import trusted_keys, trusted_option

if TYPE_CHECKING:
    from bench.procurement.candidates import Candidate
    from bench.records.inspection import Inspection
    from bench.records.policy import Policy
    from bench.submission.trusted import TrustedKeys

HTML, PDF = "test-report.html", "test-report.pdf"


@click.command("test-report")
@click.argument("submission", default="latest")
@click.option(
    "--to", "target", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where to write it [.]."
)
@click.option("--pdf", is_flag=True, help=f"Write {PDF} beside {HTML}, too (extra `pdf`).")
@click.option(
    "--policy",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Requirements and conditions to judge by; without one there is no verdict.",
)
@click.option(
    "--particulars",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TOML: what no machine knows (report number, client, maker, instruments, who signs, …).",
)
@click.option(
    "--new",
    "template",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write such a file for SUBMISSION, to be filled in, and no report.",
)
@click.option(
    "--issued", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Day of issue [default: a blank line]."
)
@trusted_option
@click.option(
    "--registry",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Registry of accepted submissions: what was measured again counts as commissioned.",
)
@output_option
@format_option
@lang_option
@logging_options
def command(
    submission: str,
    target: Path | None,
    pdf: bool,
    policy: Path | None,
    particulars: Path | None,
    template: Path | None,
    issued: datetime.datetime | None,
    trusted: Path | None,
    registry: Path | None,
    output: str | None,
    form: str,
    lang: str,
) -> int:
    """Write the test report of SUBMISSION: an archive of `bench pack`, verified first, or a run (its id, `latest`, or a
    path), which is a self-test.

    Exit code 11 where the verification found a violation, or nothing was measured.
    """
    from bench.pages.printing import ensure_pdf

    keys = trusted_keys(trusted)
    rules = _rules(policy, lang) if policy is not None else None
    if pdf:
        ensure_pdf(lang)
    candidate = _candidate(submission, keys, registry, output)
    if template is not None:
        return _write_template(template, candidate, lang)
    made = _inspected(candidate, particulars, rules, issued)
    if form == "json":
        print_json(made)
    if form != "json" or target is not None:
        written = _write(made, candidate, target or Path(), pdf, lang)
        if form != "json":
            _tell(made, written, lang)
    return exit_codes.INVALID if made.verified is False or not candidate.records else exit_codes.OK


def _rules(file: Path, lang: str) -> tuple[Policy, str]:
    from bench.procurement.checking import faults
    from bench.procurement.policies import read_policy
    from bench.text.listing import fault_text

    rules, sha256 = read_policy(file)
    if wrong := faults(rules):
        raise click.UsageError(f"{file}: " + " ".join(fault_text(lang, fault) for fault in wrong))
    return rules, sha256


def _candidate(submission: str, keys: TrustedKeys | None, registry: Path | None, output: str | None) -> Candidate:
    """What was handed in: whatever lies at that path, else a kept run of that name."""
    from bench.procurement.candidates import Unreadable, looked_up, read
    from bench.registry.ledger import Ledger
    from bench.store.places import results_directory
    from bench.store.runs import find_record

    path = Path(submission)
    if not path.exists():
        path = find_record(submission, results_directory(output))
    found = read(path, keys)
    if registry is not None:
        (found,) = looked_up([found], Ledger(registry).standing())
    if isinstance(found, Unreadable):
        raise click.UsageError(found.why)
    return found


def _write_template(file: Path, candidate: Candidate, lang: str) -> int:
    from bench.procurement.declared import template
    from bench.store.files import write_bytes

    if file.exists():
        raise click.UsageError(f"{file} is there already; name another file, or remove it.")
    write_bytes(file.absolute(), template(candidate.run.run_id, lang).encode())
    click.echo(file)
    return exit_codes.OK


def _inspected(
    candidate: Candidate, file: Path | None, rules: tuple[Policy, str] | None, issued: datetime.datetime | None
) -> Inspection:
    from bench.procurement.declared import read_particulars
    from bench.procurement.inspecting import inspection, raw_files
    from bench.records.particulars import Particulars

    run_id = candidate.run.run_id
    declared = read_particulars(file, [run_id]).get(run_id, Particulars())
    return inspection(candidate, raw_files(candidate), declared, rules, issued.date() if issued is not None else None)


def _write(made: Inspection, candidate: Candidate, folder: Path, pdf: bool, lang: str) -> list[Path]:
    from bench.pages.paper import build_paper
    from bench.pages.printing import render_paper, to_pdf
    from bench.procurement.inspecting import claimed
    from bench.store.files import write_bytes
    from bench.store.places import ensure_writable

    folder = folder.absolute()
    ensure_writable(folder, "`--to`")
    page = render_paper(build_paper(made, candidate.run, claimed(candidate), candidate.trials, lang))
    contents = {HTML: page.encode()} | ({PDF: to_pdf(page)} if pdf else {})
    for name, content in contents.items():
        write_bytes(folder / name, content)
    return [folder / name for name in contents]


def _tell(made: Inspection, written: list[Path], lang: str) -> None:
    """The conclusion and why, then where the report lies."""
    from bench.text import name
    from bench.text.listing import remark_text

    click.echo(f"{name(lang, 'test_category', made.category)}: {name(lang, 'conclusion', made.conclusion)}")
    for one in made.reasons:
        click.echo(f"  {remark_text(lang, one)}")
    for file in written:
        click.echo(file)
