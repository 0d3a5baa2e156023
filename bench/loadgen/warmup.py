"""Warm-up in windows, which is the pilot as well: it says where the start-up ends and how long a row takes.

Its rows are discarded; the length of the measurement is fixed from it before the measurement starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.loadgen.driver import drive
from bench.loadgen.lane import Broken, Lane
from bench.loadgen.timeline import MOST_ROWS, Timeline, in_memory
from bench.records.effort import LEAST_QUERIES, Effort
from bench.records.numbers import Refusal
from bench.records.plan import Scenario
from bench.scoring.warmup import is_steady, mser5_cut

_WINDOWS = 10
# So often ten windows are run while they are not steady: a start-up may be long, and a shared host has bad moments.
_MOST_ROUNDS = 3
# Below this MSER-5 cuts more than half of independent data in over 1 % of cases (simulated: 14 % at 100 values).
_LEAST_FOR_STEADY = 500


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """Rows run and rows cut by MSER-5, whether the rest is steady, and seconds per row in it.

    `cut` includes what was run before the last ten windows, which `steady` is about; it is None where too few rows were
    run for the test to mean anything.
    """

    rows: int
    cut: int
    steady: bool | None
    row_s: float


def warm_up(lane: Lane, effort: Effort, announce: Callable[[float], None] = lambda expected_s: None) -> WarmUp:
    """Run ten windows of at least `window_s` and `window_batches`, the first covering the loaded set once.

    Where they are not steady ten more follow, up to three times in all: what is asked for is that it becomes steady.
    `announce` is called before each window with the seconds that it should take, 0 where nothing is known yet.
    """
    pace: list[float] = []
    rows = lane.whole_queries(math.ceil(lane.samples.count / lane.samples.batch))
    announce(0.0)
    expected_s = rows * _first_query_s(lane)
    before = 0
    for number in range(1, _MOST_ROUNDS + 1):
        service: list[NDArray[np.int64]] = []
        for _ in range(_WINDOWS):
            announce(expected_s)
            timeline, row_s = _window(lane, rows)
            service.append(timeline.ended - timeline.started)
            pace.append(row_s)
            wanted = max(effort.window_batches, math.ceil(effort.window_s / pace[-1]))
            rows = lane.whole_queries(min(wanted, MOST_ROWS // _WINDOWS))
            expected_s = rows * row_s
        count, cut, steady = _steadiness(np.concatenate(service).astype(np.float64))
        if steady is not False or number == _MOST_ROUNDS:
            break
        before += count
    return WarmUp(rows=before + count, cut=before + cut, steady=steady, row_s=_later_pace(pace[-_WINDOWS:]))


def _steadiness(series: NDArray[np.float64]) -> tuple[int, int, bool | None]:
    """Rows, how many of them MSER-5 cuts, and whether the rest is steady."""
    found = mser5_cut(series)
    cut = 0 if isinstance(found, Refusal) else found
    return len(series), cut, is_steady(cut, len(series)) if len(series) >= _LEAST_FOR_STEADY else None


def measured_rows(lane: Lane, scenario: Scenario, effort: Effort, row_s: float) -> tuple[int, bool]:
    """Rows of the measurement, and whether the mode's longest time cut them below what the metric needs."""
    per_query = lane.rows_per_query
    wanted = max(LEAST_QUERIES[scenario] * per_query, math.ceil(1.05 * effort.duration_s / row_s))
    allowed = min(lane.whole_queries(math.ceil(effort.longest_s / row_s)), MOST_ROWS // per_query * per_query)
    return min(lane.whole_queries(wanted), allowed), allowed < LEAST_QUERIES[scenario] * per_query


def _first_query_s(lane: Lane) -> float:
    try:
        return _window(lane, lane.whole_queries(1))[1]
    except Broken:
        return 0.0  # one query is too few to call an engine broken; the windows will tell


def _window(lane: Lane, rows: int) -> tuple[Timeline, float]:
    timeline = in_memory(rows)
    drive(lane, timeline)
    elapsed_s = (int(timeline.ended.max()) - int(timeline.started.min())) / 1e9
    return timeline, max(elapsed_s, 1e-9) / rows


def _later_pace(pace: list[float]) -> float:
    # The fastest of the later windows: a disturbance in the pilot must not make the measurement too short.
    return min(pace[len(pace) // 2 :])
