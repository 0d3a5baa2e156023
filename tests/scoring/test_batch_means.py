"""`bench.scoring.batch_means`: against loops and scipy, coverage where it is claimed, refusals where it is not."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.records.numbers import Interval, Refusal
from bench.scoring.batch_means import batch_means_mean, batch_means_percentile, batch_means_rate, lag1
from bench.scoring.columns import FAILED_NS

from .reference import covers_as_claimed, slow_batches, t_half_width

SERIES = st.lists(st.integers(1, 10**9), min_size=20, max_size=120)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=40))
def test_lag1_against_a_loop(values: list[float]) -> None:
    middle = sum(values) / len(values)
    total = sum((x - middle) ** 2 for x in values)
    if total > 1e-6:
        cross = sum((a - middle) * (b - middle) for a, b in pairwise(values))
        assert lag1(np.array(values)) == pytest.approx(cross / total, abs=1e-6)


@given(SERIES)
def test_mean_against_a_loop(values: list[int]) -> None:
    found = batch_means_mean(np.array(values))
    means = [sum(batch) / len(batch) for batch in slow_batches(values)]  # type: ignore[arg-type]
    if isinstance(found, Refusal):
        assert found.code == "interval-not-supported"
        assert found.seen == pytest.approx(lag1(np.array(means)))
        assert found.seen > 0.3
    else:
        middle, half = sum(values) / len(values), t_half_width(means)
        assert found.low == pytest.approx(middle - half, rel=1e-9, abs=1e-3)
        assert found.high == pytest.approx(middle + half, rel=1e-9, abs=1e-3)


@given(SERIES, st.integers(1, 1000))
def test_mean_scales(values: list[int], scale: int) -> None:
    base, scaled = batch_means_mean(np.array(values)), batch_means_mean(np.array(values) * scale)
    assert isinstance(base, Interval) == isinstance(scaled, Interval)
    if isinstance(base, Interval) and isinstance(scaled, Interval):
        assert scaled.low == pytest.approx(base.low * scale, rel=1e-6, abs=1)


@given(st.lists(st.integers(1, 10**6), min_size=200, max_size=600), st.sampled_from([0.5, 0.75]))
@settings(max_examples=40)
def test_percentile_against_a_loop(values: list[int], p: float) -> None:
    found = batch_means_percentile(np.array(values), p)
    if isinstance(found, Refusal):
        return
    ordered, n = sorted(values), len(values)
    q = ordered[math.floor(n * p)]
    half = t_half_width([sum(x > q for x in batch) / len(batch) for batch in slow_batches(values)])  # type: ignore[arg-type]
    assert found.low == pytest.approx(ordered[max(0, math.floor(n * (p - half)))])
    assert found.high == pytest.approx(ordered[min(n - 1, math.ceil(n * (p + half)))])
    assert found == batch_means_percentile(np.array(values), p, sorted_latency_ns=np.array(ordered))


def test_percentile_follows_any_increasing_change_of_scale() -> None:
    values = np.random.default_rng(4).integers(1, 10**6, 4000)
    base, squared = batch_means_percentile(values, 0.9), batch_means_percentile(values**2, 0.9)
    assert isinstance(base, Interval)
    assert isinstance(squared, Interval)
    assert (squared.low, squared.high) == (base.low**2, base.high**2)


def coverage(found: list[Interval | Refusal], truth: float) -> tuple[int, int]:
    given = [entry for entry in found if isinstance(entry, Interval)]
    return sum(entry.low <= truth <= entry.high for entry in given), len(given)


def test_coverage_of_independent_latencies() -> None:
    trials, random = 800, np.random.default_rng(5)
    draws = random.exponential(1e6, (trials, 2000)).astype(np.int64)
    means = coverage([batch_means_mean(row) for row in draws], 1e6)
    medians = coverage([batch_means_percentile(row, 0.5) for row in draws], 1e6 * math.log(2))
    nineties = coverage([batch_means_percentile(row, 0.9) for row in draws], 1e6 * math.log(10))
    for hits, number in (means, medians, nineties):
        assert number > 0.85 * trials  # an independent series is refused by chance only
        assert covers_as_claimed(hits, number, 0.93, 0.975)


def test_coverage_of_a_correlated_series() -> None:
    # AR(1), ρ = 0.8: an interval that takes values for independent covers 48 % here; 20 batches of 250 repair it.
    trials, n, rho, random = 400, 5000, 0.8, np.random.default_rng(6)
    noise = random.normal(0.0, 1.0, (trials, n))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0] / math.sqrt(1 - rho**2)
    for i in range(1, n):
        series[:, i] = rho * series[:, i - 1] + noise[:, i]
    hits, number = coverage([batch_means_mean(row) for row in series], 0.0)
    assert covers_as_claimed(hits, number, 0.92, 0.98)


def test_coverage_of_a_rate() -> None:
    trials, random = 800, np.random.default_rng(7)
    ends = np.cumsum(random.exponential(1e6, (trials, 1000)), axis=1).astype(np.int64)
    hits, number = coverage([batch_means_rate(row, 4, 0) for row in ends], 4000.0)
    assert number > 0.85 * trials
    assert covers_as_claimed(hits, number, 0.93, 0.975)


def test_still_correlated_batches_are_refused() -> None:
    walk = np.cumsum(np.random.default_rng(8).normal(size=5000)) + 1000.0
    found = batch_means_mean(walk)
    assert isinstance(found, Refusal)
    assert (found.code, found.limit) == ("interval-not-supported", 0.3)
    assert 0.3 < found.seen <= 1.0
    drifting = (np.arange(5000) + 1).astype(np.int64)
    for refused in (batch_means_percentile(drifting, 0.5), batch_means_rate(np.cumsum(drifting), 1, 0)):
        assert isinstance(refused, Refusal)
        assert refused.code == "interval-not-supported"


def test_too_few_batches_with_an_exceedance() -> None:
    values = np.random.default_rng(9).permutation(np.arange(5000))
    values[:500] += 10**6  # the slow tenth stands in the first two batches
    assert batch_means_percentile(values, 0.9) == Refusal(code="interval-not-supported", seen=2, limit=10)
    assert batch_means_percentile(np.full(1000, 3), 0.9) == Refusal(code="interval-not-supported", seen=0, limit=10)
    assert isinstance(batch_means_percentile(np.tile([1, 2], 500), 0.3), Interval)  # below the median the others count


def test_upper_end_beyond_the_sample() -> None:
    values = np.random.default_rng(14).permutation(2000)
    values[0:1000:100] += 10**6  # one in each of ten batches, and most of another: h is 0.09
    values[1500:1590] += 10**6
    found = batch_means_percentile(values, 0.95)
    assert isinstance(found, Refusal)
    assert found.limit == 1.0
    assert found.seen >= 1.0


def test_constant_series() -> None:
    for series in (np.full(1000, 7), np.full(1000, 0.1)):
        found = batch_means_mean(series)
        assert isinstance(found, Interval)
        assert found.low == pytest.approx(series[0], rel=1e-14)
        assert found.high == pytest.approx(series[0], rel=1e-14)
    even = batch_means_rate(np.arange(1, 1001) * 10**6, 8, 0)
    assert even == Interval(low=8000.0, high=8000.0, confidence=0.95, kind="batch-means-t")


def test_failed_queries() -> None:
    random = np.random.default_rng(10)
    values = random.permutation(np.arange(2000))
    values[random.choice(2000, 150, replace=False)] = FAILED_NS
    assert batch_means_mean(values) == Refusal(code="queries-failed", seen=0.075, limit=0.0)
    assert isinstance(batch_means_percentile(values, 0.5), Interval)
    above = batch_means_percentile(values, 0.92)
    assert isinstance(above, Refusal)
    assert (above.code, above.seen) == ("queries-failed", 0.075)
    assert batch_means_mean(np.full(5, FAILED_NS)) == Refusal(code="queries-failed", seen=1.0, limit=0.0)


def test_too_few_values() -> None:
    few = Refusal(code="too-few-queries", seen=19, limit=20)
    assert batch_means_mean(np.arange(19)) == few
    assert batch_means_percentile(np.arange(19), 0.5) == few
    assert batch_means_rate(np.arange(1, 20), 1, 0) == Refusal(code="interval-not-supported", seen=19, limit=20)


def rate(*arguments: object) -> Interval:
    found = batch_means_rate(*arguments)  # type: ignore[arg-type]
    assert isinstance(found, Interval)
    return found


def test_rate_against_a_loop() -> None:
    ends = np.cumsum(np.random.default_rng(11).integers(1, 1000, 400))
    per_sample = [(ends[20 * i + 19] - (ends[20 * i - 1] if i else 0)) / 60 for i in range(20)]
    middle, half = ends[-1] / 1200, t_half_width(per_sample)
    assert rate(ends, 3, 0).low == pytest.approx(1e9 / (middle + half))
    assert rate(ends, 3, 0).high == pytest.approx(1e9 / (middle - half))


def test_rate_does_not_depend_on_order_origin_or_form() -> None:
    random = np.random.default_rng(15)
    ends, counts = np.cumsum(random.integers(1, 1000, 777)), random.integers(1, 9, 777)
    order = random.permutation(777)
    assert rate(ends, counts, 0) == rate(ends[order], counts[order], 0)
    assert rate(ends + 10**12, counts, 10**12) == rate(ends, counts, 0)
    assert rate(ends, np.full(777, 5), 0) == rate(ends, 5, 0)
    assert rate(ends[order], 5, 0) == rate(ends, 5, 0)
    assert rate(ends * 10, counts, 0).low == pytest.approx(rate(ends, counts, 0).low / 10)


def test_rate_counts_the_time_of_failures_but_not_their_samples() -> None:
    ends, counts = np.arange(1, 1001) * 1000, np.tile([2, 0], 500)
    found = rate(ends, counts, 0)
    assert found.low <= 1e6 <= found.high
    trailing = np.where(np.arange(1000) < 990, 2, 0)
    found = rate(ends, trailing, 0)
    assert found.low <= 2 * 990 / 1e-3 <= found.high


def test_rate_that_cannot_be_told() -> None:
    ends = np.arange(1, 101)
    assert batch_means_rate(ends, np.zeros(100, int), 0) == Refusal(code="interval-not-supported", seen=0, limit=20)
    one_large = np.ones(100, int)
    one_large[50] = 10**6
    assert isinstance(batch_means_rate(ends, one_large, 0), Refusal)
    assert batch_means_rate(np.zeros(100, int), 1, 0) == Refusal(code="too-short", seen=0, limit=1)
    stalled = np.r_[np.arange(1, 100), 10**9]
    found = batch_means_rate(stalled, 1, 0)
    assert isinstance(found, Refusal)
    assert (found.code, found.limit) == ("interval-not-supported", 1.0)


def test_malformed() -> None:
    for call in (batch_means_mean, lambda x: batch_means_percentile(x, 0.9), lambda x: batch_means_rate(x, 1, 0)):
        with pytest.raises(ValueError, match="shape"):
            call(np.empty(0, np.int64))
        with pytest.raises(ValueError, match="shape"):
            call(np.ones((5, 5), np.int64))
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="NaN or infinity"):
            batch_means_mean(np.r_[np.ones(30), bad])
    with pytest.raises(ValueError, match="`confidence` is"):
        batch_means_mean(np.ones(30), 1.0)
    with pytest.raises(ValueError, match="`p` is"):
        batch_means_percentile(np.arange(30), 1.0)
    with pytest.raises(ValueError, match="`samples`"):
        batch_means_rate(np.arange(30), np.ones(29, int), 0)
    with pytest.raises(ValueError, match="precedes the start"):
        batch_means_rate(np.arange(30), 1, 5)


def test_t_factor_is_that_of_19_degrees() -> None:
    values = np.random.default_rng(13).normal(size=20)
    found = batch_means_mean(values)
    assert isinstance(found, Interval)
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 19) * values.std(ddof=1) / math.sqrt(20))
