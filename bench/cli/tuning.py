"""The flags of `bench run` that ask for tuning."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click

from bench.records.plan import TUNE_BUDGET_S

P = ParamSpec("P")
R = TypeVar("R")


def tune_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add `--tune` and `--tune-budget-s`."""
    budget = click.option(
        "--tune-budget-s",
        type=click.FloatRange(*TUNE_BUDGET_S),
        help="Seconds for the trials of each measurement [default: 60 in quick, else 300].",
    )
    tune = click.option(
        "--tune",
        is_flag=True,
        help="First find batch, workers, threads and wait by trials; those that a flag gives stay as they are.",
    )
    return tune(budget(function))
