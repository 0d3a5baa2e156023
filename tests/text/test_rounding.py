"""Rounding of test reports against GB/T 8170-2008's own rule, worked out by hand and by fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.metrics import METRICS, UNITS
from bench.records.numbers import Interval, IntervalKind
from bench.text.rounding import exact, plain, rounded, shown_unit


def interval(low: float, high: float, kind: IntervalKind = "repetitions-t") -> Interval:
    return Interval(low=low, high=high, confidence=0.95, kind=kind)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        # 四舍六入五成双
        (12.1498, 3, "12.1"),
        (10.502, 2, "11"),
        (0.35, 1, "0.4"),
        (0.325, 2, "0.32"),
        (1.050, 2, "1.0"),
        (2.5, 1, "2"),
        (3.5, 1, "4"),
        # once: in two steps 15.4546 would become 15.455, 15.46, 15.5 and 16
        (15.4546, 2, "15"),
        (1e-9, 2, "0.0000000010"),
        (123456.0, 2, "120000"),
        (0.0, 4, "0"),
        # Digits are counted after rounding.
        (99.99999, 4, "100.0"),
        (99.95, 3, "100"),
    ],
)
def test_half_to_even_and_once(value: float, digits: int, text: str) -> None:
    assert rounded(value, None, "1/s", "1/s", digits).value == text


def test_a_value_ends_where_its_uncertainty_does() -> None:
    found = rounded(35_213_456.0, interval(34_800_000.0, 35_650_001.0), "ns", "ms", 4)
    # The larger distance is 0.436545 ms, 0.44 in two digits.
    assert (found.value, found.low, found.high, found.expanded) == ("35.21", "34.80", "35.65", "0.44")


def test_a_wide_uncertainty_takes_digits_away() -> None:
    found = rounded(12345.6, interval(9845.6, 14845.6), "1/s", "1/s", 4)
    assert (found.value, found.low, found.high, found.expanded) == ("12300", "9800", "14800", "2500")


def test_a_narrow_one_gives_no_more_than_nine() -> None:
    assert rounded(100.0, interval(100.0, 100.0 + 1e-13), "1/s", "1/s", 4).value == "100.000000"
    assert rounded(100.0, interval(100.0, 100.0), "1/s", "1/s", 4).expanded == "0.0"


def test_a_bound_on_one_side_is_no_uncertainty() -> None:
    found = rounded(5e6, interval(0.0, 5e6, "early-stopping"), "ns", "ms", 4)
    assert (found.value, found.expanded) == ("5.000", "")


def test_cameras_are_whole() -> None:
    found = rounded(12.0, interval(12.0, 13.0, "bracket"), "channels", "channels", 4)
    assert (found.value, found.low, found.high) == ("12", "12", "13")


def test_units_are_changed_by_decimals() -> None:
    assert exact(0.57, "1", "%") == Decimal("57")
    assert plain(exact(0.1 + 0.2, "1", "%")) == "30.000000000000004"
    assert exact(20_000_001.5, "ns", "ms") == Decimal("20.0000015")
    assert [shown_unit("ns", value) for value in (5.0, 5e3, 5e6, 5e9, 0.0)] == ["ns", "us", "ms", "s", "ns"]
    assert shown_unit("J", 0.5) == "mJ"
    assert shown_unit("s/s", 0.5) == "s/s"


def test_every_unit_of_the_registry_can_be_shown() -> None:
    for metric in METRICS.values():
        assert rounded(1.5, interval(1.4, 1.6), metric.unit, shown_unit(metric.unit, 1.5), 4).value


@given(
    value=st.floats(min_value=1e-12, max_value=1e15),
    digits=st.integers(min_value=2, max_value=9),
    unit=st.sampled_from([(unit, shown) for unit, powers in UNITS.items() if unit != "channels" for shown in powers]),
)
def test_the_nearest_number_is_printed(value: float, digits: int, unit: tuple[str, str]) -> None:
    """By fractions: no number of so many digits is nearer, and of two equally near ones the even one is taken."""
    text = rounded(value, None, *unit, digits).value
    true = Fraction(repr(value)) / Fraction(10) ** UNITS[unit[0]][unit[1]]
    power = 0
    while Fraction(10) ** (power + 1) <= true:
        power += 1
    while Fraction(10) ** power > true:
        power -= 1
    step = Fraction(10) ** (power - digits + 1)
    distance = abs(Fraction(text) - true)
    assert distance * 2 <= step
    if distance * 2 == step:
        assert (Fraction(text) / step) % 2 == 0
    shown = text.replace(".", "").lstrip("0")
    assert len(shown) == digits if "." in text else len(shown) >= digits
