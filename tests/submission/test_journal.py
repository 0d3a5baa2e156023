"""The journal in an archive, and the token that its run used: what was left out, changed or used twice."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.records.record import Nonce, Run
from bench.records.registry import Used
from bench.registry.ledger import Ledger
from bench.registry.standing import Standing
from bench.store.journal import JOURNAL, note, read_journal
from bench.store.runs import RunFolder
from bench.submission.contents import Contents
from bench.submission.journal import journal_items, token_items
from bench.submission.packing import NotPacked, pack
from bench.submission.redaction import Redaction
from bench.submission.verifying import verify

from .handing_in import Laboratory, forged, item, violations

Lines = list[dict[str, Any]]


def chained(lines: Lines) -> bytes:
    """A journal whose chain is whole, whatever its lines say."""
    text, previous = b"", "0" * 64
    for number, line in enumerate(lines, 1):
        encoded = json.dumps({**line, "number": number, "previous": previous}, separators=(",", ":")).encode()
        text, previous = text + encoded + b"\n", hashlib.sha256(encoded).hexdigest()
    return text


def lines_in(content: bytes) -> Lines:
    return [json.loads(line) for line in content.splitlines()]


FORGERIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a line taken out": (lambda text: b"".join(text.splitlines(True)[1:]), "chain-broken"),
    "a line changed": (lambda text: text.replace(b'"quick"', b'"standard"', 1), "chain-broken"),
    "chained anew without the run": (lambda text: b"", "run-not-started"),
    "chained anew without its start": (lambda text: chained(lines_in(text)[1:]), "run-not-started"),
    "chained anew without its end": (lambda text: chained(lines_in(text)[:1]), "run-not-ended"),
    "of another plan": (
        lambda text: chained([{**line, "plan": "sha256:" + "0" * 64} for line in lines_in(text)]),
        "other-plan",
    ),
    "begun another day": (
        lambda text: chained([{**line, "at": "2026-01-01T00:00:00Z"} for line in lines_in(text)]),
        "other-start",
    ),
    "back in time": (
        lambda text: chained([lines_in(text)[0], {**lines_in(text)[1], "at": "2026-01-01T00:00:00Z"}]),
        "chain-times",
    ),
    "no journal": (lambda text: b"not JSON\n", "unreadable"),
    "deep": (lambda text: b"[" * 100_000 + b"\n", "unreadable"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_journal_that_was_tampered_with_is_told(kept: RunFolder, tmp_path: Path, name: str) -> None:
    edit, reason = FORGERIES[name]
    (tmp_path / JOURNAL).write_bytes(edit(read_journal(kept.results / JOURNAL)))
    contents = Contents(kept)
    contents.folder = RunFolder(tmp_path)
    assert [(one.verdict, one.reason) for one in journal_items(contents)] == [("violates", reason)]


def test_the_archive_holds_the_journal_and_a_changed_one_does_not_conform(
    archive: Path, laboratory_: Laboratory, tmp_path: Path
) -> None:
    assert item(laboratory_.verify(archive), "journal").verdict == "conforms"
    spoilt = forged(
        archive,
        tmp_path / f"{archive.stem}.tar",
        lambda folder: (folder / JOURNAL).write_bytes(chained([])) and None,
        laboratory_.keys["submitter"],
    )
    assert ("journal", "run-not-started") in violations(laboratory_.verify(spoilt))


def test_redaction_of_paths_leaves_run_and_journal_in_agreement(kept: RunFolder, tmp_path: Path) -> None:
    packed = pack(kept, tmp_path / "one.tar", Redaction(("paths",)))
    assert packed.manifest.redacted["run.json"]["paths"] > 0
    assert item(verify(tmp_path / "one.tar", None, unsigned=True), "journal").verdict == "conforms"


class Case:
    """The run as if it had used a token of a registry."""

    def __init__(self, kept: RunFolder, folder: Path, journal_head: str | None = None) -> None:
        self.ledger = Ledger(folder / "reg")
        self.ledger.open("Lab")
        self.token = self.ledger.issue("Vendor", datetime.date(2099, 1, 1), journal_head)
        self.contents = Contents(kept)
        self.contents.folder = RunFolder(folder)
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
        plan = msgspec.structs.replace(
            self.contents.run.plan, mode="certified", nonce=self.token.nonce, token=self.token.token
        )
        nonce = Nonce(value=self.token.nonce, origin="given")
        self.set(plan=plan, nonce=nonce, started_at=now.isoformat(timespec="seconds"))

    def set(self, **fields: Any) -> Run:
        self.contents.run = msgspec.structs.replace(self.contents.run, **fields)
        return self.contents.run

    def found(self, sha256: str = "ab", signers: tuple[str, ...] = ("Vendor",)) -> tuple[str, str]:
        (one,) = token_items(self.contents, self.ledger.standing(), sha256, signers)
        return one.verdict, one.reason


@pytest.fixture
def case(kept: RunFolder, tmp_path: Path) -> Case:
    return Case(kept, tmp_path)


def test_a_token_is_good_once_for_its_holder_in_its_time(case: Case) -> None:
    assert case.found() == ("conforms", "")
    assert case.found(signers=("Rival",)) == ("violates", "other-holder")
    run = case.contents.run
    for fields, reason in (
        ({"nonce": Nonce(value="cd" * 32, origin="given")}, "other-nonce"),
        ({"nonce": None}, "other-nonce"),
        ({"started_at": "2020-01-01T00:00:00+00:00"}, "token-not-valid-then"),
        ({"started_at": "2099-01-02T00:00:00+00:00"}, "token-not-valid-then"),
        ({"started_at": "yesterday"}, "token-not-valid-then"),
        ({"plan": msgspec.structs.replace(run.plan, token="T-0")}, "unknown-token"),
    ):
        case.set(**fields)
        assert case.found() == ("violates", reason)
        case.contents.run = run
    used = Used(token=case.token.token, archive_sha256="ab", run_id=run.run_id, passed=False)
    case.ledger.append(lambda standing: used)
    assert case.found("ab") == ("conforms", "")
    assert case.found("cd") == ("violates", "token-used")
    case.set(plan=msgspec.structs.replace(run.plan, token=None))
    assert case.found() == ("unchecked", "no-token")


def test_a_journal_begun_anew_after_the_token_was_asked_for_shows(kept: RunFolder, tmp_path: Path) -> None:
    case = Case(kept, tmp_path, journal_head="12" * 32)
    note(tmp_path, case.contents.run, "started")
    assert case.found() == ("violates", "other-journal")
    line = (tmp_path / JOURNAL).read_bytes().rstrip(b"\n")
    (tmp_path / "more").mkdir()
    other = Case(kept, tmp_path / "more", journal_head=hashlib.sha256(line).hexdigest())
    (tmp_path / "more" / JOURNAL).write_bytes((tmp_path / JOURNAL).read_bytes())
    assert other.found() == ("conforms", "")


def test_two_runs_with_one_token_show_in_the_journal(case: Case, tmp_path: Path) -> None:
    run = case.contents.run
    for one in (msgspec.structs.replace(run, run_id="another"), run):
        note(tmp_path, one, "started")
        note(tmp_path, one, "ended")
    (found,) = journal_items(case.contents)
    assert (found.reason, found.seen) == ("token-run-twice", "another")
    (tmp_path / JOURNAL).unlink()
    assert [one.reason for one in journal_items(case.contents)] == ["no-journal"]


def test_a_run_with_a_token_is_not_packed_without_its_journal(case: Case, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "x")
    folder.keep_run(msgspec.structs.replace(case.contents.run, measurements=()))
    with pytest.raises(NotPacked, match="no journal of started runs"):
        pack(folder, tmp_path / "x.tar", Redaction(()))


def test_a_registry_that_is_empty_knows_no_token(case: Case) -> None:
    (found,) = token_items(case.contents, Standing(), "ab", ("Vendor",))
    assert (found.verdict, found.reason) == ("violates", "unknown-token")
