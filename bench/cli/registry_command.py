"""`bench registry`: the evaluator's ledger of tokens, accepted submissions, their status, and appeals."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options
from bench.cli.forms import listing_option
from bench.records.registry import OUTCOMES, STATUSES, Outcome, Status

if TYPE_CHECKING:
    from bench.records.registry import What
    from bench.registry.standing import Standing

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_DAYS = 30

_registry = click.argument("registry", type=_FOLDER)


@click.group("registry")
def command() -> None:
    """A ledger in a git repository, to which entries are only ever added."""


@command.command("init")
@_registry
@click.option("--name", required=True, help="Whose registry it is.")
@logging_options
def init(registry: Path, name: str) -> int:
    """Make a registry in the folder REGISTRY, a bare git repository."""
    from bench.registry.ledger import Ledger

    click.echo(Ledger(registry.absolute()).open(_text("name", name)).commit)
    return exit_codes.OK


@command.command("token")
@_registry
@click.option("--to", "issued_to", required=True, help="Who may use it: the name of the trusted key.")
@click.option("--days", type=click.IntRange(1, 366), default=_DAYS, show_default=True, help="How long it is good.")
@click.option("--journal-head", metavar="HEX", help="What `bench registry journal` says of the submitter's results.")
@click.option("-o", "--output", type=_FILE, required=True, metavar="FILE", help="The token, for `bench run --token`.")
@logging_options
def token(registry: Path, issued_to: str, days: int, journal_head: str | None, output: Path) -> int:
    """Hand out a token: a nonce for one run in mode `certified`. Keep registry and token secret until it is used."""
    from bench.registry.ledger import Ledger
    from bench.store.files import write_record
    from bench.store.places import ensure_writable

    if output.exists():
        raise click.UsageError(f"{output} is there already; choose another name.")
    if journal_head is not None and not (len(journal_head) == 64 and set(journal_head) <= set("0123456789abcdef")):
        raise click.UsageError("`--journal-head` has 64 hexadecimal digits, as `bench registry journal` prints them.")
    ensure_writable(output.absolute().parent, "`--output`")
    until = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)
    issued = Ledger(registry.absolute()).issue(_text("to", issued_to), until, journal_head)
    write_record(output.absolute(), issued, private=True)
    click.echo(f"{output}  {issued.token}  {issued.expires_on}")
    return exit_codes.OK


@command.command("journal")
@click.option("--results", metavar="DIR", help="Results directory [default: BENCH_RESULTS, else ./results].")
@logging_options
def journal(results: str | None) -> int:
    """The head of the journal of started runs, which a submitter names when asking for a token."""
    from bench.store.journal import JOURNAL, START, lines_of, read_journal
    from bench.store.places import results_directory

    file = results_directory(results) / JOURNAL
    lines = lines_of(read_journal(file), str(file)) if file.is_file() else []
    click.echo(lines[-1][1] if lines else START)
    return exit_codes.OK


@command.command("add")
@_registry
@click.argument("archive", type=_FILE)
@click.option("--trusted", type=_FOLDER, required=True, metavar="DIR", help="Keys that are trusted, as TOML.")
@click.option("--submitter", required=True, help="Who hands it in.")
@click.option("--reviewer", required=True, help="Who accepts it.")
@click.option("--self-test", is_flag=True, help="Enter it as a self-test, though something keeps it from admission.")
@click.option("--rerun", type=_FOLDER, metavar="DIR", help="Measure it again here, as `bench verify` does: formal.")
@lang_option
@logging_options
def add(
    registry: Path,
    archive: Path,
    trusted: Path,
    submitter: str,
    reviewer: str,
    self_test: bool,
    rerun: Path | None,
    lang: str,
) -> int:
    """Verify ARCHIVE and enter it as a submission. Exit code 11 where it does not conform; its token is used up."""
    from bench.cli.verify_command import examined, line_of, print_verification
    from bench.registry.git import BadRegistry
    from bench.registry.ledger import Ledger
    from bench.submission.accepting import accept

    submitter, reviewer = _text("submitter", submitter), _text("reviewer", reviewer)
    ledger = Ledger(registry.absolute())
    seen = examined(archive, trusted, False, rerun, None, ledger, only_admissible=not self_test)
    if seen is None:
        return exit_codes.INVALID
    if not seen.found.passed:
        print_verification(seen.found, lang)
    else:
        for item in (one for one in seen.found.items if one.check == "rerun"):
            click.echo(line_of(item, lang))
    try:
        written = accept(ledger, seen, submitter, reviewer, self_test)
    except BadRegistry as error:
        click.echo(f"Error: {error}.", err=True)
        return exit_codes.INVALID
    click.echo(f"{getattr(written.entry.what, 'submission', '')}  {written.commit}")
    return exit_codes.OK


@command.command("status")
@_registry
@click.argument("submission")
@click.argument("status", type=click.Choice(STATUSES[1:]))
@click.option("--reason", required=True, help="For whoever reads it later.")
@click.option("--reviewer", required=True, help="Who decided it.")
@logging_options
def status(registry: Path, submission: str, status: Status, reason: str, reviewer: str) -> int:
    """Change the status of SUBMISSION; withdrawn and expired are the end."""
    from bench.records.registry import Changed

    what = Changed(
        submission=submission, status=status, reason=_text("reason", reason), reviewer=_text("reviewer", reviewer)
    )
    return _appended(registry, lambda standing: what)


@command.group("appeal")
def appeal() -> None:
    """Objections to a submission, which is under review (复核中) until they are decided."""


@appeal.command("open")
@_registry
@click.argument("submission")
@click.option("--objector", required=True, help="Who objects.")
@click.option("--objection", required=True, help="To what, and why.")
@logging_options
def open_(registry: Path, submission: str, objector: str, objection: str) -> int:
    """Object to SUBMISSION; prints the appeal's name."""
    from bench.records.registry import Objected

    objector, objection = _text("objector", objector), _text("objection", objection)

    def make(standing: Standing) -> What:
        name = f"A-{len(standing.appeals) + 1:06d}"
        return Objected(appeal=name, submission=submission, objector=objector, objection=objection)

    return _appended(registry, make)


