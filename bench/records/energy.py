"""Energy of a measured window, by each counter and meter that could be read; what none could read is "not measured"."""

from __future__ import annotations

from typing import Literal

import msgspec

Source = Literal["nvml", "rapl", "hwmon", "ipmi", "redfish", "meter"]
# What a reading is of: one card, the processors, their memory, a part of a board, the whole machine by its own sensors,
# and the whole machine at the wall.
Scope = Literal["card", "processor", "memory", "part", "machine", "wall"]
# It counts energy itself, or its power was sampled.
How = Literal["counter", "sampled"]


class EnergySource(msgspec.Struct, frozen=True, kw_only=True):
    """What one counter or sensor said of the window.

    `joules` in the window is None where the readings do not cover it. It is off by `error_j` at most for want of
    readings in between; the error of the sensor itself comes on top, and only a meter's certificate knows it.
    """

    source: Source
    name: str
    scope: Scope
    how: How
    joules: float | None = None
    error_j: float | None = None
    idle_before_w: float | None = None
    idle_after_w: float | None = None
    readings: int = 0
    longest_gap_s: float | None = None


class Energy(msgspec.Struct, frozen=True, kw_only=True):
    """Energy of one repetition's window. `unread` says per kind of source why there is nothing of it.

    `samples` were answered in the window. `reading_share` is what reading took of one processor's time. `certified` is
    set where a meter at the wall is of class 1 % or better and its calibration is stated.
    """

    window_s: float
    samples: int
    sources: tuple[EnergySource, ...] = ()
    unread: dict[str, str] = {}
    reading_share: float | None = None
    certified: bool = False
