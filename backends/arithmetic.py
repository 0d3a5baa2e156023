"""In which precision a compiled graph computes, counted over its products: convolutions and matrix products."""

from __future__ import annotations

from collections import Counter

# From the finest arithmetic to the coarsest.
_ORDER = ("fp32", "fp16", "bf16", "int8")


def coarsest(counted: Counter[str]) -> str | None:
    """The executed precision of a graph is that of its coarsest arithmetic; one that is not known is told as it is."""
    return max(counted, key=lambda one: _ORDER.index(one) if one in _ORDER else len(_ORDER), default=None)


def int8_share(counted: Counter[str]) -> float | None:
    """Share of the products that compute in int8; None where nothing was counted."""
    return counted["int8"] / counted.total() if counted else None


def told(counted: Counter[str]) -> str:
    """The counts as a record holds them: `fp32: 2, int8: 16`."""
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(counted.items()))
