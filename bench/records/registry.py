"""What a registry holds: an entry for everything that happened, never changed, and the token that it hands out."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from bench.records.submission import Claims

Status = Literal["initial", "changed", "suspended", "withdrawn", "expired"]
Outcome = Literal["dismissed", "upheld"]

STATUSES: tuple[Status, ...] = ("initial", "changed", "suspended", "withdrawn", "expired")
OUTCOMES: tuple[Outcome, ...] = ("dismissed", "upheld")
# What may follow a status; withdrawn and expired are the end.
FOLLOWS: dict[Status, tuple[Status, ...]] = {
    "initial": ("changed", "suspended", "withdrawn", "expired"),
    "changed": ("changed", "suspended", "withdrawn", "expired"),
    "suspended": ("changed", "withdrawn", "expired"),
    "withdrawn": (),
    "expired": (),
}


class Opened(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="opened", tag_field="kind"):
    """The first entry: whose registry it is."""

    name: str


class Issued(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="token", tag_field="kind"):
    """A token was handed out. `journal_head` is what the submitter's journal ended in then, None where nobody asked."""

    token: str
    nonce: str
    issued_to: str
    expires_on: datetime.date
    journal_head: str | None = None


class Used(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="used", tag_field="kind"):
    """A token was used up by an archive, whatever its verification said."""

    token: str
    archive_sha256: str
    run_id: str
    passed: bool


class Accepted(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="submission", tag_field="kind"
):
    """A submission that was accepted, with status `initial`.

    `standing` is formal where the evaluator measured it again and both agreed; `obstacles` are codes of what kept a
    self-test from being admissible.
    """

    submission: str
    archive_sha256: str
    run_id: str
    submitter: str
    reviewer: str
    standing: Literal["formal", "self-test"]
    claims: tuple[Claims, ...]
    token: str | None = None
    obstacles: tuple[str, ...] = ()


class Changed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="status", tag_field="kind"):
    """A submission has another status from now on."""

    submission: str
    status: Status
    reason: str
    reviewer: str


class Objected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="appeal", tag_field="kind"):
    """Somebody objects to a submission, which is under review (复核中) until that is decided."""

    appeal: str
    submission: str
    objector: str
    objection: str


class Witnessed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="witness", tag_field="kind"):
    """A run for an appeal, watched by `witness`; what it found."""

    appeal: str
    run_id: str
    witness: str
    found: str


class Decided(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="decision", tag_field="kind"):
    """An appeal was decided. What follows for the status of the submission is an entry of its own."""

    appeal: str
    outcome: Outcome
    reason: str
    reviewer: str


What = Opened | Issued | Used | Accepted | Changed | Objected | Witnessed | Decided


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the ledger: its number, counted from 1, when it was written, and what happened."""

    schema: Literal[1] = 1
    number: int
    at: datetime.datetime
    what: What


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a submitter is handed: good for one run in mode `certified`, whose randomness follows from its nonce."""

    schema: Literal[1] = 1
    registry: str
    token: str
    nonce: str
    issued_to: str
    expires_on: datetime.date
