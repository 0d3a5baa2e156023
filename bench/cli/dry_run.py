"""What a run would do, for `bench run --dry-run`: for people, or as a plan file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from bench.cli.common import print_json
from bench.records.plan import RunPlan
from bench.runner import Prepared
from bench.tuning.measure import budget_of


def print_plan(prepared: Prepared, form: str) -> None:
    """Print the measurements with how long they should take, or the plan as JSON."""
    if form == "json":
        print_json(prepared.plan)
        return
    for measurement, candidates, seconds in zip(
        prepared.measurements, prepared.candidates, prepared.estimate.measurements_s, strict=True
    ):
        click.echo(
            f"{measurement.name}: batch {measurement.batch}, {measurement.workers} workers × {measurement.threads} "
            f"threads, {measurement.quality_samples} quality samples, about {seconds:.0f} s"
        )
        if candidates:
            click.echo(f"  {_tuning(prepared.plan, candidates)}")
        if measurement.stress_samples:
            answers = f"{measurement.stress_conditions} conditions of {measurement.stress_samples} corrupted samples"
            click.echo(f"  robustness: {answers}")
    click.echo(f"In all about {prepared.estimate.total_s:.0f} s. Nothing was run.")


def _tuning(plan: RunPlan, candidates: Mapping[str, Sequence[int]]) -> str:
    parts = "; ".join(_values(field, values) for field, values in candidates.items())
    return f"tuned first, for at most {budget_of(plan):g} s: {parts}; then around the best of them"


def _values(field: str, values: Sequence[int]) -> str:
    if field == "max_wait_ns":
        return f"wait {', '.join(f'{value / 1e3:g}' for value in values)} µs"
    return f"{field} {', '.join(map(str, values))}"
