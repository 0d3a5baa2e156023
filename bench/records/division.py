"""In which division a measurement competes: one rule for its record and for the claims of an archive."""

from __future__ import annotations

from typing import Literal

from bench.records.plan import RunPlan


def division_of(plan: RunPlan, measured: str | None, suite: str | None) -> Literal["closed", "open"]:
    """Closed where the network that was measured has the suite's hash, and neither it nor the data are the user's."""
    same = suite is not None and measured == suite
    return "closed" if same and plan.model is None and plan.data is None else "open"
