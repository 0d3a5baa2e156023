"""A meter outside the machine, whose readings come as a CSV file with the columns `time` and `power_w`.

`time` is ISO 8601 with its zone, or seconds since 1970. The meter's clock is brought to the machine's by `offset_s`,
what has to be added to its times; the machine's wall clock and the harness's are read together at each repetition.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
import time
from pathlib import Path

import msgspec
import numpy as np

from bench.power.recorder import Trace
from bench.power.sensor import Unreadable
from bench.records.energy import How, Scope, Source

_LIMIT = 64 << 20
_COLUMNS = ("time", "power_w")
# How long after the end of a window its last readings may come.
_PATIENCE_S, _GLANCE_S = 10.0, 0.25


class ClockPair(msgspec.Struct, frozen=True, kw_only=True):
    """One moment on the harness's clock and on the wall's, in ns."""

    harness_ns: int
    wall_ns: int


def clocks_now() -> ClockPair:
    """Both clocks, read as one."""
    before = time.perf_counter_ns()
    wall_ns = time.time_ns()
    return ClockPair(harness_ns=(before + time.perf_counter_ns()) // 2, wall_ns=wall_ns)


class WallMeter:
    """The file that a meter's program writes to, read after each repetition."""

    source: Source = "meter"
    scope: Scope = "wall"
    how: How = "sampled"
    wraps_at: float | None = None

    def __init__(self, path: Path, offset_s: float = 0.0) -> None:
        self._path, self._offset_s, self.name = path, offset_s, path.name

    def trace(self, clocks: ClockPair, until_ns: int, patience_s: float = _PATIENCE_S) -> Trace:
        """All readings on the harness's clock; waits until there is one after `until_ns`. Raises Unreadable."""
        deadline = time.monotonic() + patience_s
        while True:
            times_s, watts = readings(self._path)
            shifted = np.round((times_s + self._offset_s) * 1e9).astype(np.int64) - clocks.wall_ns + clocks.harness_ns
            if (shifted.size and int(shifted[-1]) >= until_ns) or time.monotonic() >= deadline:
                return Trace(sensor=self, times_ns=shifted, values=watts, reading_s=0.0)
            time.sleep(_GLANCE_S)


def readings(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n,) seconds since 1970, ascending, and (n,) watts. Raises Unreadable with the line that is wrong."""
    try:
        with open(path, "rb") as file:
            content = file.read(_LIMIT + 1)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > _LIMIT:
        raise Unreadable(f"{path} is larger than {_LIMIT >> 20} MiB")
    # A line that is being written is not read: it has no end yet.
    whole = content[: content.rfind(b"\n") + 1].decode("utf-8-sig", "replace")
    rows = list(csv.reader(io.StringIO(whole)))
    heads = [name.strip() for name in rows[0]] if rows else []
    if any(name not in heads for name in _COLUMNS):
        raise Unreadable(f"{path} has the columns {', '.join(heads) or 'none'}; it needs {' and '.join(_COLUMNS)}")
    at, power = (heads.index(name) for name in _COLUMNS)
    found = [_reading(path, number, row, at, power) for number, row in enumerate(rows[1:], 2) if any(row)]
    found.sort()
    return np.array([one for one, _ in found], np.float64), np.array([watts for _, watts in found], np.float64)


def _reading(path: Path, number: int, row: list[str], at: int, power: int) -> tuple[float, float]:
    try:
        seconds, watts = _seconds(row[at].strip()), float(row[power])
    except (ValueError, IndexError, OverflowError):
        raise Unreadable(f"{path}, line {number}: {','.join(row)[:80]!r} is no time and no power") from None
    if not (math.isfinite(watts) and 0.0 <= watts < 1e7 and 0.0 <= seconds < 1e11):
        raise Unreadable(f"{path}, line {number}: {','.join(row)[:80]!r} is out of range")
    return seconds, watts


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.timestamp()
