"""The flags of `bench run` that say what an open loop is loaded with, and what must hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import ParamSpec, TypeVar

import click

from bench.cli.rates import Rate
from bench.records.plan import MOST_CHANNELS

P = ParamSpec("P")
R = TypeVar("R")

_OPTIONS = (
    click.option(
        "--rate",
        "given_rates",
        multiple=True,
        type=Rate(),
        help="server: queries per second [default: search for the most that hold the bound]; ramp: its 100 %; "
        "concurrent: [default: an equal share of 70 % of what each does alone]. With a WORKLOAD for that one only.",
    ),
    click.option(
        "--channels",
        type=click.IntRange(1, MOST_CHANNELS),
        help="streams: cameras [default: search for the most that hold the deadline].",
    ),
    click.option(
        "--fps",
        "frames_per_s",
        type=click.FloatRange(0, min_open=True),
        default=25.0,
        show_default=True,
        help="streams: frames per second of a camera.",
    ),
    click.option("--trace", metavar="FILE", help="trace: arrival times in seconds, CSV or Parquet."),
    click.option(
        "--latency-bound-ms",
        type=click.FloatRange(0, min_open=True),
        help="Open loops: 99 % of the queries must be answered within it [default: the workload's].",
    ),
    click.option(
        "--max-wait-us",
        type=click.FloatRange(0),
        help="Open loops: how long a batch that is not full waits for more [default: 0].",
    ),
    click.option(
        "--timeout-ms",
        type=click.FloatRange(0, min_open=True),
        help="Open loops: a batch that takes longer has failed [default: ten times the bound, at least 1 s].",
    ),
)


def load_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add `--rate`, `--channels`, `--fps`, `--trace`, `--latency-bound-ms`, `--max-wait-us` and `--timeout-ms`."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), function)
