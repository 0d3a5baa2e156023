"""What a run would do, for `bench run --dry-run`: for people, or as a plan file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from bench.cli.common import print_json
from bench.records.plan import RunPlan
from bench.runner import Prepared
from bench.text import sentence
from bench.tuning.measure import budget_of


def print_plan(prepared: Prepared, form: str, lang: str) -> None:
    """Print the measurements with how long they should take, or the plan as JSON."""
    if form == "json":
        print_json(prepared.plan)
        return
    for measurement, candidates, seconds in zip(
        prepared.measurements, prepared.candidates, prepared.estimate.measurements_s, strict=True
    ):
        counts = {key: getattr(measurement, key) for key in ("batch", "workers", "threads", "quality_samples")}
        click.echo(sentence(lang, "dry_run.measurement", name=measurement.name, seconds=f"{seconds:.0f}", **counts))
        if candidates:
            click.echo(f"  {_tuning(prepared.plan, candidates, lang)}")
        if measurement.stress_samples:
            stress = {"conditions": measurement.stress_conditions, "samples": measurement.stress_samples}
            click.echo(f"  {sentence(lang, 'dry_run.robustness', **stress)}")
    click.echo(sentence(lang, "dry_run.total", seconds=f"{prepared.estimate.total_s:.0f}"))


def _tuning(plan: RunPlan, candidates: Mapping[str, Sequence[int]], lang: str) -> str:
    parts = "; ".join(_values(field, values, lang) for field, values in candidates.items())
    return sentence(lang, "dry_run.tuned", seconds=f"{budget_of(plan):g}", candidates=parts)


def _values(field: str, values: Sequence[int], lang: str) -> str:
    if field == "max_wait_ns":
        return sentence(lang, "dry_run.wait", values=", ".join(f"{value / 1e3:g}" for value in values))
    return f"{field} {', '.join(map(str, values))}"
