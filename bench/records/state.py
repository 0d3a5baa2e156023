"""The state of a machine around a repetition: what was set, what it did meanwhile, and what had changed afterwards."""

from __future__ import annotations

import msgspec


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A number that was read once a second while it was measured.

    `values` are the readings in their order; of more than 60 the means of 60 successive parts. Empty in older records.
    """

    least: float
    mean: float
    most: float
    readings: int
    values: tuple[float, ...] = ()


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Knobs by name, as words or numbers before and after; `during` has those that are numbers.

    `unread` says of which there is nothing and why. `reading_share` is what reading took of one processor's time.
    `tuned` are the changes that `bench host tune --apply` made for this run. `slowed_ns` are stretches (from, to) of
    the harness's clock, as `Report.t0_ns`, in which heat or hardware held clocks down, to the second of the readings.
    """

    before: dict[str, str | float] = {}
    after: dict[str, str | float] = {}
    during: dict[str, Course] = {}
    unread: dict[str, str] = {}
    reading_share: float = 0.0
    tuned: tuple[str, ...] = ()
    slowed_ns: tuple[tuple[int, int], ...] = ()
