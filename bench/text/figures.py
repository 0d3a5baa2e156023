"""Numbers as people read them: unit, prefix, significant digits. The only place where anything is rounded.

A value and its interval share one unit and one number of decimals. Rounding is that of Python's `format`, exact on the
binary value. The texts are the same in every language.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from bench.records.numbers import Interval

_SIGNIFICANT: Final = 3
_MOST_SIGNIFICANT: Final = 6
_Scale = Sequence[tuple[float, str]]
_TIMES: Final[_Scale] = ((1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s"))
_RATES: Final[_Scale] = ((1.0, "/s"), (1e3, "k/s"), (1e6, "M/s"), (1e9, "G/s"))
_JOULES: Final[_Scale] = ((1e-6, "µJ"), (1e-3, "mJ"), (1.0, "J"), (1e3, "kJ"))
_OPERATIONS: Final[_Scale] = ((1.0, "OP/s"), (1e6, "MOP/s"), (1e9, "GOP/s"), (1e12, "TOP/s"), (1e15, "POP/s"))
_BYTES: Final[_Scale] = ((1.0, "B"), (2.0**10, "KiB"), (2.0**20, "MiB"), (2.0**30, "GiB"), (2.0**40, "TiB"))
_SCALES: Final = {"ns": _TIMES, "1/s": _RATES, "J": _JOULES, "OP/s": _OPERATIONS}
_FIXED: Final = {"1": (0.01, "%"), "channels": (1.0, "ch"), "s/s": (1.0, "s/s")}
NONE: Final = "—"


def latency(ns: float, interval: Interval | None = None) -> str:
    """`35.2 ms`, or `35.2 ms [34.9, 35.6]`."""
    return _scaled(ns, interval, _TIMES)


def rate(per_s: float, interval: Interval | None = None) -> str:
    """`28.4 /s`, `1.23 M/s`, or `28.4 /s [27.9, 28.9]`."""
    return _scaled(per_s, interval, _RATES)


def energy(joules: float, interval: Interval | None = None) -> str:
    """`12.3 J`, `1.20 mJ`, or `12.3 J [11.9, 12.7]`."""
    return _scaled(joules, interval, _JOULES)


def power(watts: float) -> str:
    """`512 W`, `3.1 W`."""
    return f"{watts:.3g} W" if watts < 1000.0 else f"{watts:.0f} W"


def operations(per_s: float) -> str:
    """`1.23 TOP/s`; a multiply-add is two of them, whatever the precision."""
    return _scaled(per_s, None, _OPERATIONS)


def share(value: float, interval: Interval | None = None) -> str:
    """A share (0 to 1) in percent: `91.3 %`, `99.97 %`, `0.0012 %`, or `91.3 % [89.1, 93.1]`.

    So many decimals that the distance to 0 % and to 100 % keeps two significant digits.
    """
    percent = 100.0 * value
    near = min(abs(percent), abs(100.0 - percent))
    places = 0 if near == 0.0 else 1
    if 0.0 < near < 1.0:
        places = min(6, 1 - math.floor(math.log10(near)))
    return _joined(percent, interval, 100.0, "%", places)


def figure(unit: str, value: float, interval: Interval | None = None) -> str:
    """A metric's value by the unit of the registry: "ns", "1/s", "J", "s/s", "1" or "channels"."""
    if unit == "channels":
        shown = f"{value:.0f} ch"  # whole cameras, and so are the ends
        return shown if interval is None else f"{shown} [{interval.low:.0f}, {interval.high:.0f}]"
    if unit == "ns":
        return latency(value, interval)
    if unit == "J":
        return energy(value, interval)
    if unit == "1/s":
        return rate(value, interval)
    if unit == "s/s":
        return ratio(value) if interval is None else f"{ratio(value)} [{ratio(interval.low)}, {ratio(interval.high)}]"
    return share(value, interval)


