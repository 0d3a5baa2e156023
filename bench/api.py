"""The same run from Python that the command line makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.records.plan import RunPlan
from bench.records.record import Run
from bench.runner import Progress, execute, prepare
from bench.store.places import results_directory


def run(
    plan: RunPlan | None = None, output: str | Path | None = None, observe: Callable[[Progress], None] | None = None
) -> Run:
    """Carry out `plan` (default: the plan of a bare `bench run`) and keep it under `output`.

    `output` defaults to BENCH_RESULTS, else `./results`. `observe` is called with each `Progress`. Returns the kept
    run; its records lie in `output/runs/<run_id>/`. Raises BadPlan, PluginError, BadModel, BadFile, CannotWrite or
    BadRequest, each with one line for people; an engine that fails makes an invalid record, not an exception.
    """
    results = results_directory(str(output) if output is not None else None)
    _, kept = execute(prepare(plan or RunPlan()), results, observe or (lambda progress: None))
    return kept
