"""Throughput with more workers, cores or devices: e(n) = T(n) / (n · T(1)), taken in turn."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench.loadgen.supervisor import RepetitionFailed
from bench.planning import BadPlan
from bench.records.endurance import Axis, ScalePoint, Scaling
from bench.records.numbers import Interval, Refusal
from bench.records.plan import RunPlan
from bench.repetition import BadRequest
from bench.scoring.intervals import repetition_interval, repetition_value
from bench.trying import Trying

_METRIC = "samples_per_s"


def counts_up_to(most: int) -> tuple[int, ...]:
    """1, 2, 4 … and `most` itself."""
    return tuple(sorted({*(2**power for power in range(most.bit_length()) if 2**power <= most), most}))


def scale(plan: RunPlan, axis: Axis, counts: Sequence[int], rounds: int, seconds: float) -> Scaling:
    """Measure the one `offline` measurement of `plan` with each count, `rounds` times in turn.

    Raises BadPlan where the machine or the plan has fewer, or as `bench.runner.prepare`.
    """
    counts = sorted({1, *counts})
    _check(plan, axis, counts[-1])
    rates: dict[int, list[float]] = {count: [] for count in counts}
    failures: dict[int, str] = {}
    with tempfile.TemporaryDirectory() as place:
        tried = {count: Trying(_with(plan, axis, count), Path(place) / str(count)) for count in counts}
        for turn in range(rounds):
            # Forth and back: what warms up or wears off with time falls on all alike.
            for count in counts if turn % 2 == 0 else reversed(counts):
                if count in failures:
                    continue
                try:
                    with _confined(count if axis == "cores" else None):
                        found = tried[count].trial(seconds, plan.seed + turn)
                except RepetitionFailed as error:
                    if error.usage and count == 1:
                        raise BadRequest(str(error)) from None
                    failures[count] = str(error)
                    continue
                figure = found.metrics.get(_METRIC)
                if figure is None or not figure.value:
                    failures[count] = "no throughput was measured"
                else:
                    rates[count].append(figure.value)
    points = tuple(_point(count, rates, failures) for count in counts)
    return Scaling(workload=plan.workloads[0], axis=axis, rounds=rounds, points=points)


def _check(plan: RunPlan, axis: Axis, most: int) -> None:
    if axis == "devices" and most > len(plan.devices):
        raise BadPlan(f"{most} devices are asked for, and {len(plan.devices)} are named: repeat `--device`.")
    if axis == "cores":
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        if not allowed:
            raise BadPlan("This system does not let a process be confined to cores; scale by workers or devices.")
        if most > allowed:
            raise BadPlan(f"{most} cores are asked for, and this process may use {allowed}.")


def _with(plan: RunPlan, axis: Axis, count: int) -> RunPlan:
    if axis == "devices":
        first, *more = plan.devices[:count]
        return msgspec.structs.replace(plan, device=first, more_devices=tuple(more))
    if axis == "cores":
        return msgspec.structs.replace(plan, threads=count)
    return msgspec.structs.replace(plan, workers=count, threads=plan.threads or 1)


@contextlib.contextmanager
def _confined(cores: int | None) -> Iterator[None]:
    """This process, and those that it starts, on so many CPUs; as before afterwards."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:cores]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _point(count: int, rates: dict[int, list[float]], failures: dict[int, str]) -> ScalePoint:
    own, ones = rates[count], rates[1]
    if count in failures or not own or not ones:
        return ScalePoint(count=count, failure=failures.get(count) or failures.get(1) or "not measured")
    shares = [rate / (count * one) for rate, one in zip(own, ones, strict=False)]
    return ScalePoint(
        count=count,
        samples_per_s=repetition_value(own),
        interval=_interval(own),
        efficiency=repetition_value(shares),
        efficiency_interval=_interval(shares),
    )


def _interval(values: list[float]) -> Interval | None:
    found = repetition_interval(values)
    return None if isinstance(found, Refusal) else found
