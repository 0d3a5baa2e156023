"""Figures by address: `<workload>.<scenario>.<metric>`, whose last part may be `quality`."""

from __future__ import annotations

from typing import NamedTuple

from bench.records.metrics import METRICS, Better
from bench.records.policy import QUALITY

# What a limit may be written in, as factors to the registry's units.
_FACTORS: dict[str, dict[str, float]] = {
    "ns": {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9},
    "1": {"1": 1.0, "%": 0.01},
    "J": {"J": 1.0, "mJ": 1e-3},
    "1/s": {"1/s": 1.0},
    "channels": {"channels": 1.0},
}


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
    return tuple(_FACTORS.get(unit, {unit: 1.0}))


def in_unit_of(address: Address, limit: float, unit: str) -> float:
    """A limit in the unit of its figure. Raises KeyError for a unit that `units_of` does not name."""
    return limit * _FACTORS.get(address.unit, {address.unit: 1.0})[unit]
