"""A test report before it is words: every figure with its requirement and verdict, and what they come to."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from bench.records.listing import Limit, Remark
from bench.records.numbers import Interval
from bench.records.particulars import Particulars
from bench.records.plan import Timed
from bench.records.policy import Operator
from bench.records.submission import Item, Obstacle, PackedFile

Judgement = Literal["conforms", "violates", "unchecked", "not-applicable"]
Conclusion = Literal["passed", "failed", "not-judged"]
Category = Literal["commissioned", "self-test"]


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of a figure; `limit` in `unit`. `guarded`: the whole interval must lie on the good side.

    The suite asks for the quality of its workloads, a policy for anything.
    """

    op: Operator
    limit: float
    unit: str
    guarded: bool = False
    asked_by: Literal["policy", "suite"]


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the results: `value` and `interval` unrounded, in `unit`, the registry's unit of the metric.

    `measurement` is a record's name, or the address that a requirement names where nothing was measured.
    `repetitions` stand behind `interval`. `near`: the limit lies within the interval (临界).
    `unverified`: no one proved that the answers behind the figure are right, or it is void. `remarks` say why.
    """

    measurement: str
    metric: str
    unit: str
    timed_region: Timed
    value: float | None = None
    interval: Interval | None = None
    repetitions: int = 0
    requirement: Requirement | None = None
    judgement: Judgement = "not-applicable"
    near: bool = False
    unverified: bool = False
    remarks: tuple[Remark, ...] = ()


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy was judged by, as it stands in its file."""

    name: str
    round: str
    sha256: str
    digits: int


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What a test report says. `category` is computed from signatures, verification and registry, never declared.

    `as_of` is the day for which expiry was judged: that of issue, or, where none was given, the last day of the test.
    `verification` is empty for a folder, which nobody verified. `files` are all raw data, by SHA-256 of their bytes.
    """

    schema: Literal[1] = 1
    suite_version: str
    run_id: str
    category: Category
    verified: bool | None
    archive_sha256: str | None
    issued_on: datetime.date | None
    as_of: datetime.date
    tested_from: datetime.datetime
    tested_until: datetime.datetime
    rules: Rules | None
    conclusion: Conclusion
    reasons: tuple[Remark, ...]
    conditions: tuple[Limit, ...]
    items: tuple[Inspected, ...]
    deviations: tuple[Obstacle, ...]
    verification: tuple[Item, ...]
    files: tuple[PackedFile, ...]
    particulars: Particulars
