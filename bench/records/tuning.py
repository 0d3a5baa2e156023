"""What tuning did: every candidate tried, with its figures or its failure, which one was chosen, and why."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.numbers import Measured

Reason = Literal["ahead", "not-ahead", "default-best", "default-failed", "all-failed", "out-of-time"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How the load is served, in fields of a Measurement: `--batch`, `--workers`, `--threads`, `--max-wait-us`."""

    batch: int
    workers: int
    threads: int
    max_wait_ns: int = 0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One choice: its figure in each trial that went through, the seconds all its trials took, and how one failed."""

    choice: Choice
    figures: tuple[float, ...] = ()
    seconds: float = 0.0
    failure: str | None = None


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """The candidates in the order in which they were first tried, the default first; trials are never scored.

    `metric` is what was compared, None where no trial went through. `gain` is how many times as good the best candidate
    was as the default, with its interval, over `pairs` pairs of trials in turn; None where they were not compared.
    `exhausted`: the budget ended before the candidates did.

    `reason`: "ahead", the chosen one is so beyond the noise; "default-failed", and the best of the others is taken.
    Else the default stays: the best was "not-ahead" of it, none looked better ("default-best"), the time ended before
    that could be said ("out-of-time"), or "all-failed".
    """

    metric: str | None
    budget_s: float
    seconds: float
    candidates: tuple[Candidate, ...]
    chosen: Choice
    reason: Reason
    gain: Measured | None = None
    pairs: int = 0
    exhausted: bool = False
