"""`bench.scoring.columns`: validation, latencies, and queries split over several rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scoring.columns import FAILED_NS, is_sorted, latencies, per_query

from .reference import make_columns

ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(10, 19), st.integers(20, 99), st.integers(0, 8), st.integers(0, 1)),
    min_size=1,
    max_size=40,
)


def test_latencies() -> None:
    found = latencies(np.array([0, 5, 9]), np.array([4, 50, 9]), np.array([0, 3, 0], np.uint8))
    assert found.tolist() == [4, FAILED_NS, 0]


def test_a_failed_query_may_lack_an_end_but_a_successful_one_may_not() -> None:
    assert latencies(np.array([5]), np.array([0]), np.array([1], np.uint8)).tolist() == [FAILED_NS]
    with pytest.raises(ValueError, match="query 1 ends at 3 ns, before its beginning at 5 ns"):
        latencies(np.array([0, 5]), np.array([4, 3]), np.array([0, 0], np.uint8))


def test_latencies_of_different_shapes() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        latencies(np.array([0, 5]), np.array([4]), np.array([0], np.uint8))


@given(st.lists(st.integers(-5, 5)))
def test_is_sorted(values: list[int]) -> None:
    assert is_sorted(np.array(values, np.int64)) == (values == sorted(values))


@given(ROWS)
def test_per_query_against_a_loop(rows: list[tuple[int, int, int, int, int]]) -> None:
    found = per_query(make_columns(rows))
    groups = {query: [row for row in rows if row[3] == query] for query in sorted({row[3] for row in rows})}
    assert found.first_query.tolist() == list(groups)
    assert found.scheduled_ns.tolist() == [min(row[0] for row in group) for group in groups.values()]
    assert found.started_ns.tolist() == [min(row[1] for row in group) for group in groups.values()]
    assert found.ended_ns.tolist() == [max(row[2] for row in group) for group in groups.values()]
    assert found.status.tolist() == [max(row[4] for row in group) for group in groups.values()]
    assert found.queries.tolist() == [1] * len(groups)


def test_one_row_per_query_is_not_copied() -> None:
    columns = make_columns([(0, 1, 2, 0, 0), (2, 3, 4, 1, 0)])
    assert per_query(columns) is columns


def test_a_row_of_several_queries_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="a row holds 3 queries"):
        per_query(make_columns([(0, 1, 2, 0, 0)], queries=[3]))


def test_elapsed_counts_from_the_first_scheduled() -> None:
    columns = make_columns([(100, 101, 150, 0, 0), (150, 151, 190, 1, 0)])
    assert (columns.elapsed_ns, columns.rows) == (90, 2)


def test_malformed_columns() -> None:
    good = make_columns([(0, 1, 2, 0, 0), (2, 3, 4, 1, 0)])
    with pytest.raises(ValueError, match="at least one row"):
        make_columns([])
    with pytest.raises(ValueError, match=r"column `ended_ns` has shape \(1,\)"):
        replace(good, ended_ns=good.ended_ns[:1])
    with pytest.raises(ValueError, match="column `started_ns` is float64, expected int64"):
        replace(good, started_ns=np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="column `started_ns` is int32, expected int64"):
        replace(good, started_ns=good.started_ns.astype(np.int32))
    with pytest.raises(ValueError, match="column `worker` is float64, expected integers"):
        replace(good, worker=np.zeros(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`samples_per_query` is 0"):
        replace(good, samples_per_query=0)
    with pytest.raises(ValueError, match="at least one row"):
        replace(good, scheduled_ns=np.zeros((2, 2), np.int64))
