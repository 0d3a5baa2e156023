"""The flags that `bench soak` and `bench scale` share, and the plan that they make."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import ParamSpec, TypeVar

import click

from bench.cli.common import Names
from bench.records.plan import MOST_BATCH, MOST_THREADS, MOST_WORKERS, PRECISIONS, RunPlan

P = ParamSpec("P")
R = TypeVar("R")

_OPTIONS = (
    click.option("--workload", default="image_classify", show_default=True, metavar="NAME", help="One workload."),
    click.option("--backend", default="onnxruntime", show_default=True, metavar="NAME", help="An engine."),
    click.option("--device", "devices", multiple=True, default=("cpu",), metavar="KIND", help="May be repeated."),
    click.option("--precision", type=Names("precision", PRECISIONS), default="fp32", show_default=True),
    click.option("--batch", type=click.IntRange(1, MOST_BATCH), help="Samples per batch [default: the workload's]."),
    click.option("--workers", type=click.IntRange(1, MOST_WORKERS), help="Sessions at once [default: 1]."),
    click.option("--threads", type=click.IntRange(1, MOST_THREADS), help="Threads per worker."),
    click.option("--model", metavar="FILE.onnx", help="Your own classifier instead of a workload."),
)


def endurance_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add them all."""
    return reduce(lambda inner, option: option(inner), reversed(_OPTIONS), function)


def plan_of(flags: dict[str, object], scenario: str, rate_per_s: float | None = None) -> RunPlan:
    """A plan of one measurement. Raises UsageError."""
    from bench.records.plan import USER_WORKLOAD

    devices = flags["devices"]
    assert isinstance(devices, tuple)
    workload = USER_WORKLOAD if flags["model"] is not None else flags["workload"]
    fields = {
        name: flags[name]
        for name in ("backend", "precision", "batch", "workers", "threads", "model", "settings", "power")
        if name in flags
    }
    try:
        return RunPlan(
            workloads=(workload,),  # type: ignore[arg-type]  # click has checked the types
            scenarios=(scenario,),  # type: ignore[arg-type]
            device=devices[0],
            more_devices=devices[1:],
            rate_per_s=rate_per_s,
            **fields,  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
