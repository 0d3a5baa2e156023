"""`bench.scoring.busy`: honest timelines pass, each kind of forgery is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.numbers import Check
from bench.scoring.busy import closed_loop_check, worker_checks
from bench.scoring.columns import Columns

from .reference import closed_loop, make_columns

INTERVALS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(0, 15)), min_size=1, max_size=25
)  # worker, start, length


def from_intervals(intervals: list[tuple[int, int, int]]) -> Columns:
    rows = [(0, start, start + length, i, 0) for i, (_, start, length) in enumerate(intervals)]
    return make_columns(rows, worker=[worker for worker, _, _ in intervals])


def checks(columns: Columns, elapsed_ns: int) -> dict[str, Check]:
    return {check.name: check for check in worker_checks(columns, elapsed_ns)}


def honest(n: int = 2000, workers: int = 3) -> Columns:
    """Each worker takes a batch of 4 as soon as it has finished the one before."""
    random = np.random.default_rng(1)
    service = random.integers(900, 1100, (n, workers))
    ended = np.cumsum(service + 5, axis=0)
    rows = [(0, int(e - s), int(e), 0, 0) for e, s in zip(ended.ravel(), service.ravel(), strict=True)]
    made = make_columns(rows, worker=list(range(workers)) * n, queries=[4] * n * workers)
    order = np.argsort(made.started_ns)
    return replace(made, **{name: getattr(made, name)[order] for name in ("started_ns", "ended_ns", "worker")})


def test_an_honest_run_passes() -> None:
    columns = honest()
    elapsed = columns.elapsed_ns + 100
    found = checks(columns, elapsed)
    assert all(check.ok for check in found.values())
    assert found["worker-busy-share"].seen == pytest.approx(1000 / 1005, rel=1e-3)
    loop = closed_loop_check(columns, columns.rows * 4e9 / elapsed, elapsed)
    assert loop.ok
    assert loop.seen < 1e-9
    assert loop.limit == 0.01


def slow_overlap(intervals: list[tuple[int, int, int]]) -> int:
    pairs = [(a, b) for i, a in enumerate(intervals) for b in intervals[:i] if a[0] == b[0]]
    shared = [min(a[1] + a[2], b[1] + b[2]) - max(a[1], b[1]) for a, b in pairs]
    return max([0, *shared])


@given(INTERVALS)
def test_overlap_and_share_against_a_loop(intervals: list[tuple[int, int, int]]) -> None:
    found = checks(from_intervals(intervals), 100)
    assert found["worker-overlap"].seen == slow_overlap(intervals)
    assert found["worker-overlap"].ok == (slow_overlap(intervals) == 0)
    per_worker = [sum(length for worker, _, length in intervals if worker == w) for w in range(3)]
    assert found["worker-busy-share"].seen == max(per_worker) / 100
    assert found["interval-order"].ok


@given(INTERVALS, st.integers(1, 100))
def test_closed_loop_against_a_loop(intervals: list[tuple[int, int, int]], elapsed: int) -> None:
    ticks = {(w, t) for w, start, length in intervals for t in range(start, min(start + length, elapsed))}
    service = sum(length for _, _, length in intervals) / len(intervals)
    rate = len(intervals) / elapsed
    left, right = rate * service, len(ticks) / elapsed
    expected = abs(left / right - 1) if right else float(left > 0)
    found = closed_loop_check(from_intervals(intervals), rate * 1e9, elapsed)
    assert found.seen == pytest.approx(expected, abs=1e-9)


def test_a_forged_rate_is_found() -> None:
    columns = honest()
    elapsed = columns.elapsed_ns
    for factor, ok in ((1.005, True), (1.02, False), (0.98, False)):
        assert closed_loop_check(columns, factor * columns.rows * 4e9 / elapsed, elapsed).ok is ok


def test_forged_times_are_found() -> None:
    columns = closed_loop(np.full(1000, 1000), gap_ns=10)
    elapsed = columns.elapsed_ns
    longer = replace(columns, started_ns=columns.started_ns - 500)
    assert checks(longer, elapsed)["worker-overlap"] == Check(name="worker-overlap", seen=490.0, limit=0.0, ok=False)
    assert not checks(longer, elapsed)["worker-busy-share"].ok
    assert not closed_loop_check(longer, 1e12 / elapsed, elapsed).ok
    # A clock that runs twice as fast: the harness's own elapsed time gives it away.
    assert not checks(columns, elapsed // 2)["worker-busy-share"].ok
    assert not closed_loop_check(columns, 1e12 / (elapsed // 2), elapsed // 2).ok
    backwards = replace(columns, ended_ns=np.where(np.arange(1000) == 7, 0, columns.ended_ns))
    assert checks(backwards, elapsed)["interval-order"] == Check(name="interval-order", seen=1.0, limit=0.0, ok=False)


def test_one_row_and_no_time() -> None:
    one = make_columns([(0, 0, 10, 0, 0)])
    assert all(check.ok for check in worker_checks(one, 10))
    assert closed_loop_check(one, 1e8, 10).ok
    idle = make_columns([(0, 5, 5, 0, 0)])
    assert closed_loop_check(idle, 1e8, 10).seen == 0.0


def test_malformed() -> None:
    one = make_columns([(0, 0, 10, 0, 0)])
    for elapsed in (0, -5):
        with pytest.raises(ValueError, match="`elapsed_ns` is"):
            worker_checks(one, elapsed)
    for rate in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="`queries_per_s` is"):
            closed_loop_check(one, rate, 10)
