"""`bench.loadgen.input_cache`: pairs of runs whose times are scripted give the gain of the formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.loadgen import input_cache, pairs
from bench.loadgen.lane import Closed, Lane
from bench.loadgen.timeline import Timeline

from ..fixtures import ScriptedSession
from .lanes import make_lane


def gain(monkeypatch: pytest.MonkeyPatch, distinct_ns: list[int], repeated_ns: list[int]) -> float:
    """With each run's time taken from the lists, in the order of the pairs."""
    taken = {True: iter(repeated_ns), False: iter(distinct_ns)}

    def scripted(lane: Lane, timeline: Timeline) -> int:
        timeline.ended[:] = next(taken[lane.samples.count == 1])
        return 0

    monkeypatch.setattr(pairs, "drive", scripted)
    return input_cache.repeated_input_gain(make_lane([ScriptedSession()], Closed()), row_s=0.1)


def test_the_gain_is_the_lower_end_of_the_interval_of_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    distinct = (1e9 * rng.normal(1.3, 0.02, 10)).astype(int).tolist()
    repeated = (1e9 * rng.normal(1.0, 0.02, 10)).astype(int).tolist()
    logs = np.log(np.array(distinct) / np.array(repeated))
    low, _ = stats.t.interval(0.95, 9, logs.mean(), stats.sem(logs))
    assert gain(monkeypatch, distinct, repeated) == pytest.approx(math.exp(low), rel=1e-9)


def test_no_difference_is_no_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gain(monkeypatch, [10**9] * 10, [10**9] * 10) == pytest.approx(1.0)


def test_the_repeated_side_is_fed_one_sample_and_the_other_side_all() -> None:
    session = ScriptedSession()
    input_cache.repeated_input_gain(make_lane([session], Closed(rows_per_query=2), count=6), row_s=0.02)
    fed = [tuple(batch["x"].tolist()) for batch in session.seen]
    assert len(fed) == 2 * 10 * 10
    assert len({pair for pair in fed if pair[0] == pair[1]}) == 1
    assert {sample for pair in fed for sample in pair} == set(range(6))
