"""`bench.scoring.quality`: published tables, scipy, and the power and error rates that the verdict promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.records.numbers import PairedCounts
from bench.scoring.quality import paired_counts, paired_interval, quality_verdict, samples_needed, wilson

from .reference import covers_as_claimed

COUNTS = st.builds(
    PairedCounts,
    both=st.integers(0, 500),
    gained=st.integers(0, 50),
    lost=st.integers(0, 50),
    neither=st.integers(1, 500),
)


@given(st.integers(1, 10**6), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_against_scipy(n: int, share: float, confidence: float) -> None:
    successes = round(share * n)
    expected = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    found = wilson(successes, n, confidence)
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert 0.0 <= found.low <= successes / n <= found.high <= 1.0


@given(st.integers(1, 1000), st.floats(0, 1))
def test_wilson_mirrors(n: int, share: float) -> None:
    successes = round(share * n)
    found, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


def test_wilson_ends_are_exact() -> None:
    assert wilson(0, 10).low == 0.0
    assert wilson(10, 10).high == 1.0


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_wilson_malformed(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
        wilson(successes, n)


# Newcombe (1998), Stat. Med. 17:2635-2650, method 10 for tables (e, f, g, h), as the R package propint quotes it; and
# Cavo et al. (2012), as the tests of the R package contingencytables (Fagerland, Lydersen, Laake, ch. 8) have it.
@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((18, 12, 2, 18), 0.0562, 0.3290),
        ((53, 0, 0, 1), -0.0729, 0.0729),
        ((0, 30, 0, 0), 0.8395, 1.0),
        ((59, 6, 16, 80), -0.1186, -0.0046),
    ],
)
def test_newcombe_against_published_tables(table: tuple[int, int, int, int], low: float, high: float) -> None:
    both, gained, lost, neither = table
    found = paired_interval(PairedCounts(both=both, gained=gained, lost=lost, neither=neither))
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)
    assert found.kind == "newcombe-paired"


@given(COUNTS)
def test_paired_interval_is_antisymmetric_and_holds_the_difference(counts: PairedCounts) -> None:
    swapped = PairedCounts(both=counts.both, gained=counts.lost, lost=counts.gained, neither=counts.neither)
    found, mirrored = paired_interval(counts), paired_interval(swapped)
    assert found.low == pytest.approx(-mirrored.high, abs=1e-12)
    assert -1.0 <= found.low <= (counts.gained - counts.lost) / counts.total <= found.high <= 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_paired_counts_against_a_loop(pairs: list[tuple[bool, bool]]) -> None:
    candidate, reference = np.array(pairs).T
    assert paired_counts(candidate, reference) == PairedCounts(
        both=pairs.count((True, True)),
        gained=pairs.count((True, False)),
        lost=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )


def test_samples_needed_gives_the_page_s_figures() -> None:
    assert samples_needed(0.99, 0.9) == 2290
    assert samples_needed(0.999, 0.9) == 228_984  # "229 000"
    assert samples_needed(0.99, 0.9, discordant=0.12) == pytest.approx(4 * 2290, abs=4)
    assert samples_needed(0.99, 0.9, power=0.9) > 2290


def draw(
    random: np.random.Generator, n: int, trials: int, lost: float, gained: float, right: float = 0.9
) -> list[PairedCounts]:
    """Tables of `n` matched answers whose reference is right with probability `right`."""
    shares = [right - lost, gained, lost, 1.0 - right - gained]
    return [
        PairedCounts(both=int(b), gained=int(g), lost=int(x), neither=int(r))
        for b, g, x, r in random.multinomial(n, shares, size=trials)
    ]


def test_power_is_80_percent_at_the_least_size() -> None:
    trials, n = 4000, samples_needed(0.99, 0.9)
    tables = draw(np.random.default_rng(1), n, trials, 0.015, 0.015)
    passed = sum(paired_interval(table, 0.9).low > -0.01 * (table.both + table.lost) / n for table in tables)
    assert covers_as_claimed(passed, trials, 0.78, 0.82)


def test_a_candidate_at_the_allowance_passes_in_one_of_twenty() -> None:
    trials, n = 4000, 2290
    tables = draw(np.random.default_rng(2), n, trials, 0.0195, 0.0105)  # truly 1 % of 0.9 worse
    passed = sum(paired_interval(table, 0.9).low > -0.01 * (table.both + table.lost) / n for table in tables)
    assert covers_as_claimed(passed, trials, 0.03, 0.06)


@pytest.mark.parametrize(("lost", "gained", "right"), [(0.02, 0.02, 0.9), (0.05, 0.01, 0.7), (0.01, 0.01, 0.97)])
def test_coverage_of_the_paired_interval(lost: float, gained: float, right: float) -> None:
    trials = 3000
    tables = draw(np.random.default_rng(3), 800, trials, lost, gained, right)
    hits = sum(found.low <= gained - lost <= found.high for found in map(paired_interval, tables))
    assert covers_as_claimed(hits, trials, 0.94, 0.97)


def answers(both: int, gained: int, lost: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    candidate = np.r_[np.ones(both), np.ones(gained), np.zeros(lost), np.zeros(neither)].astype(bool)
    reference = np.r_[np.ones(both), np.zeros(gained), np.ones(lost), np.zeros(neither)].astype(bool)
    return candidate, reference


def test_verdict_on_equal_answers() -> None:
    found = quality_verdict(*answers(2070, 0, 0, 230), target=0.88, share=0.99)
    assert (found.offered, found.target_met, found.passed) == (True, True, True)
    assert (found.value, found.reference, found.samples_needed) == (0.9, 0.9, 2290)
    assert found.allowance == pytest.approx(-0.009)
    assert found.allowance < found.difference.low < 0.0


def test_verdict_on_a_loss() -> None:
    found = quality_verdict(*answers(2035, 15, 35, 215), target=0.88, share=0.99)
    assert (found.target_met, found.offered, found.passed) == (True, True, False)
    assert (found.counts.gained, found.counts.lost) == (15, 35)
    # The point estimate is inside the allowance: it is the limit that decides.
    assert found.allowance < found.value - found.reference


def test_verdict_under_the_absolute_target() -> None:
    assert quality_verdict(*answers(2070, 0, 0, 230), target=0.91, share=0.99).passed is False
    # A set too small to offer the class can still say no.
    assert quality_verdict(*answers(80, 0, 0, 20), target=0.9, share=0.99).passed is False


def test_verdict_where_the_class_is_not_offered() -> None:
    small = quality_verdict(*answers(900, 0, 0, 100), target=0.88, share=0.99)
    assert (small.offered, small.passed) == (False, None)
    large = quality_verdict(*answers(2070, 0, 0, 230), target=0.88, share=0.999)
    assert (large.offered, large.passed, large.samples_needed) == (False, None, 228_984)


def test_verdict_on_a_reference_that_is_never_right() -> None:
    found = quality_verdict(np.ones(100, bool), np.zeros(100, bool), target=0.5, share=0.99)
    assert (found.samples_needed, found.offered, found.passed) == (None, False, None)


def test_malformed() -> None:
    right = np.ones(10, bool)
    for other in (np.ones(9, bool), np.ones((10, 1), bool)):
        with pytest.raises(ValueError, match="expected the same"):
            paired_counts(right, other)
    with pytest.raises(ValueError, match="expected the same"):
        paired_counts(right[:0], right[:0])
    with pytest.raises(ValueError, match="expected bool"):
        paired_counts(right, np.full(10, math.nan))
    for share in (0.0, 1.0, 99.0, math.nan):
        with pytest.raises(ValueError, match="`share` is"):
            quality_verdict(right, right, 0.9, share)
    for target in (-0.1, 90.0, math.nan):
        with pytest.raises(ValueError, match="`target` is"):
            quality_verdict(right, right, target, 0.99)
    for reference in (0.0, 1.1, math.nan):
        with pytest.raises(ValueError, match="`reference` is"):
            samples_needed(0.99, reference)
    with pytest.raises(ValueError, match="expected 0 <= successes"):
        paired_interval(PairedCounts(both=0, gained=0, lost=0, neither=0))
