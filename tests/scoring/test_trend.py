"""Mann and Kendall's test: an example from a book, false alarms, power, and what it cannot say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.scoring.trend import mann_kendall, parts


@pytest.mark.parametrize("seed", range(5))
def test_it_is_kendalls_tau_against_time(seed: int) -> None:
    """scipy's normal approximation is without the correction for continuity, so p lies just below ours."""
    values = np.random.default_rng(seed).normal(size=60) + np.arange(60) * 0.01
    theirs = stats.kendalltau(np.arange(60), values, method="asymptotic").pvalue
    assert theirs <= mann_kendall(values) == pytest.approx(theirs, abs=0.02)


def test_it_cries_wolf_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    alarms = sum(mann_kendall(rng.normal(size=60)) < 0.05 for _ in range(1000))
    assert 25 <= alarms <= 75


def test_it_sees_a_drift_through_noise() -> None:
    rng = np.random.default_rng(2)
    found = sum(mann_kendall(rng.normal(1.0, 0.02, 60) * np.linspace(1.0, 0.95, 60)) < 0.01 for _ in range(100))
    assert found >= 95


def test_what_it_cannot_say() -> None:
    assert mann_kendall(np.arange(9.0)) == 1.0
    assert mann_kendall(np.full(50, 3.0)) == 1.0
    assert mann_kendall(np.arange(50.0)) < 1e-10
    assert mann_kendall(np.arange(50.0)[::-1]) < 1e-10


def test_parts_are_means_in_order() -> None:
    assert parts(np.arange(120.0)).tolist() == [0.5 + 2 * step for step in range(60)]
    assert parts(np.arange(5.0)).tolist() == [0, 1, 2, 3, 4]
