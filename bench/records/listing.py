"""A procurement list: its three tables, what every row stands on, and where a reader should doubt."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from bench.records.policy import Policy

Table = Literal["formal", "self-test", "not-assessed"]
GateState = Literal["met", "not-met", "unverified"]
State = Literal["valid", "changed", "suspended", "withdrawn", "expired"]
Alternative = Literal["equal", "sector", "more", "less", "without"]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """A code of the catalogues, what it is about, and what was seen."""

    code: str
    subject: str = ""
    seen: str = ""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One gate of a row: what was asked for and what was measured, in words of the records; `state` is the verdict.

    `value`, `low` and `high` are in the metric's own unit, unrounded; None for gates that are no numbers.
    `near`: the limit lies within the interval, so that a repetition could turn the verdict (临界).
    """

    gate: str
    required: str
    seen: str
    state: GateState
    value: float | None = None
    low: float | None = None
    high: float | None = None
    near: bool = False


class TermResult(msgspec.Struct, frozen=True, kw_only=True):
    """One term of a row: value in the metric's unit, ratio to the reference (more is better), and what scatters.

    `repetition_variance` is s²/k and `resolution_variance` δ²/12, both of the logarithm.
    """

    metric: str
    value: float
    repetitions: int
    ratio: float
    repetition_variance: float
    resolution_variance: float


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a term of the uncertainty comes from, its share of the variance, or why it was not assessed."""

    source: str
    variance: float | None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Place and rank range of a row within its table, and its composite with the 95 % interval.

    `places` are the least and greatest place under the alternatives of the weights; None where they were not tried.
    """

    place: int
    last: int
    score: float
    low: float
    high: float
    places: tuple[int, int] | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One tested configuration. `particulars` is what a vendor or laboratory declares, under the names of §2.2."""

    number: int
    table: Table
    run_id: str
    source: str
    archive_sha256: str | None = None
    config_hash: str = ""
    particulars: dict[str, str] = {}
    vendor: str = ""
    product: str = ""
    machine_class: str = ""
    backend: str = ""
    device: str = ""
    mode: str = ""
    suite_version: str = ""
    attestation: str = ""
    division: str = ""
    origin: str = ""
    availability: str = ""
    declared_origin: dict[str, str] = {}
    tested_on: datetime.date | None = None
    expires_on: datetime.date | None = None
    state: State = "valid"
    eligible: bool = False
    place: Place | None = None
    on_pareto_front: bool | None = None
    terms: tuple[TermResult, ...] = ()
    budget: tuple[Source, ...] = ()
    gates: tuple[Limit, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def system(self) -> str:
        """Maker and product; where neither is stated the run, or what was handed in."""
        return " ".join(part for part in (self.vendor, self.product) if part) or self.run_id or self.source


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two rows, by number, that differ significantly; `gap` is how much better the first is, a share.

    `practical` False: the difference is real, and under the gap that the policy takes for one.
    """

    better: int
    worse: int
    gap: float
    practical: bool


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """The places of all rows of a table, in order of their numbers, under other weights; None: it cannot be formed."""

    alternative: Alternative
    subject: str
    places: tuple[int, ...] | None


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of the rows of one table together; `numbers` are those that were ranked."""

    table: Table
    numbers: tuple[int, ...]
    pairs: tuple[Pair, ...]
    sensitivity: tuple[Sensitivity, ...]
    remarks: tuple[Remark, ...] = ()


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A whole list, as `bench procure` writes it. `policy_sha256` is that of the policy's file."""

    schema: Literal[1] = 1
    suite_version: str
    made_on: datetime.date
    policy: Policy
    policy_sha256: str
    rows: tuple[Row, ...]
    rankings: tuple[Ranking, ...]
    remarks: tuple[Remark, ...] = ()
