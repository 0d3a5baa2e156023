"""The course of one figure over the records of a runner, and where its level changed: `bench history`."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.metrics import Better
from bench.records.plan import Mode


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The figure of one record, in the metric's unit."""

    run: str
    started_at: str
    value: float


class LevelChange(msgspec.Struct, frozen=True, kw_only=True):
    """From point `place` (the record of `run`) on the level is another: `change` is new ÷ old - 1."""

    place: int
    run: str
    change: float
    strength: float
    verdict: Literal["better", "worse"]


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """Valid records of one measurement in one mode on one runner, oldest first."""

    runner: str
    measurement: str
    mode: Mode
    metric: str
    unit: str
    better: Better
    points: tuple[Point, ...]
    changes: tuple[LevelChange, ...]


class BaselineChange(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a baseline's change history: which run took the place of which, with the primary value of both."""

    at: str
    measurement: str
    run: str
    metric: str
    value: float
    before: float | None = None
    before_run: str | None = None
    note: str = ""
