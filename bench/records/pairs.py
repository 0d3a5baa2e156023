"""Two arms measured by turns on one machine: what `bench ab` was asked, what it did in which order, what it found."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.comparison import Comparison
from bench.records.plan import RunPlan

Side = Literal["a", "b"]
Caches = Literal["warm", "cold"]
End = Literal["decided", "looks-spent", "budget-spent", "repetition-failed"]


class ArmFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One arm: its SPEC as given, the interpreter that ran it, where its `bench` lies, and the revision, if one was
    named, as a commit.
    """

    spec: str
    python: str
    package: str
    commit: str | None = None
    caches: Caches = "warm"


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition in a fresh process: of which measurement, pair and arm, and the run that is kept of it."""

    measurement: str
    pair: int
    side: Side
    run: str
    values: dict[str, float] = {}
    failure: str | None = None


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """The whole: turns stand in the order in which they were taken, discarded ones left out."""

    schema: Literal[1] = 1
    suite_version: str
    started_at: str
    seed: int
    plans: tuple[RunPlan, ...]
    first: ArmFacts
    second: ArmFacts
    turns: tuple[Turn, ...]
    end: End
    comparison: Comparison
