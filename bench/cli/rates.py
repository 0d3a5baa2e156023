"""`--rate`: one for all workloads, or one for each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import click

GivenRate = tuple[str | None, float]


class Rate(click.ParamType[GivenRate]):
    """`PER_S` or `WORKLOAD=PER_S`, as (workload or None, queries per second)."""

    name = "[WORKLOAD=]PER_S"

    def convert(self, value: str | GivenRate, param: click.Parameter | None, ctx: click.Context | None) -> GivenRate:
        if isinstance(value, tuple):
            return value
        workload, equals, number = value.rpartition("=")
        try:
            per_s = float(number)
        except ValueError:
            per_s = math.nan
        if not 0 < per_s < math.inf or (equals and not workload):
            self.fail(f"{value!r} is no rate; expected a positive number, or WORKLOAD=NUMBER.", param, ctx)
        return workload or None, per_s


def rates(given: Sequence[GivenRate]) -> tuple[float | None, dict[str, float]]:
    """The rate of all workloads, and those of single ones. Raises UsageError for two of the same."""
    found: dict[str | None, float] = {}
    for workload, per_s in given:
        if workload in found:
            whose = f"of {workload} " if workload else ""
            raise click.UsageError(f"`--rate` {whose}is given twice: {found[workload]:g} and {per_s:g} per second.")
        found[workload] = per_s
    return found.pop(None, None), {name: per_s for name, per_s in found.items() if name is not None}
