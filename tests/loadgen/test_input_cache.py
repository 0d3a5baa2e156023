"""`bench.loadgen.input_cache`: pairs of runs whose times are scripted give the gain of the formula."""

from __future__ import annotations

import math
from typing import cast

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bench.backends.base import Varying
from bench.loadgen import input_cache, pairs
from bench.loadgen.lane import AllDue, Closed, Lane
from bench.loadgen.samples import LoadedSet
from bench.loadgen.timeline import Timeline
from bench.models.base import Workload

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


def test_the_repeated_side_is_fed_one_sample_in_each_pair_and_the_other_side_all() -> None:
    session = ScriptedSession()
    input_cache.repeated_input_gain(make_lane([session], Closed(rows_per_query=2), count=6), row_s=0.02)
    fed = [tuple(batch["x"].tolist()) for batch in session.seen]
    assert len(fed) == 2 * 10 * 10
    runs = [fed[start : start + 10] for start in range(0, len(fed), 10)]
    repeated = [run for run in runs if len(set(run)) == 1]
    assert len(repeated) == 10
    assert all(run[0][0] == run[0][1] for run in repeated)
    assert {run[0][0] for run in repeated} == set(range(6)), "each of the six has its turn"
    assert all({sample for pair in run for sample in pair} == set(range(6)) for run in runs if len(set(run)) > 1)


VARYING = Varying(length="places", units={"x": 1})


class Recordings:
    """A workload of recordings of 1 to 40 places."""

    def load_inputs(self, count: int, seed: int) -> dict[str, NDArray[np.generic]]:
        rng = np.random.default_rng(seed)
        return {"x": rng.standard_normal((count, 40)), "places": rng.integers(1, 41, count)}


def recorded(batch: int = 4) -> Lane:
    samples = LoadedSet(Recordings().load_inputs(9, 1), batch, seed=2)
    return msgspec.structs.replace(make_lane([ScriptedSession()], AllDue(), batch=batch), samples=samples)


@pytest.fixture
def longest_costs(monkeypatch: pytest.MonkeyPatch) -> list[list[list[int]]]:
    """Batches take as long as their longest sample has places; the lengths of each run are returned, row by row."""
    runs: list[list[list[int]]] = []

    def driven(lane: Lane, timeline: Timeline) -> int:
        rows = [lane.samples.row(row)["places"].tolist() for row in range(len(timeline.ended))]
        runs.append(rows)
        timeline.ended[:] = sum(max(row) for row in rows) * 1000
        return 0

    monkeypatch.setattr(pairs, "drive", driven)
    return runs


def test_samples_of_different_lengths_show_no_cache(longest_costs: list[list[list[int]]]) -> None:
    lane = recorded()
    lengths = sorted(lane.samples.gathered(range(9))["places"].tolist())
    assert input_cache.repeated_input_gain(lane, 0.01, VARYING) == pytest.approx(1.0)
    assert {length for run in longest_costs for row in run for length in row} == {lengths[4]}
    longest_costs.clear()
    assert input_cache.repeated_input_gain(lane, 0.01) > 1.03, "taken as they are, they look like one"


def test_samples_never_seen_are_as_long_as_those_in_their_places(longest_costs: list[list[list[int]]]) -> None:
    lane = recorded()
    workload = cast(Workload, Recordings())
    assert input_cache.fresh_input_gain(lane, 0.05, workload, 7, VARYING) == pytest.approx(1.0)
    fresh, loaded = longest_costs[0::2], longest_costs[1::2]
    assert fresh == loaded
    assert len({tuple(map(tuple, run)) for run in loaded}) == 1
    # What they hold is new.
    one = input_cache._fresh(lane.samples, workload, 9, 7, VARYING).gathered(range(9))["x"]
    assert not np.isin(one, lane.samples.gathered(range(9))["x"]).any()


def test_files_have_no_length_to_make_alike() -> None:
    assert input_cache.comparable(recorded().samples, VARYING)
    files = LoadedSet({"__encoded": np.zeros((3, 9), np.uint8)}, 1, seed=1)
    assert not input_cache.comparable(files, VARYING)
    assert input_cache.comparable(files, None)
