"""`bench.scoring.verification` against slow versions in plain Python, theory, and hostile input."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from bench.scoring import bootstrap
from bench.scoring.verification import (
    Pairs,
    accepted_genuine,
    rate_interval,
    receiver_curve,
    resampled_rates,
    threshold_at,
    true_accept_rate,
    verification_verdict,
)


def made(people: int, seed: int, shift: float = 2.0, probes_each: int = 1) -> Pairs:
    """Independent normal scores, genuine ones higher by `shift`."""
    rng = np.random.default_rng(seed)
    probes, references = np.repeat(np.arange(people), probes_each), np.arange(people)
    scores = rng.normal(size=(len(probes), people))
    scores[probes[:, None] == references[None, :]] += shift
    return Pairs(scores=scores, probes=probes, references=references)


def slow_rate(scores: np.ndarray, probes: list[int], references: list[int], far: float) -> float:
    """TAR by sorting in plain Python."""
    genuine, impostors = [], []
    for (i, p), (j, r) in itertools.product(enumerate(probes), enumerate(references)):
        (genuine if p == r else impostors).append(float(scores[i, j]))
    impostors.sort(reverse=True)
    threshold = impostors[math.floor(len(impostors) * far + 1e-9)]
    return sum(score > threshold for score in genuine) / len(genuine)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.integers(1, 3), st.integers(0, 1000), st.floats(0.02, 0.6), st.booleans())
def test_the_rate_is_that_of_sorting(people: int, each: int, seed: int, far: float, ties: bool) -> None:
    pairs = made(people, seed, probes_each=each)
    if ties:
        pairs = Pairs(scores=np.round(pairs.scores), probes=pairs.probes, references=pairs.references)
    slow = slow_rate(pairs.scores, pairs.probes.tolist(), pairs.references.tolist(), far)
    assert true_accept_rate(pairs, far) == slow


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 12), st.integers(0, 1000), st.floats(0.01, 0.5))
def test_the_threshold_is_the_lowest_that_keeps_the_rate(people: int, seed: int, far: float) -> None:
    pairs = made(people, seed)
    threshold = threshold_at(pairs, far)
    impostors = pairs.scores[~pairs.genuine]
    assert np.mean(impostors > threshold) <= far + 1e-9
    lower = impostors[impostors < threshold]
    if len(lower):
        assert np.mean(impostors > lower.max()) > far - 1e-9


def slow_resample(pairs: Pairs, far: float, drawn: Counter[int]) -> float:
    """TAR where every person stands there as often as drawn; copies of one person are no impostors to each other."""
    probes = [(i, p) for i, p in enumerate(pairs.probes.tolist()) for _ in range(drawn[p])]
    references = [(j, r) for j, r in enumerate(pairs.references.tolist()) for _ in range(drawn[r])]
    impostors = sorted((float(pairs.scores[i, j]) for i, p in probes for j, r in references if p != r), reverse=True)
    threshold = impostors[math.floor(len(impostors) * far + 1e-9)]
    own = [
        (float(pairs.scores[i, j]), p)
        for i, p in enumerate(pairs.probes.tolist())
        for j, r in enumerate(pairs.references.tolist())
        if p == r
    ]
    total = sum(drawn[p] for _, p in own)
    return sum(drawn[p] for score, p in own if score > threshold) / total


@pytest.mark.parametrize(("people", "each", "far"), [(12, 1, 0.05), (9, 2, 0.1), (25, 1, 0.02)])
def test_a_resample_is_that_set_of_people_written_out(people: int, each: int, far: float) -> None:
    pairs = made(people, seed=people, shift=1.0, probes_each=each)
    rates = resampled_rates(pairs, far, resamples=40)
    for number, rate in enumerate(rates):
        weights = bootstrap.drawn(people, number)
        drawn = Counter({person: int(weight) for person, weight in enumerate(weights)})
        assert drawn.total() == people
        assert rate == pytest.approx(slow_resample(pairs, far, drawn), abs=1e-12)


def test_identities_may_have_any_numbers_and_order() -> None:
    pairs = made(15, seed=3)
    order = np.random.default_rng(0).permutation(15)
    renamed = Pairs(
        scores=pairs.scores[order], probes=pairs.probes[order] * 1000 - 7, references=pairs.references * 1000 - 7
    )
    assert true_accept_rate(renamed, 0.05) == true_accept_rate(pairs, 0.05)
    np.testing.assert_array_equal(resampled_rates(renamed, 0.05, 20), resampled_rates(pairs, 0.05, 20))


def test_draws_are_always_the_same() -> None:
    """Golden: an evaluator on another version of numpy must find the same interval."""
    assert bootstrap.drawn(12, 0).tolist() == [1, 0, 1, 0, 3, 2, 0, 1, 0, 2, 1, 1]
    assert bootstrap.drawn(12, 1).tolist() == [0, 0, 1, 1, 0, 3, 0, 1, 2, 1, 0, 3]
    means = np.mean([bootstrap.drawn(50, number) for number in range(400)], axis=0)
    assert np.abs(means - 1).max() < 5 / math.sqrt(400), "each is drawn once on average"


def test_theory_and_coverage_with_normal_scores() -> None:
    far, shift = 0.01, 3.5
    truth = float(norm.sf(norm.isf(far) - shift))
    found = [made(250, seed, shift) for seed in range(60)]
    rates = np.array([true_accept_rate(pairs, far) for pairs in found])
    assert abs(rates.mean() - truth) < 4 * rates.std(ddof=1) / math.sqrt(60)
    covered = 0
    for pairs in found:
        low, high = np.quantile(resampled_rates(pairs, far, 300), [0.025, 0.975])
        covered += low <= truth <= high
    assert covered >= 51, "60 runs at 95 %: 51 or fewer come with a probability below 1 %"


def test_the_curve_is_the_rate_at_each_share_with_the_interval_of_its_own_resamples() -> None:
    pairs = made(60, seed=5, shift=2.5)
    fars = (0.2, 0.01, 0.05)
    curve = receiver_curve(pairs, fars, resamples=50)
    assert [point.far for point in curve] == sorted(fars)
    for point in curve:
        assert point.value == true_accept_rate(pairs, point.far)
        assert point.threshold == threshold_at(pairs, point.far)
        # The same draws, one share of impostors at a time.
        low, high = np.quantile(resampled_rates(pairs, point.far, 50), [0.025, 0.975])
        assert (point.interval.low, point.interval.high) == (pytest.approx(low), pytest.approx(high))
    assert [point.value for point in curve] == sorted(point.value for point in curve)


def test_a_curve_ends_where_the_impostors_do() -> None:
    pairs = made(60, seed=5)  # 3 540 impostor pairs: 30 of them are 0.85 %
    assert [point.far for point in receiver_curve(pairs, (1e-4, 8e-3, 1e-2), resamples=5)] == [1e-2]
    assert receiver_curve(pairs, (1e-4,)) == ()
    with pytest.raises(ValueError, match="far"):
        receiver_curve(pairs, (0.5, 1.0))


def test_identical_outputs_differ_by_nothing() -> None:
    pairs = made(2500, seed=1, shift=6.0)
    verdict = verification_verdict(pairs, pairs, 1e-3, target=0.95, share=0.99)
    assert (verdict.difference.low, verdict.difference.high) == (0.0, 0.0)
    assert verdict.difference.kind == "bootstrap-identities"
    assert verdict.counts.gained == verdict.counts.lost == 0
    assert verdict.counts.total == 2500
    assert verdict.value == verdict.reference == true_accept_rate(pairs, 1e-3)
    assert verdict.interval == rate_interval(pairs, 1e-3)
    assert verdict.interval.low < verdict.value < verdict.interval.high
    assert (verdict.offered, verdict.passed) == (True, True)


def test_a_loss_fails_and_a_gain_passes() -> None:
    reference = made(2500, seed=1, shift=6.0)
    worse_scores = reference.scores.copy()
    worse_scores[np.arange(75), np.arange(75)] = -9.0  # 3 % of the people are not recognised any more
    worse = Pairs(scores=worse_scores, probes=reference.probes, references=reference.references)
    assert verification_verdict(worse, reference, 1e-3, 0.9, 0.99).passed is False
    assert verification_verdict(reference, worse, 1e-3, 0.9, 0.99).passed is True
    below = verification_verdict(reference, reference, 1e-3, 0.9999, 0.99)
    assert (below.target_met, below.passed) == (False, False)


def test_one_threshold_each_so_a_monotone_change_of_scores_costs_nothing() -> None:
    reference = made(300, seed=2, shift=4.0)
    stretched = Pairs(scores=np.tanh(reference.scores / 9), probes=reference.probes, references=reference.references)
    verdict = verification_verdict(stretched, reference, 1e-2, 0.5, 0.99)
    assert (verdict.difference.low, verdict.difference.high) == (0.0, 0.0)
    np.testing.assert_array_equal(accepted_genuine(stretched, 1e-2), accepted_genuine(reference, 1e-2))


def test_too_few_people_leave_the_class_open() -> None:
    pairs = made(300, seed=4, shift=6.0)
    verdict = verification_verdict(pairs, pairs, 1e-2, 0.9, 0.99)
    assert (verdict.offered, verdict.passed) == (False, None)
    assert verdict.samples_needed is not None
    assert verdict.samples_needed > 300


def test_the_rule_of_thirty() -> None:
    pairs = made(174, seed=0)  # 174 · 173 = 30 102 impostor pairs
    assert pairs.impostors == 174 * 173
    assert pairs.supports(1e-3)
    assert not made(173, seed=0).supports(1e-3)


def test_hostile_input() -> None:
    people = np.arange(3)
    with pytest.raises(ValueError, match="NaN"):
        Pairs(scores=np.full((3, 3), np.nan), probes=people, references=people)
    with pytest.raises(ValueError, match="shape"):
        Pairs(scores=np.zeros((3, 2)), probes=people, references=people)
    with pytest.raises(ValueError, match="genuine"):
        Pairs(scores=np.zeros((3, 3)), probes=people, references=people + 10)
    with pytest.raises(ValueError, match="impostor"):
        Pairs(scores=np.zeros((1, 1)), probes=people[:1], references=people[:1])
    pairs = made(5, 0)
    for far in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="far"):
            true_accept_rate(pairs, far)
    other = Pairs(scores=pairs.scores, probes=pairs.probes + 1, references=pairs.references + 1)
    with pytest.raises(ValueError, match="same people"):
        verification_verdict(pairs, other, 0.1, 0.5, 0.99)
