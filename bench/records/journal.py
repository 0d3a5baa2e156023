"""A line of the journal of started runs."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from bench.records.plan import Mode


class JournalLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run was started, gone on with, or ended by itself; one that was killed or failed has no `ended`.

    `previous` is the SHA-256 of the line before, in hexadecimal digits, zeros for the first one. `plan` is the hash of
    the run's plan; `status` stands with `ended`.
    """

    schema: Literal[1] = 1
    number: int
    previous: str
    at: datetime.datetime
    event: Literal["started", "resumed", "ended"]
    run_id: str
    mode: Mode
    plan: str
    token: str | None = None
    status: Literal["partial", "complete"] | None = None