def axis_unit(unit: str, value: float) -> tuple[float, str]:
    """For an axis that reaches `value`: what to divide by, and the unit that this gives.

    `unit` as for `figure`, or "OP/s"; a unit that is none of them is taken as it is.
    """
    if unit in _FIXED:
        return _FIXED[unit]
    return _factor(value, _SCALES[unit]) if unit in _SCALES else (1.0, unit)


def points(value: float, interval: Interval | None = None) -> str:
    """A difference of shares in percentage points: `1.6`, or `1.6 [0.9, 2.4]`."""
    shown = _tenth(value)
    return shown if interval is None else f"{shown} [{_tenth(interval.low)}, {_tenth(interval.high)}]"


def split(text: str) -> tuple[str, str]:
    """`35.2 ms [34.9, 35.6]` as (`35.2 ms`, `[34.9, 35.6]`); the second is empty without an interval."""
    value, bracket, rest = text.partition(" [")
    return value, f"[{rest}" if bracket else ""


def duration(seconds: float) -> str:
    """`4.44 ms`, `12.3 s`, `2 min 5 s`, `1 h 3 min`."""
    if seconds < 120.0:
        return latency(seconds * 1e9)
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60.0)
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """`10.2 MiB`."""
    return _scaled(count, None, _BYTES)


def count(number: float) -> str:
    """`262,560`."""
    return f"{number:,.0f}"


def ratio(value: float) -> str:
    """A relative error: `3.2e-06`, `0.0031`; two significant digits."""
    return f"{value:.2g}"


def _scaled(value: float, interval: Interval | None, scale: _Scale) -> str:
    factor, unit = _factor(value, scale)
    scaled = value / factor
    exact = unit in ("ns", "B") and value == int(value)
    return _joined(scaled, interval, 1.0 / factor, unit, 0 if exact else _decimals(scaled, _SIGNIFICANT))


def _factor(value: float, scale: _Scale) -> tuple[float, str]:
    # What would be printed decides: 999.6 µs is 1.00 ms, not 1000 µs.
    shown = float(f"{abs(value):.{_SIGNIFICANT}g}")
    return next((entry for entry in reversed(scale) if shown >= entry[0]), scale[0])


def _joined(value: float, interval: Interval | None, factor: float, unit: str, places: int) -> str:
    if interval is None:
        return f"{_fixed(value, places)} {unit}"
    low, high = interval.low * factor, interval.high * factor
    places = max(places, _interval_decimals(max(abs(value), abs(high)), (high - low) / 2.0))
    return f"{_fixed(value, places)} {unit} [{_fixed(low, places)}, {_fixed(high, places)}]"


def _fixed(value: float, places: int) -> str:
    return "0" if value == 0.0 else f"{value:.{places}f}"


def _decimals(value: float, significant: int) -> int:
    if value == 0.0:
        return 0
    return max(0, significant - 1 - math.floor(math.log10(float(f"{abs(value):.{significant}g}"))))


def _interval_decimals(value: float, half: float) -> int:
    """Decimals that show one significant digit of the half-width, two where the first is 1 or 2; never over six."""
    if half <= 0.0:
        return 0
    first = math.floor(math.log10(half))
    wanted = -first + (1 if half / 10.0**first < 3.0 else 0)
    return max(0, min(wanted, _decimals(value, _MOST_SIGNIFICANT)))


def _tenth(share: float) -> str:
    return f"{round(100.0 * share, 1) + 0.0:.1f}"  # + 0.0: no minus before a zero


def significant(value: float, digits: int) -> str:
    """`value` with so many significant digits, rounded once and half to even (GB/T 8170), as a plain decimal number.

    What is rounded is the shortest decimal number that the double stands for, which is what a reader sees elsewhere.
    """
    exact = Decimal(repr(value))
    if exact == 0:
        return "0"
    # Digits are counted after rounding: 99.996 is 100.0, not 100.00.
    short = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(exact)
    return f"{short.quantize(Decimal(1).scaleb(short.adjusted() - digits + 1)):f}"
