"""`bench.scoring.differences` against scipy, plain loops and simulation; the figures that measurement.md states."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.scoring.differences import (
    MOST_REPETITIONS,
    Difference,
    Scatter,
    deciding_repetitions,
    holm,
    interval,
    judged,
    log_scatter_of,
    probability,
    scatter_of,
    share_limit,
    welch,
)

REPETITIONS = st.lists(st.floats(0.5, 2.0), min_size=2, max_size=12)
ALPHA = 0.05


def difference(first: object, second: object) -> Difference:
    return welch(log_scatter_of(first), log_scatter_of(second))  # type: ignore[arg-type]


@given(REPETITIONS, REPETITIONS, st.sampled_from([0.9, 0.95, 1 - 0.05 / 3]))
def test_interval_is_scipys(first: list[float], second: list[float], confidence: float) -> None:
    if np.ptp(first) < 1e-6 or np.ptp(second) < 1e-6:
        return  # scipy warns of cancellation there
    reference = stats.ttest_ind(np.log(second), np.log(first), equal_var=False).confidence_interval(confidence)
    assert np.allclose(interval(difference(first, second), confidence), reference, rtol=1e-9, atol=1e-12)


@given(REPETITIONS, REPETITIONS, st.floats(0.0, 0.3), st.floats(0.001, 0.5))
def test_verdict_is_where_the_interval_lies(
    first: list[float], second: list[float], margin: float, alpha: float
) -> None:
    found = difference(first, second)
    low, high = interval(found, 1 - alpha)
    if min(abs(end - bound) for end in (low, high) for bound in (-margin, margin)) < 1e-9:
        return  # on a margin: rounding decides
    expected = "inconclusive"
    if low > margin:
        expected = "better"
    elif high < -margin:
        expected = "worse"
    elif -margin < low and high < margin:
        expected = "same"
    assert judged(*probability(found, margin), alpha) == expected


@given(REPETITIONS, REPETITIONS, st.floats(0.0, 0.3))
def test_changing_places_turns_the_verdict(first: list[float], second: list[float], margin: float) -> None:
    turned = {"better": "worse", "worse": "better"}
    one, least = probability(difference(first, second), margin)
    other, least_other = probability(difference(second, first), margin)
    assert least == pytest.approx(least_other, abs=1e-12)
    if least < 1.0:
        assert turned.get(str(one), str(one)) == other


def test_one_repetition_is_not_judged() -> None:
    found = difference([1.0], [2.0, 2.1, 2.2])
    assert judged(*probability(found, 0.02), ALPHA) == "not-judged"
    assert np.isnan(interval(found, 0.95)).all()
    assert np.isnan(deciding_repetitions(log_scatter_of([1.0]), log_scatter_of([2.0, 2.1]), 0.02, ALPHA))


@pytest.mark.parametrize(("second", "verdict"), [(4.0, "same"), (5.0, "better"), (3.0, "worse")])
def test_repetitions_without_scatter_are_what_they_are(second: float, verdict: str) -> None:
    found = difference([4.0] * 5, [second] * 5)
    assert judged(*probability(found, 0.02), ALPHA) == verdict


def test_without_scatter_on_the_margin_nothing_is_decided() -> None:
    edge = welch(scatter_of([0.0, 0.0]), scatter_of([0.25, 0.25]))
    assert judged(*probability(edge, 0.25), ALPHA) == "inconclusive"
    assert judged(*probability(welch(scatter_of([0.0, 0.0]), scatter_of([0.0, 0.0])), 0.0), ALPHA) == "inconclusive"


def holm_by_hand(values: list[float]) -> list[float]:
    adjusted, before = [math.nan] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        before = max(before, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = before
    return adjusted


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_holm_is_holms(values: list[float]) -> None:
    assert holm(values).tolist() == pytest.approx(holm_by_hand(values))
    # What is not judged is no member of the family.
    assert holm([*values, math.nan]).tolist()[:-1] == pytest.approx(holm_by_hand(values))


def test_pairs_are_judged_at_once_as_one_by_one() -> None:
    draws = np.random.default_rng(3).normal(0.0, 0.03, (2, 200, 5))
    whole = welch(scatter_of(draws[0]), scatter_of(draws[1]))
    pointed, least = probability(whole, 0.02)
    for i in range(200):
        one = welch(scatter_of(draws[0, i]), scatter_of(draws[1, i]))
        word, alone = probability(one, 0.02)
        assert (str(word), float(alone)) == (pointed[i], pytest.approx(least[i]))


@given(REPETITIONS, REPETITIONS, st.floats(0.0, 0.2))
def test_deciding_repetitions_are_the_least_that_do(first: list[float], second: list[float], margin: float) -> None:
    one, other = log_scatter_of(first), log_scatter_of(second)
    k = float(deciding_repetitions(one, other, margin, ALPHA))
    gap = abs(abs(float(other.mean - one.mean)) - margin)

    def enough(count: float) -> bool:
        many = [Scatter(mean=arm.mean, deviation=arm.deviation, count=np.asarray(count)) for arm in (one, other)]
        found = welch(*many)
        needed = stats.t.ppf(1 - ALPHA / 2, found.degrees) + stats.t.ppf(0.8, found.degrees)
        return bool(needed * found.error <= gap * (1 + 1e-12)) and gap > 0

    assert enough(k) if math.isfinite(k) else not enough(MOST_REPETITIONS * (1 - 1e-9))
    if math.isfinite(k) and k > 2:
        assert not enough((k - 1) * (1 - 1e-9))


@pytest.mark.parametrize(("k", "stated"), [(3, 0.22), (5, 0.52), (12, 0.94)])
def test_power_that_the_definitions_state(k: int, stated: float) -> None:
    """A latency 5 % up at CV 2 % and a margin of 2 % (measurement.md, section 6)."""
    draws = np.random.default_rng(k).normal(0.0, 0.02, (2, 40_000, k))
    found = welch(scatter_of(draws[0]), scatter_of(draws[1] - math.log(1.05)))
    share = np.mean(judged(*probability(found, 0.02), ALPHA) == "worse")
    assert share == pytest.approx(stated, abs=0.03)


@pytest.mark.parametrize("truth", [0.0, -0.02, 0.02, -0.03])
def test_wrong_verdicts_of_a_report_stay_within_alpha(truth: float) -> None:
    """Ten metrics a report: any verdict that is not so, in at most 5 % of the reports, wherever the truth lies."""
    draws = np.random.default_rng(7).normal(0.0, 0.02, (2, 4000, 10, 5))
    found = welch(scatter_of(draws[0]), scatter_of(draws[1] + truth))
    pointed, least = probability(found, 0.02)
    verdicts = judged(pointed, holm(least), ALPHA)
    right = {0.0: "same", -0.03: "worse"}.get(truth)
    wrong = np.any((verdicts != "inconclusive") & (verdicts != right), axis=-1)
    assert stats.binomtest(int(wrong.sum()), wrong.size, ALPHA, alternative="greater").pvalue > 1e-4


@given(st.integers(0, 500), st.integers(1, 500), st.sampled_from([0.9, 0.95, 0.99]))
def test_share_limit_is_clopper_and_pearsons(hits: int, trials: int, confidence: float) -> None:
    hits = min(hits, trials)
    reference = stats.binomtest(hits, trials, alternative="less").proportion_ci(confidence, method="exact")
    assert share_limit(hits, trials, confidence) == pytest.approx(reference.high)


def test_share_limits_of_the_calibration() -> None:
    assert share_limit(0, 149) <= 0.02 < share_limit(0, 148)
    assert share_limit(4, 456) <= 0.0201


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.inf]])
def test_what_is_no_number_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        scatter_of(np.asarray(values))


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        log_scatter_of([1.0, 0.0])
    with pytest.raises(ValueError, match="margin"):
        probability(difference([1.0, 1.1], [1.0, 1.2]), -0.1)
    with pytest.raises(ValueError, match="hits"):
        share_limit(3, 2)