@appeal.command("witness")
@_registry
@click.argument("appeal")
@click.option("--run", "run_id", required=True, help="The run that was watched.")
@click.option("--witness", required=True, help="Who watched it.")
@click.option("--found", required=True, help="What came of it.")
@logging_options
def witness(registry: Path, appeal: str, run_id: str, witness: str, found: str) -> int:
    """Note a run that was measured for APPEAL with somebody watching."""
    from bench.records.registry import Witnessed

    what = Witnessed(
        appeal=appeal, run_id=_text("run", run_id), witness=_text("witness", witness), found=_text("found", found)
    )
    return _appended(registry, lambda standing: what)


@appeal.command("decide")
@_registry
@click.argument("appeal")
@click.argument("outcome", type=click.Choice(OUTCOMES))
@click.option("--reason", required=True, help="Why.")
@click.option("--reviewer", required=True, help="Who decided it.")
@logging_options
def decide(registry: Path, appeal: str, outcome: Outcome, reason: str, reviewer: str) -> int:
    """Decide APPEAL. What follows for the submission is entered with `bench registry status`."""
    from bench.records.registry import Decided

    what = Decided(appeal=appeal, outcome=outcome, reason=_text("reason", reason), reviewer=_text("reviewer", reviewer))
    return _appended(registry, lambda standing: what)


@command.command("list")
@_registry
@listing_option
@lang_option
@logging_options
def list_(registry: Path, form: str, lang: str) -> int:
    """Submissions with their status, and tokens that nobody has used yet."""
    from bench.cli.registry_tables import print_list
    from bench.registry.ledger import Ledger

    print_list(Ledger(registry.absolute()).standing(), form, lang)
    return exit_codes.OK


@command.command("show")
@_registry
@click.argument("name")
@listing_option
@lang_option
@logging_options
def show(registry: Path, name: str, form: str, lang: str) -> int:
    """Every entry about NAME: a submission, token, appeal or run."""
    from bench.cli.registry_tables import print_entries
    from bench.registry.ledger import Ledger

    if not print_entries(Ledger(registry.absolute()).standing(), name, form, lang):
        raise click.UsageError(f"{registry}: no entry is about {name!r}; `bench registry list` names what there is.")
    return exit_codes.OK


@command.command("audit")
@_registry
@click.option("--since", metavar="COMMIT", help="One that was noted earlier: history before it must be the same.")
@lang_option
@logging_options
def audit(registry: Path, since: str | None, lang: str) -> int:
    """Whether entries were only ever added, one by one, and each may stand where it is. Exit code 11 where not.

    Prints the newest commit, to be noted where nobody can change it.
    """
    from bench.registry.audit import audit as problems_of
    from bench.registry.ledger import Ledger
    from bench.text import sentence
    from bench.text.catalogue import printable

    ledger = Ledger(registry.absolute())
    problems = list(problems_of(ledger, since))
    for code, seen in problems:
        click.echo(printable(sentence(lang, f"registry_problem.{code}", seen=seen)))
    if problems:
        return exit_codes.INVALID
    click.echo(
        sentence(lang, "registry.sound", entries=len(ledger.standing().entries), commit=ledger.repository.head())
    )
    return exit_codes.OK


def _appended(registry: Path, make: Callable[[Standing], What]) -> int:
    from bench.registry.ledger import Ledger

    written = Ledger(registry.absolute()).append(make)
    about = getattr(written.entry.what, "appeal", None) or getattr(written.entry.what, "submission", "")
    click.echo(f"{about}  {written.commit}")
    return exit_codes.OK


def _text(flag: str, text: str) -> str:
    if not text.strip() or len(text) > 4000:
        raise click.UsageError(f"`--{flag}` is a text of 1 to 4000 characters.")
    return text
