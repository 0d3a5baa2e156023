"""Two records held against each other, metric by metric: what `bench compare`, `bench ab` and `bench baseline` find."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.metrics import Better

Outcome = Literal["better", "worse", "same", "inconclusive", "not-judged", "invalid"]
# How two figures are held against each other: ratios, shares by their difference, or what holds against what does not.
Scale = Literal["ratio", "points", "bracket"]
Reason = Literal[
    "beyond-margin",
    "within-margin",
    "interval-spans-margin",
    "one-repetition",
    "no-value",
    "vanished",
    "new",
    "record-invalid",
    "record-partial",
    "quality-lost",
    "budget-spent",
]


class Unlike(msgspec.Struct, frozen=True, kw_only=True):
    """A field in which two records differ, with both values in words."""

    measurement: str
    field: str
    first: str
    second: str


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a pair. `change` is second ÷ first - 1 (`points`: second - first), signed as the figures are.

    `low` and `high` are the ends of its interval at 1 - α, not adjusted; `probability` is the least α at which the
    verdict stands, `adjusted` the same over all metrics of the report. `deciding` is the number of repetitions of each
    that would decide with a power of 80 %, None where none would.
    """

    measurement: str
    metric: str
    unit: str
    better: Better
    scale: Scale
    margin: float
    verdict: Outcome
    reasons: tuple[Reason, ...]
    first: float | None = None
    second: float | None = None
    repetitions: tuple[int, int] = (0, 0)
    change: float | None = None
    low: float | None = None
    high: float | None = None
    probability: float | None = None
    adjusted: float | None = None
    deciding: int | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report: `first` is what was, `second` what is. `allowed` differences were waved through by name;
    `changed` are those under test.
    """

    schema: Literal[1] = 1
    first: str
    second: str
    alpha: float
    judged: tuple[Judged, ...]
    allowed: tuple[Unlike, ...] = ()
    changed: tuple[Unlike, ...] = ()

    def has(self, *verdicts: Outcome) -> bool:
        """Whether any metric has one of these verdicts."""
        return any(entry.verdict in verdicts for entry in self.judged)
