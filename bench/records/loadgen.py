"""What MLPerf LoadGen said of a repetition that it drove, beside what the harness measured of the same rows."""

from __future__ import annotations

from typing import Literal

import msgspec

Driver = Literal["bench", "loadgen"]
DRIVERS: tuple[Driver, ...] = ("bench", "loadgen")


class LoadGenReport(msgspec.Struct, frozen=True, kw_only=True):
    """LoadGen's own verdict and figures, under its own names, from its detail log.

    `published` names the figure that MLPerf's submission checker takes. `figures` are in LoadGen's units (ns, samples
    or queries per second, counts). With a trace, `compared` samples were held against the harness's clock: `outside`
    counts those whose start and end do not lie between LoadGen's issue and completion, give or take `slack_ns`; the
    two read different clocks. Without a trace these are None.
    """

    version: str
    verdict: Literal["VALID", "INVALID"]
    reason: str
    published: str
    figures: dict[str, float]
    errors: int
    compared: int | None = None
    outside: int | None = None
    slack_ns: int | None = None
