"""What the entries of a ledger come to, one after another; an entry that may not follow is refused."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from bench.records.registry import (
    FOLLOWS,
    Accepted,
    Changed,
    Decided,
    Entry,
    Issued,
    Objected,
    Opened,
    Status,
    Used,
    What,
    Witnessed,
)
from bench.registry.git import BadRegistry


class Standing:
    """The state of a registry after some entries; `take` goes on by one."""

    def __init__(self) -> None:
        self.name = ""
        self.entries: list[Entry] = []
        self.tokens: dict[str, Issued] = {}
        self.issued_at: dict[str, datetime.datetime] = {}
        self.used: dict[str, Used] = {}
        self.submissions: dict[str, Accepted] = {}
        self.status: dict[str, Status] = {}
        self.appeals: dict[str, Objected] = {}
        self.decided: dict[str, Decided] = {}

    def take(self, entry: Entry) -> None:
        """One more entry. Raises BadRegistry where it may not follow; nothing has changed then."""
        if entry.number != len(self.entries) + 1:
            raise BadRegistry(f"entry {entry.number} where {len(self.entries) + 1} is due")
        if entry.at.tzinfo is None or (self.entries and entry.at < self.entries[-1].at):
            raise BadRegistry(f"entry {entry.number} is from {entry.at.isoformat()}, before the one that it follows")
        if isinstance(entry.what, Opened) is not (entry.number == 1):
            raise BadRegistry(f"entry {entry.number}: a registry is opened by its first entry, and by no other")
        self._apply(entry.what, entry.at)
        self.entries.append(entry)

    def under_review(self, submission: str) -> bool:
        """Whether an appeal against a submission is open (复核中)."""
        return any(one.submission == submission and name not in self.decided for name, one in self.appeals.items())

    def _apply(self, what: What, at: datetime.datetime) -> None:
        match what:
            case Opened():
                self.name = what.name
            case Issued():
                _new(what.token, self.tokens, "token")
                if any(one.nonce == what.nonce for one in self.tokens.values()):
                    raise BadRegistry(f"token {what.token}: its nonce was handed out before")
                self.tokens[what.token], self.issued_at[what.token] = what, at
            case Used():
                _known(what.token, self.tokens, "token")
                if what.token in self.used:
                    raise BadRegistry(f"token {what.token} was used by run {self.used[what.token].run_id} already")
                self.used[what.token] = what
            case Accepted():
                self._accept(what)
            case Changed():
                self._change(what)
            case Objected():
                _known(what.submission, self.submissions, "submission")
                _new(what.appeal, self.appeals, "appeal")
                self.appeals[what.appeal] = what
            case Witnessed():
                self._open_appeal(what.appeal)
            case Decided():
                self._open_appeal(what.appeal)
                self.decided[what.appeal] = what

    def _accept(self, what: Accepted) -> None:
        _new(what.submission, self.submissions, "submission")
        for name, one in self.submissions.items():
            if what.archive_sha256 == one.archive_sha256 or what.run_id == one.run_id:
                raise BadRegistry(f"run {what.run_id} is in the registry already, as {name}")
        if what.token is not None:
            used = self.used.get(_known(what.token, self.tokens, "token"))
            if used is None or used.archive_sha256 != what.archive_sha256:
                raise BadRegistry(f"token {what.token} was not used by this archive")
        self.submissions[what.submission], self.status[what.submission] = what, "initial"

    def _change(self, what: Changed) -> None:
        before = self.status[_known(what.submission, self.submissions, "submission")]
        if what.status not in FOLLOWS[before]:
            allowed = ", ".join(FOLLOWS[before]) or "nothing"
            raise BadRegistry(f"{what.submission} is {before}, and {what.status} may not follow; {allowed} may")
        self.status[what.submission] = what.status

    def _open_appeal(self, appeal: str) -> None:
        _known(appeal, self.appeals, "appeal")
        if appeal in self.decided:
            raise BadRegistry(f"appeal {appeal} is decided: {self.decided[appeal].outcome}; open another one")


def _known(name: str, table: dict[str, Issued] | dict[str, Accepted] | dict[str, Objected], kind: str) -> str:
    if name not in table:
        raise BadRegistry(f"there is no {kind} {name!r} in the registry; {_some(list(table))}")
    return name


def _new(name: str, table: dict[str, Issued] | dict[str, Accepted] | dict[str, Objected], kind: str) -> None:
    if name in table:
        raise BadRegistry(f"there is a {kind} {name!r} already")


def _some(names: Sequence[str]) -> str:
    return f"there are {', '.join(names[-5:])}" if names else "there is none yet"
