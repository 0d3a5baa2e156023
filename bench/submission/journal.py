"""The journal of started runs in an archive, and the token that a run used, held against the registry."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bench.records.journal import JournalLine
from bench.records.record import Run
from bench.records.submission import Item
from bench.records.untrusted import BadFile
from bench.registry.standing import Standing
from bench.store.journal import JOURNAL, START, lines_of, plan_hash, read_journal
from bench.submission.consistency import conforming, moment, unchecked, violated
from bench.submission.contents import Contents

_Lines = Sequence[tuple[JournalLine, str]]


def journal_items(contents: Contents) -> Iterator[Item]:
    """Whether the journal is a chain that holds the run, and no other one under its token was the last complete one.

    What somebody cut off its end, or a journal begun anew, shows only against a head that a registry noted.
    """
    run, file = contents.run, contents.folder.path / JOURNAL
    if not file.is_file():
        bare = unchecked if run.plan.token is None else violated
        yield bare("journal", run.run_id, "no-journal")
        return
    try:
        lines = lines_of(read_journal(file), JOURNAL)
    except BadFile as error:
        yield violated("journal", JOURNAL, "unreadable", error)
        return
    if (problem := _broken(lines) or _of_run(lines, run)) is not None:
        yield violated("journal", JOURNAL, *problem)
        return
    started = sum(line.event == "started" for line, _ in lines)
    yield conforming("journal", JOURNAL, f"{started} started")


def token_items(contents: Contents, standing: Standing, sha256: str, signers: Collection[str]) -> Iterator[Item]:
    """Whether the run used a token as it was handed out, in its time, and no other archive did before.

    `signers` are the names of the submitters whose signatures are good; that there is none is told elsewhere.
    """
    run, name = contents.run, contents.run.plan.token
    if name is None:
        yield unchecked("token", run.run_id, "no-token")
        return
    issued, used, begun = standing.tokens.get(name), standing.used.get(name), moment(run.started_at)
    if issued is None:
        yield violated("token", name, "unknown-token")
    elif run.nonce is None or run.nonce.value != issued.nonce:
        yield violated("token", name, "other-nonce")
    elif signers and issued.issued_to not in signers:
        yield violated("token", name, "other-holder", issued.issued_to)
    elif used is not None and used.archive_sha256 != sha256:
        yield violated("token", name, "token-used", used.run_id)
    elif begun is None or begun < standing.issued_at[name] or begun.date() > issued.expires_on:
        yield violated("token", name, "token-not-valid-then", run.started_at)
    elif issued.journal_head is not None and not _continues(contents, issued.journal_head):
        yield violated("token", name, "other-journal", issued.journal_head)
    else:
        yield conforming("token", name, issued.issued_to)


def _broken(lines: _Lines) -> tuple[str, str] | None:
    previous, last = START, None
    for number, (line, own) in enumerate(lines, 1):
        if line.number != number or line.previous != previous:
            return "chain-broken", f"line {number}"
        if line.at.tzinfo is None or (last is not None and line.at < last):
            return "chain-times", f"line {number}, {line.at.isoformat()}"
        previous, last = own, line.at
    return None


def _of_run(lines: _Lines, run: Run) -> tuple[str, str] | None:
    own = [line for line, _ in lines if line.run_id == run.run_id]
    if [line.event for line in own[:1]] != ["started"] or sum(line.event == "started" for line in own) != 1:
        return "run-not-started", run.run_id
    if any((line.plan, line.mode, line.token) != (plan_hash(run.plan), run.plan.mode, run.plan.token) for line in own):
        return "other-plan", run.run_id
    if run.status == "complete" and own[-1].status != "complete":
        return "run-not-ended", run.run_id
    if (begun := moment(run.started_at)) is None or abs((own[0].at - begun).total_seconds()) > 60:
        return "other-start", own[0].at.isoformat()
    if run.plan.token is None:
        return None
    others = {line.run_id for line, _ in lines if line.token == run.plan.token} - {run.run_id}
    return ("token-run-twice", ", ".join(sorted(others))) if others else None


def _continues(contents: Contents, head: str) -> bool:
    file = contents.folder.path / JOURNAL
    return file.is_file() and head in {START, *(own for _, own in lines_of(read_journal(file), JOURNAL))}
