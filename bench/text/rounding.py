"""Figures of test reports, rounded once and half to even (GB/T 8170-2008): what a verdict compares is never rounded.

All arithmetic is decimal, from the shortest decimal number that a double stands for, so that a change of unit and
forming a difference round nothing.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import msgspec

from bench.records.metrics import UNITS
from bench.records.numbers import Interval

# Digits of an expanded uncertainty (JJF 1059.1), and the most that a value is given by it.
_OF_UNCERTAINTY, _MOST = 2, 9
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


class Rounded(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as it is printed, all in one unit and to one decimal place; empty where there is no interval.

    `expanded` is the larger of the distances from the value to the ends, two significant digits of it.
    """

    value: str
    low: str = ""
    high: str = ""
    expanded: str = ""


def shown_unit(unit: str, value: float) -> str:
    """The unit that a figure of the registry's `unit` is printed in where nobody asked for one."""
    if unit == "1":
        return "%"
    known = UNITS.get(unit, {unit: 0})
    fitting = [name for name, exponent in known.items() if abs(value) >= 10.0**exponent]
    return max(fitting, key=known.__getitem__) if fitting else min(known, key=known.__getitem__)


def exact(value: float, unit: str, shown: str) -> Decimal:
    """`value`, in the registry's `unit`, in the unit `shown`, unrounded; as it is where that is no unit of it."""
    return _EXACT.scaleb(Decimal(repr(float(value))), -UNITS.get(unit, {}).get(shown, 0))


def plain(number: Decimal) -> str:
    """A number in full, without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: float, interval: Interval | None, unit: str, shown: str, digits: int) -> Rounded:
    """A figure in the unit `shown`: to the second digit of its uncertainty, without one to `digits` significant digits.

    Whole things stay whole. Intervals of one side (MLPerf's bounds) are no uncertainty.
    """
    middle = exact(value, unit, shown)
    if interval is None or interval.kind == "early-stopping":
        return Rounded(value=_text(middle, _place(middle, digits, unit)) if middle else "0")
    low, high = exact(interval.low, unit, shown), exact(interval.high, unit, shown)
    expanded = max(_EXACT.subtract(middle, low), _EXACT.subtract(high, middle), Decimal(0))
    finest = _place(middle, _MOST, unit)
    place = max(finest, _place(expanded, _OF_UNCERTAINTY, unit)) if expanded else _place(middle, digits, unit)
    return Rounded(
        value=_text(middle, place), low=_text(low, place), high=_text(high, place), expanded=_text(expanded, place)
    )


def _place(number: Decimal, digits: int, unit: str) -> int:
    """The power of ten of the last of so many significant digits; 99.996 has one less behind the point, as 100.0."""
    if unit == "channels":
        return 0
    return Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(number).adjusted() - digits + 1


def _text(number: Decimal, place: int) -> str:
    quantised = number.quantize(Decimal(1).scaleb(place), context=_EXACT)
    return f"{abs(quantised) if quantised == 0 else quantised:f}"
