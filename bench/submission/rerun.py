"""A submission measured again on the evaluator's machine; what comes out there is the formal value."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.records.record import Record, Trial
from bench.records.submission import Item
from bench.runner import Progress, execute, prepare
from bench.store.runs import RunFolder
from bench.submission.claims import is_of_suite
from bench.submission.consistency import conforming, unchecked, violated
from bench.submission.contents import Contents

# Of two results that differ by chance alone 95 % lie within it (ISO 5725-6; measurement.md, section 7).
_FACTOR = 2.77
_SEED_BITS = 62


def measure_again(
    contents: Contents, results: Path, reproducibility: float | None, observe: Callable[[Progress], None]
) -> Iterator[Item]:
    """Carry out the plan of a submission here, with randomness of our own, and compare each measurement.

    `reproducibility` is the standard deviation of the logarithm of a result from host to host and day to day; None
    takes what the repetitions of both sides scatter, which is less. Raises as `bench.runner.prepare` and `execute`.
    """
    plan = contents.run.plan
    own = plan.model is not None or plan.data is not None or plan.trace is not None
    if own or not all(is_of_suite(name) for name in plan.workloads):
        yield unchecked("rerun", contents.run.run_id, "own-model")
        return
    # A certified run draws a nonce of its own, and refuses a seed.
    seed = 0 if plan.mode == "certified" else secrets.randbits(_SEED_BITS)
    fresh = msgspec.structs.replace(plan, nonce=None, token=None, seed=seed, profile=None)
    folder, _ = execute(prepare(fresh), results, observe)
    again = {record.measurement.name: record for record in folder.load_records()}
    for name, record in contents.records.items():
        yield _compared(name, record, again.get(name), contents.trials[name], folder, reproducibility)


def _compared(
    name: str,
    record: Record,
    again: Record | None,
    trials: Sequence[Trial],
    folder: RunFolder,
    reproducibility: float | None,
) -> Item:
    first, second = (_value(one) for one in (record, again))
    if again is None or not again.valid or second is None:
        return unchecked("rerun", name, "rerun-void", folder.path.name)
    if first is None:
        return violated("rerun", name, "no-value", record.primary)
    spread = reproducibility
    if spread is None:
        spread = pooled_spread(record.primary, trials, folder.load_trials(name))
    if spread is None:
        return unchecked("rerun", name, "no-spread", f"{first:.6g}, {second:.6g}")
    return agreement(name, first, second, spread)


def agreement(name: str, first: float, second: float, spread: float) -> Item:
    """Whether a submitted value and that of the rerun agree within what `spread`, of logarithms, allows."""
    apart, limit = abs(math.log(first / second)), _FACTOR * spread
    seen = f"{first:.6g}, {second:.6g}: {apart:.4f}, {limit:.4f}"
    return conforming("rerun", name, seen) if apart <= limit else violated("rerun", name, "rerun-disagrees", seen)


def pooled_spread(primary: str, *sides: Sequence[Trial]) -> float | None:
    """The standard deviation of the logarithm of `primary` within the sides, pooled; None where none repeats."""
    squares, freedom = 0.0, 0
    for trials in sides:
        figures = [trial.metrics[primary].value for trial in trials if primary in trial.metrics]
        values = np.log([value for value in figures if value is not None and value > 0.0])
        if len(values) > 1:
            squares += float(((values - values.mean()) ** 2).sum())
            freedom += len(values) - 1
    return math.sqrt(squares / freedom) if freedom else None


def _value(record: Record | None) -> float | None:
    figure = record.metrics.get(record.primary) if record is not None else None
    return figure.value if figure is not None and figure.value is not None and figure.value > 0.0 else None
