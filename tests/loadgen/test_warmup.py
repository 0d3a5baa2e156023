"""`bench.loadgen.warmup`: windows that cover the loaded set, and a length fixed from them."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.loadgen import warmup
from bench.loadgen.lane import AllDue, Closed, Lane
from bench.loadgen.timeline import MOST_ROWS, Timeline, in_memory
from bench.loadgen.warmup import measured_rows, warm_up
from bench.records.effort import Effort
from bench.records.plan import Scenario

from ..fixtures import EFFORT, ScriptedSession
from .lanes import make_lane

ISSUES: dict[Scenario, Closed | AllDue] = {
    "single_stream": Closed(),
    "multi_stream": Closed(rows_per_query=3),
    "offline": AllDue(),
}
LEAST = {"single_stream": 200, "multi_stream": 662 * 3, "offline": 20}
# One query per window once the loaded set is through.
SHORT = msgspec.structs.replace(EFFORT, window_s=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.sampled_from(list(ISSUES.values())))
def test_the_first_window_covers_the_loaded_set(count: int, batch: int, issue: Closed | AllDue) -> None:
    session = ScriptedSession()
    announced: list[int] = []
    lane = make_lane([session], issue, count=count, batch=batch)
    warm_up(lane, SHORT, lambda expected_s: announced.append(len(session.seen)))
    _pilot, first, second, *_ = announced
    seen = {int(sample) for fed in session.seen[first:second] for sample in fed["x"]}
    assert seen == set(range(count))


@pytest.mark.parametrize("issue", ISSUES.values())
def test_ten_windows_of_whole_queries_are_announced_before_they_run(
    issue: Closed | AllDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warmup, "_LEAST_FOR_STEADY", 10**9)  # what follows where they are not steady is tried below
    per_query = issue.rows_per_query if isinstance(issue, Closed) else 1
    session = ScriptedSession()
    announced: list[tuple[int, float]] = []
    effort = msgspec.structs.replace(SHORT, window_batches=50)
    warm = warm_up(
        make_lane([session], issue), effort, lambda expected_s: announced.append((len(session.seen), expected_s))
    )
    starts = [rows for rows, _ in announced] + [len(session.seen)]
    lengths = [after - before for before, after in pairwise(starts)]
    assert lengths[0] == per_query
    assert len(lengths) == 1 + 10
    assert all(length >= 50 and length % per_query == 0 for length in lengths[2:])
    assert warm.rows == sum(lengths[1:])
    assert announced[0][1] == 0.0
    assert all(expected_s > 0 for _, expected_s in announced[1:])
    assert 0 <= warm.cut <= warm.rows
    assert warm.row_s > 0


@pytest.mark.parametrize(
    ("slow_rounds", "steady"),
    [(0, True), (1, True), (2, True), (3, False), (9, False)],
)
def test_it_goes_on_while_it_is_not_steady_three_times_at_most(
    monkeypatch: pytest.MonkeyPatch, slow_rounds: int, steady: bool
) -> None:
    """A round that is not steady becomes faster by half in its last fifth."""
    windows, rng = 0, np.random.default_rng(0)

    def window(lane: Lane, rows: int) -> tuple[Timeline, float]:
        nonlocal windows
        windows += 1
        timeline = in_memory(100)
        slow = windows <= 10 * slow_rounds and (windows - 1) % 10 < 8
        timeline.started[:] = 0
        timeline.ended[:] = rng.integers(900, 1100, 100) * (2 if slow else 1)
        return timeline, 1e-5

    monkeypatch.setattr(warmup, "_window", window)
    monkeypatch.setattr(warmup, "_first_query_s", lambda lane: 0.0)
    warm = warm_up(make_lane([ScriptedSession()], Closed()), EFFORT)
    rounds = min(slow_rounds + 1, 3)
    assert (windows, warm.rows, warm.steady) == (10 * rounds, 1000 * rounds, steady)
    assert (warm.cut > 1000 * (rounds - 1) + 500) == (not steady), "what is told is where the steady part begins"
    assert warm.cut >= 1000 * (rounds - 1)


def test_too_few_rows_for_the_test_say_nothing_about_steadiness() -> None:
    assert warm_up(make_lane([ScriptedSession()], Closed()), SHORT).steady is None


@given(
    st.sampled_from(list(ISSUES)),
    st.floats(1e-9, 1e3),
    st.floats(0.01, 600.0),
    st.floats(0.01, 600.0),
)
def test_measured_rows_are_whole_queries_within_the_limits(
    scenario: Scenario, row_s: float, duration_s: float, longest_s: float
) -> None:
    effort = msgspec.structs.replace(EFFORT, duration_s=duration_s, longest_s=longest_s)
    issue = ISSUES[scenario]
    per_query = issue.rows_per_query if isinstance(issue, Closed) else 1
    rows, cut_short = measured_rows(make_lane([ScriptedSession()], issue), scenario, effort, row_s)
    assert rows % per_query == 0
    assert per_query <= rows <= MOST_ROWS
    assert (rows - per_query) * row_s <= longest_s * (1 + 1e-9)
    enough_time = rows * row_s >= duration_s or rows + per_query > MOST_ROWS or (rows + per_query) * row_s > longest_s
    assert enough_time
    assert (rows < LEAST[scenario]) == cut_short


def test_a_slow_engine_gets_the_rows_its_metric_needs_or_is_cut_short() -> None:
    def rows(scenario: Scenario, row_s: float) -> tuple[int, bool]:
        effort = Effort(
            repetitions=(1,), duration_s=2.0, longest_s=30.0, window_s=0.1, window_batches=1, half_width=None
        )
        return measured_rows(make_lane([ScriptedSession()], ISSUES[scenario]), scenario, effort, row_s)

    assert rows("single_stream", 0.001) == (math.ceil(1.05 * 2.0 / 0.001), False)
    assert rows("single_stream", 0.1) == (200, False)
    assert rows("single_stream", 0.5) == (60, True)
    assert rows("multi_stream", 0.01) == (662 * 3, False)
    assert rows("offline", 100.0) == (1, True)
