"""What a search for the highest rate did: its trials, which are never scored, and the attempts to confirm a rate."""

from __future__ import annotations

from typing import Literal

import msgspec

Outcome = Literal["held", "late", "grew"]


class SearchTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial at `rate_per_s`: how many queries were due, how many were late or failed, and what came of it.

    "late": more than the bound allows, after which the trial ended; "grew": few were late yet, but the queue grew.
    """

    rate_per_s: float
    queries: int
    late: int
    seconds: float
    outcome: Outcome


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """From the rate at which batches went through with no gap, in queries per second, to the bracket of the answer.

    `passing_per_s` is the highest rate that held, None when none did; `failing_per_s` the lowest that did not.
    """

    offline_per_s: float
    trials: tuple[SearchTrial, ...]
    passing_per_s: float | None
    failing_per_s: float | None
    seconds: float


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Repetitions at one rate to confirm it, or that it does not hold: late shares, their upper limit, the verdict.

    `late_shares` are those of the worst camera in `streams`. `held` is None while repetitions are missing.
    """

    rate_per_s: float
    late_shares: tuple[float, ...]
    upper_share: float
    held: bool | None
