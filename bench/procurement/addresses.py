"""Figures by address: `<workload>.<scenario>.<metric>`, whose last part may be `quality`."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from bench.records.metrics import METRICS, UNITS, Better
from bench.records.policy import QUALITY


class Address(NamedTuple):
    """The three parts of an address."""

    workload: str
    scenario: str
    metric: str

    @property
    def unit(self) -> str:
        """The unit of the registry; quality is a share."""
        return "1" if self.metric == QUALITY else METRICS[self.metric].unit

    @property
    def better(self) -> Better:
        """Which way is better; quality counts as 1 - error where its metric is an error."""
        return "higher" if self.metric == QUALITY else METRICS[self.metric].better


def parse(text: str) -> Address | None:
    """The parts of an address, None where there are not three; whether they exist is not asked."""
    parts = text.split(".")
    return Address(*parts) if len(parts) == 3 and all(parts) else None


def parsed(text: str) -> Address:
    """The parts of an address of a checked policy."""
    address = parse(text)
    assert address is not None, text
    return address


def units_of(unit: str) -> tuple[str, ...]:
    """What a limit on a figure of this unit may be written in."""
    return tuple(UNITS.get(unit, {unit: 0}))


def in_unit_of(address: Address, limit: float, unit: str) -> float:
    """A limit in the unit of its figure. Raises KeyError for a unit that `units_of` does not name.

    By decimals: 57 times 0.01 is more than 0.57 in binary, and 57 of 100 would miss a limit of 57 %.
    """
    return float(Decimal(repr(float(limit))).scaleb(UNITS.get(address.unit, {address.unit: 0})[unit]))
