"""Ranking ten thousand systems by all pairs, fifty million of them, with the intervals of their composites."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.scoring.ranking import Terms, composite, ranks

SYSTEMS, TERMS, REPETITIONS = 10_000, 7, 5


def rank_all(terms: Terms) -> None:
    scores = composite(terms, np.full(TERMS, 1 / TERMS))
    ranks(scores, 0.05, 0.02)
    scores.ends()


@pytest.mark.perf
@pytest.mark.parametrize("spread", [0.0, 0.3])  # all alike; a market
def test_ten_thousand_systems(benchmark: BenchmarkFixture, spread: float) -> None:
    rng = np.random.default_rng(1)
    logs = spread * rng.normal(size=(SYSTEMS, TERMS, 1)) + 0.01 * rng.normal(size=(SYSTEMS, TERMS, REPETITIONS))
    terms = Terms(
        mean=logs.mean(axis=2),
        variance=logs.var(axis=2, ddof=1) / REPETITIONS,
        degrees=np.full((SYSTEMS, TERMS), REPETITIONS - 1.0),
        resolution=np.zeros((SYSTEMS, TERMS)),
    )
    benchmark.pedantic(rank_all, args=(terms,), rounds=2)
