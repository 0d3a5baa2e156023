"""`bench.scoring.robustness`: against scipy, and a sign test that keeps its level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.scoring.quality import paired_counts, paired_interval
from bench.scoring.robustness import larger_loss_p, loss


def answers(*shares: float, count: int = 400, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.random(count) < share for share in shares]


@given(st.integers(1, 300), st.floats(0, 1), st.floats(0, 1), st.integers(0, 99))
def test_loss_is_the_paired_difference_the_other_way_round(n: int, clean: float, stressed: float, seed: int) -> None:
    before, after = answers(clean, stressed, count=n, seed=seed)
    lost, interval = loss(before, after)
    plain = paired_interval(paired_counts(after, before))
    assert lost == pytest.approx(before.mean() - after.mean(), abs=1e-12)
    assert (interval.low, interval.high) == (-plain.high, -plain.low)
    assert interval.low - 1e-12 <= lost <= interval.high + 1e-12
    assert interval.kind == "newcombe-paired"


@given(st.integers(1, 200), st.integers(0, 99))
def test_the_sign_test_is_scipys(n: int, seed: int) -> None:
    clean, stressed, other, spoilt = answers(0.9, 0.5, 0.9, 0.6, count=n, seed=seed)
    excess = (clean.astype(int) - stressed) - (other.astype(int) - spoilt)
    more, fewer = int((excess > 0).sum()), int((excess < 0).sum())
    expected = stats.binomtest(more, more + fewer, alternative="greater").pvalue if more + fewer else 1.0
    assert larger_loss_p(clean, stressed, other, spoilt) == pytest.approx(expected, abs=1e-12)


def test_who_loses_the_same_samples_loses_no_more() -> None:
    clean, stressed = answers(0.9, 0.5)
    assert larger_loss_p(clean, stressed, clean, stressed) == 1.0


def test_who_is_worse_but_loses_as_much_loses_no_more() -> None:
    clean, stressed = np.ones(300, bool), np.arange(300) >= 60
    weaker = np.arange(300) < 270
    assert larger_loss_p(weaker, weaker & stressed, clean, stressed) == 1.0


def test_the_level_is_kept_where_both_are_alike() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(400):
        hard = rng.random(200)
        clean, other = (hard + rng.normal(0, 0.05, 200) < 0.9 for _ in range(2))
        stressed, spoilt = (hard + rng.normal(0, 0.05, 200) < 0.6 for _ in range(2))
        found += larger_loss_p(clean, stressed, other, spoilt) < 0.05
    assert found <= 0.05 * 400 + 3 * np.sqrt(0.05 * 0.95 * 400)


@pytest.mark.parametrize("bad", [np.zeros(3, bool), np.zeros(4, int), np.zeros((4, 1), bool)])
def test_malformed_answers_are_refused(bad: np.ndarray) -> None:
    good = np.zeros(4, bool)
    with pytest.raises(ValueError, match="expected"):
        loss(good, bad)
    with pytest.raises(ValueError, match="expected"):
        larger_loss_p(good, good, good, bad)
