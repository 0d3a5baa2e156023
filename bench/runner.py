"""A run from plan to kept records: plan → inspect host → (per repetition, in a child) open → compile → check quality
→ warm up → measure → score → keep.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from bench import __version__
from bench.host.inventory import inspect_host
from bench.judging.record import SearchDue, Setup, judge_record, next_step
from bench.models.base import Workload
from bench.planning import Estimate, check_certifiable, check_names, estimate, open_workloads, resolve
from bench.records.findings import finding
from bench.records.host import Host
from bench.records.job import Phase, SearchReport
from bench.records.plan import Measurement, RunPlan
from bench.records.record import Nonce, Record, Run, Trial
from bench.repetition import BadRequest, repeat, search
from bench.store.places import ensure_writable
from bench.store.pruning import remove
from bench.store.runs import RunFolder, new_run_id
from bench.store.trace_file import Trace, keep_trace, read_trace

_NONCE_BYTES = 32


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What is happening now, for whoever watches: measurement `position` of `total`, repetition, phase."""

    event: Literal["start", "phase", "record", "end"]
    folder: Path
    run: Run
    position: int = 0
    repetition: int = 0
    phase: Phase | None = None
    record: Record | None = None


Observer = Callable[[Progress], None]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A plan made ready: its workloads, measurements and estimate; nothing has been written yet."""

    plan: RunPlan
    host: Host
    workloads: dict[str, Workload]
    measurements: tuple[Measurement, ...]
    estimate: Estimate
    trace: Trace | None = None


def prepare(plan: RunPlan) -> Prepared:
    """Check and expand a plan. Raises BadPlan, PluginError, BadFile or BadModel, one line each."""
    check_names(plan)
    plan = _from_anywhere(plan)
    workloads = open_workloads(plan)
    if plan.mode == "certified":
        check_certifiable(workloads)
    host = inspect_host()
    trace = read_trace(Path(plan.trace)) if plan.trace is not None else None
    measurements = resolve(plan, workloads, host.cores_usable, trace)
    expected = estimate(plan, measurements, workloads)
    return Prepared(
        plan=plan, host=host, workloads=workloads, measurements=measurements, estimate=expected, trace=trace
    )


def execute(prepared: Prepared, results: Path, observe: Observer) -> tuple[RunFolder, Run]:
    """Carry out a prepared plan in a new run folder under `results`. Raises CannotWrite before anything runs."""
    ensure_writable(results)
    now = datetime.datetime.now(datetime.UTC)
    run = Run(
        suite_version=__version__,
        run_id=new_run_id(now),
        started_at=now.isoformat(timespec="seconds"),
        status="partial",
        plan=prepared.plan,
        host=prepared.host,
        measurements=prepared.measurements,
        nonce=_nonce(prepared.plan),
    )
    folder = RunFolder.of(results, run.run_id)
    folder.keep_run(run)
    if prepared.trace is not None:
        keep_trace(folder.trace_file, prepared.trace)
    try:
        with folder.held():
            return folder, _carry_on(folder, run, prepared.workloads, observe)
    except BadRequest:
        if not any(folder.load_trials(measurement.name) for measurement in run.measurements):
            remove(folder)  # nothing was measured, and nothing could be by going on
        raise


def resume(folder: RunFolder, observe: Observer, budget_s: float | None = None) -> tuple[RunFolder, Run]:
    """Go on with a partial run: whole trials are kept, the missing are measured; the budget, the plan's or
    `budget_s`, counts anew. Raises InUse, and as `prepare` and `execute`.
    """
    ensure_writable(folder.path)
    with folder.held():
        run = folder.load_run()
        return folder, _carry_on(folder, run, open_workloads(run.plan), observe, budget_s)


def _nonce(plan: RunPlan) -> Nonce | None:
    """The plan's; in mode `certified` one of the system's where there is none, which nobody can have known before."""
    if plan.nonce is not None:
        return Nonce(value=plan.nonce, origin="given")
    return Nonce(value=secrets.token_hex(_NONCE_BYTES), origin="drawn") if plan.mode == "certified" else None


class _Budget:
    """Time for starting repetitions; the first one always starts, so that going on with a run gets it further."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds, self._begun, self._started = seconds, time.monotonic(), False

    def allows_another(self) -> bool:
        left = self.seconds is None or not self._started or time.monotonic() - self._begun < self.seconds
        self._started = True
        return left


def _from_anywhere(plan: RunPlan) -> RunPlan:
    """The plan with whole paths: it may be carried on from another folder."""
    given = {"model": plan.model, "data": plan.data, "trace": plan.trace}
    whole = {name: str(Path(path).absolute()) for name, path in given.items() if path is not None}
    return msgspec.structs.replace(plan, **whole)


def _carry_on(
    folder: RunFolder,
    run: Run,
    workloads: dict[str, Workload],
    observe: Observer,
    budget_s: float | None = None,
) -> Run:
    budget = _Budget(budget_s or run.plan.budget_s)
    observe(Progress(event="start", folder=folder.path, run=run))
    for position, measurement in enumerate(run.measurements):
        spot = Progress(event="phase", folder=folder.path, run=run, position=position)
        record = _measure(folder, run, measurement, workloads[measurement.workload], spot, observe, budget)
        observe(msgspec.structs.replace(spot, event="record", record=record))
    whole = all(record.status == "complete" for record in folder.load_records())
    run = msgspec.structs.replace(run, status="complete" if whole else "partial")
    folder.keep_run(run)
    observe(Progress(event="end", folder=folder.path, run=run, position=len(run.measurements)))
    return run


def _measure(
    folder: RunFolder,
    run: Run,
    measurement: Measurement,
    workload: Workload,
    spot: Progress,
    observe: Observer,
    budget: _Budget,
) -> Record:
    """The repetitions of one measurement that are missing; the record is kept after each of them."""
    suite_hash = workload.spec.model.model_hash if run.plan.model is None else None
    setup = Setup(
        run_id=run.run_id,
        suite_version=run.suite_version,
        plan=run.plan,
        host=run.host,
        suite_model_hash=suite_hash,
        nonce=run.nonce,
    )
    trials, searched = folder.load_trials(measurement.name), folder.load_search(measurement.name)
    step = next_step(measurement, searched, trials, run.plan.mode)
    while step is not None:
        if not budget.allows_another():
            return _keep(folder, setup, measurement, trials, searched, complete=False, budget_s=budget.seconds)
        here = msgspec.structs.replace(spot, repetition=len(trials))

        def announce(phase: Phase, here: Progress = here) -> None:
            observe(msgspec.structs.replace(here, phase=phase))

        if isinstance(step, SearchDue):
            found = search(folder, run, measurement, announce)
        else:
            found = repeat(folder, run, measurement, workload, len(trials), step.rate_per_s, announce)
        if isinstance(found, Trial):
            folder.keep_trial(measurement.name, found)
            trials.append(found)
        else:
            searched = found
        step = next_step(measurement, searched, trials, run.plan.mode)
        if step is not None and trials:
            _keep(folder, setup, measurement, trials, searched, complete=False)
    return _keep(folder, setup, measurement, trials, searched, complete=True)


def _keep(
    folder: RunFolder,
    setup: Setup,
    measurement: Measurement,
    trials: Sequence[Trial],
    searched: SearchReport | None,
    complete: bool,
    budget_s: float | None = None,
) -> Record:
    record = judge_record(setup, measurement, trials, complete, searched)
    if budget_s is not None:
        exhausted = finding("budget-exhausted", setup.plan.mode, None, budget_s)
        record = msgspec.structs.replace(record, findings=(exhausted, *record.findings))
    folder.keep_record(record)
    return record
