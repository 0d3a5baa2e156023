"""What `--tune` would try, in one line for `--dry-run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.records.plan import RunPlan
from bench.tuning.measure import budget_of


def candidates_text(plan: RunPlan, candidates: Mapping[str, Sequence[int]]) -> str:
    """`tuned for at most 60 s: workers 1, 2, 4; batch 1, 2, 8, 32, 128 first, then near the best`."""
    parts = [_values(field, values) for field, values in candidates.items()]
    return f"tuned first, for at most {budget_of(plan):g} s: {'; '.join(parts)}; then around the best of them"


def _values(field: str, values: Sequence[int]) -> str:
    if field == "max_wait_ns":
        return f"wait {', '.join(f'{value / 1e3:g}' for value in values)} µs"
    return f"{field} {', '.join(map(str, values))}"
