"""Figures as printed: units, significant digits, intervals that share both with their value."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.numbers import Interval
from bench.text import figures


def between(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, confidence=0.95, kind="batch-means-t")


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (812, "812 ns"),
        (999, "999 ns"),
        (999.7, "1.00 µs"),
        (7_370, "7.37 µs"),
        (999_600, "1.00 ms"),
        (35_214_300, "35.2 ms"),
        (1.23e9, "1.23 s"),
        (123.4e9, "123 s"),
    ],
)
def test_latency(ns: float, text: str) -> None:
    assert figures.latency(ns) == text


@pytest.mark.parametrize(
    ("per_s", "text"),
    [(0.0284, "0.0284 /s"), (28.41, "28.4 /s"), (999.9, "1.00 k/s"), (1_234_567, "1.23 M/s"), (7.2e10, "72.0 G/s")],
)
def test_rate(per_s: float, text: str) -> None:
    assert figures.rate(per_s) == text


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (35.2143e6, between(34.86e6, 35.56e6), "35.2 ms [34.9, 35.6]"),
        (35.2143e6, between(35.200e6, 35.228e6), "35.214 ms [35.200, 35.228]"),
        (21_372, between(18_328, 38_207), "21.4 µs [18.3, 38.2]"),
        (999_000, between(990_000, 1_008_000), "999 µs [990, 1008]"),
        (35.2e6, between(35.2e6, 35.2e6), "35.2 ms [35.2, 35.2]"),
    ],
)
def test_an_interval_shares_unit_and_decimals(value: float, interval: Interval, text: str) -> None:
    assert figures.latency(value, interval) == text
    assert figures.figure("ns", value, interval) == text
    assert " ".join(figures.split(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.913, "91.3 %"),
        (0.5, "50.0 %"),
        (0.9997, "99.970 %"),
        (0.0000123, "0.0012 %"),
        (0.03, "3.0 %"),
    ],
)
def test_share(value: float, text: str) -> None:
    assert figures.share(value) == text


def test_share_with_interval() -> None:
    assert figures.share(0.913, between(0.891, 0.931)) == "91.3 % [89.1, 93.1]"
    assert figures.share(0.0, between(0.0, 1.5e-5)) == "0 % [0, 0.0015]"
    assert figures.figure("1", 0.5) == "50.0 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00444, "4.44 ms"), (12.34, "12.3 s"), (125.2, "2 min 5 s"), (3599.6, "1 h 0 min"), (3780, "1 h 3 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert figures.duration(seconds) == text


def test_sizes_counts_and_ratios() -> None:
    assert figures.size(10_715_136) == "10.2 MiB"
    assert figures.size(512) == "512 B"
    assert figures.count(262_560) == "262,560"
    assert figures.ratio(3.21e-6) == "3.2e-06"


def test_axis_unit() -> None:
    assert figures.axis_unit("ns", 35.2e6) == (1e6, "ms")
    assert figures.axis_unit("1/s", 0.01) == (1.0, "/s")


@given(st.floats(1.0, 1e12), st.floats(0.0, 0.5))
def test_a_printed_interval_holds_its_value_and_stays_short(value: float, relative: float) -> None:
    text = figures.latency(value, between(value * (1 - relative), value * (1 + relative)))
    middle, low, high = (float(number) for number in re.findall(r"\d+\.?\d*", text))
    assert low <= middle <= high
    assert len(text) <= 40
    decimals = {len(number.partition(".")[2]) for number in re.findall(r"\d+\.?\d*", text) if float(number)}
    assert len(decimals) == 1


@given(st.floats(1.0, 1e12))
def test_three_significant_digits_keep_half_a_percent(value: float) -> None:
    number, unit = figures.latency(value).split(" ")
    factor = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}[unit]
    assert float(number) * factor == pytest.approx(value, rel=0.0051)
