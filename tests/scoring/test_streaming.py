"""A timeline scored in parts: what scoring it at once says, however it is cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scoring.columns import Columns
from bench.scoring.score import score_single_stream
from bench.scoring.server import each_query, score_trace
from bench.scoring.streaming import Part, Parts, score_streamed

from .reference import closed_loop


def parts_of(columns: Columns, cuts: list[int]) -> Parts:
    edges = sorted({0, columns.rows, *(cut for cut in cuts if cut < columns.rows)})

    def parts() -> Iterator[Part]:
        for a, b in pairwise(edges):
            yield Part(columns.scheduled_ns[a:b], columns.ended_ns[a:b], columns.status[a:b])

    return parts


SERVICES = st.lists(st.integers(1, 60) | st.integers(1, 10**7), min_size=1, max_size=400)


@given(SERVICES, st.lists(st.integers(0, 400), max_size=8), st.integers(0, 30))
@settings(max_examples=50)
def test_in_parts_as_at_once(services: list[int], cuts: list[int], failing: int) -> None:
    status = (np.random.default_rng(len(services)).random(len(services)) * 100 < failing).astype(np.uint8)
    columns = closed_loop(np.array(services), gap_ns=3, status=status)
    found, at_once = score_streamed(parts_of(columns, cuts)), score_single_stream(columns)
    assert found.metrics.keys() <= at_once.metrics.keys()
    for name, figure in found.metrics.items():
        other = at_once.metrics[name]
        assert figure.refusal == other.refusal
        assert figure.value == pytest.approx(other.value, rel=1e-12) if other.value is not None else True
        if name != "queries_per_s":  # its interval is not formed in parts
            assert (figure.interval is None) == (other.interval is None)
            if figure.interval is not None and other.interval is not None:
                assert figure.interval.low == pytest.approx(other.interval.low, rel=1e-9)
                assert figure.interval.high == pytest.approx(other.interval.high, rel=1e-9)
    for name in found.sketch.__struct_fields__:
        one, other_one = getattr(found.sketch, name), getattr(at_once.sketch, name)
        if name == "window_mean_ns":
            assert [mean is None for mean in one] == [mean is None for mean in other_one]
            one, other_one = (
                [mean or 0.0 for mean in one],
                pytest.approx([mean or 0.0 for mean in other_one], rel=1e-12),
            )
        assert one == other_one, name


def test_an_open_loop_whose_queries_end_in_another_order() -> None:
    rng = np.random.default_rng(5)
    arrivals = np.cumsum(rng.integers(1, 1000, 3000))
    queries = each_query(
        Columns(
            scheduled_ns=arrivals,
            started_ns=arrivals,
            ended_ns=arrivals + rng.integers(1, 20_000, 3000),
            first_query=np.arange(3000, dtype=np.int32),
            queries=np.ones(3000, np.int32),
            worker=np.zeros(3000, np.int16),
            status=(rng.random(3000) < 0.01).astype(np.uint8),
        ),
        arrivals,
    )
    found, at_once = score_streamed(parts_of(queries, [7, 100, 2999]), 0), score_trace(queries, 10_000)
    assert found.metrics.items() <= at_once.metrics.items()
    assert found.sketch.window_completed == at_once.sketch.window_completed
    assert found.sketch.window_max_ns == at_once.sketch.window_max_ns
    assert found.sketch.values == at_once.sketch.values


def test_malformed() -> None:
    columns = closed_loop(np.array([5, 6, 7]))
    with pytest.raises(ValueError, match="at least one"):
        score_streamed(lambda: iter(()))
    with pytest.raises(ValueError, match="precedes the start"):
        score_streamed(parts_of(columns, []), 100)
    backwards = Part(columns.ended_ns, columns.scheduled_ns, columns.status)
    with pytest.raises(ValueError, match="before its beginning"):
        score_streamed(lambda: iter([backwards]))
