"""A run from plan to kept records: plan → inspect host → (per repetition, in a child) open → compile → check quality
→ warm up → measure → score → keep.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from bench import __version__
from bench.agreement import NoReference, with_references
from bench.estimating import Estimate, estimate
from bench.host.describing import hardware_beside
from bench.host.inventory import inspect_host
from bench.judging.record import RepetitionDue, SearchDue, Setup, given_rate, judge_record, next_step
from bench.judging.roofline import cost_of
from bench.loadgen.footage import ensure_footage
from bench.models.base import Workload
from bench.planning import BadPlan, check_asked, check_names, from_anywhere, open_workloads, resolve
from bench.power.choice import sources_here
from bench.records.findings import finding
from bench.records.host import Host
from bench.records.job import Phase, SearchReport
from bench.records.plan import Measurement, RunPlan
from bench.records.profile import Hardware
from bench.records.record import Nonce, Record, Run, Trial
from bench.repetition import BadRequest, Due, Led, repeat, search
from bench.store.journal import note
from bench.store.places import ensure_writable
from bench.store.pruning import remove
from bench.store.runs import RunFolder, new_run_id
from bench.store.trace_file import Trace, keep_trace, read_trace
from bench.tuning.axes import candidates_of
from bench.tuning.measure import budget_of, tuned

_NONCE_BYTES = 32


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What is happening now, for whoever watches: measurement `position` of the run's, repetition, phase.

    While an observer of "trial" (a repetition is kept, and others follow) does not return, the next one does not start.
    """

    event: Literal["start", "phase", "trial", "record", "end"]
    folder: Path
    run: Run
    position: int = 0
    repetition: int = 0
    phase: Phase | None = None
    record: Record | None = None


Observer = Callable[[Progress], None]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A plan made ready: its workloads, measurements and estimate; nothing has been written yet.

    `candidates`: for each measurement what tuning tries first, by field; nothing where it does not tune.
    """

    plan: RunPlan
    host: Host
    workloads: dict[str, Workload]
    measurements: tuple[Measurement, ...]
    estimate: Estimate
    candidates: tuple[Mapping[str, Sequence[int]], ...]
    hardware: Hardware
    trace: Trace | None = None


def prepare(plan: RunPlan) -> Prepared:
    """Check and expand a plan. Raises BadPlan, BadProfile, PluginError, BadFile or BadModel, one line each."""
    check_names(plan)
    plan = from_anywhere(plan)
    workloads = open_workloads(plan)
    check_asked(plan, workloads)
    sources_here(plan.power)  # one that was named and cannot be read is told before anything runs
    host = inspect_host()
    trace = read_trace(Path(plan.trace)) if plan.trace is not None else None
    measurements = resolve(plan, workloads, host.cores_usable, trace)
    candidates = candidates_of(plan, measurements, workloads, host.cores_usable)
    expected = estimate(plan, measurements, workloads, [budget_of(plan) if first else 0.0 for first in candidates])
    return Prepared(
        plan=plan,
        host=host,
        workloads=workloads,
        measurements=measurements,
        estimate=expected,
        candidates=candidates,
        hardware=hardware_beside(plan.profile),
        trace=trace,
    )


def execute(prepared: Prepared, results: Path, observe: Observer, led: Led | None = None) -> tuple[RunFolder, Run]:
    """Carry out a prepared plan in a new run folder under `results`. Raises CannotWrite before anything runs."""
    ensure_writable(results)
    ensure_footage(prepared.workloads.values())
    now = datetime.datetime.now(datetime.UTC)
    run = Run(
        suite_version=__version__,
        run_id=led.run_id if led is not None else new_run_id(now),
        started_at=now.isoformat(timespec="seconds"),
        status="partial",
        plan=prepared.plan,
        host=prepared.host,
        measurements=prepared.measurements,
        nonce=_nonce(prepared.plan),
        hardware=prepared.hardware,
        fleet=led.part if led is not None else None,
    )
    folder = RunFolder.of(results, run.run_id)
    folder.keep_run(run)
    if prepared.trace is not None:
        keep_trace(folder.trace_file, prepared.trace)
    try:
        with folder.held():
            note(folder.results, run, "started")
            gate = led.gate if led is not None else None
            return folder, _noted(folder, _carry_on(folder, run, prepared.workloads, observe, gate=gate))
    except (BadRequest, NoReference):
        if not any(folder.load_trials(measurement.name) for measurement in run.measurements):
            remove(folder)  # nothing was measured, and nothing could be by going on
        raise


def resume(folder: RunFolder, observe: Observer, budget_s: float | None = None) -> tuple[RunFolder, Run]:
    """Go on with a partial run: whole trials are kept, the missing are measured; the budget, the plan's or
    `budget_s`, counts anew. Raises InUse, and as `prepare` and `execute`; BadPlan for a run of a fleet's node.
    """
    ensure_writable(folder.path)
    with folder.held():
        run = folder.load_run()
        if run.fleet is not None:
            raise BadPlan(
                f"Run {run.run_id} is a part of fleet {run.fleet.fleet_id}: the node that began it is not this "
                "process's to go on with, and a record holds repetitions of one machine only. Start another run."
            )
        workloads = open_workloads(run.plan)
        ensure_footage(workloads.values())
        note(folder.results, run, "resumed")
        return folder, _noted(folder, _carry_on(folder, run, workloads, observe, budget_s))


def _noted(folder: RunFolder, run: Run) -> Run:
    note(folder.results, run, "ended")
    return run


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


def _carry_on(
    folder: RunFolder,
    run: Run,
    workloads: dict[str, Workload],
    observe: Observer,
    budget_s: float | None = None,
    gate: Path | None = None,
) -> Run:
    budget = _Budget(budget_s or run.plan.budget_s)
    observe(Progress(event="start", folder=folder.path, run=run))
    if run.plan.agreement:
        observe(Progress(event="phase", folder=folder.path, run=run, phase=Phase(name="reference")))
        workloads = with_references(folder, workloads)
    run = tuned(
        folder,
        run,
        workloads,
        lambda position, phase: observe(
            Progress(event="phase", folder=folder.path, run=run, position=position, phase=phase)
        ),
    )
    for group in _groups(run.measurements):
        spot = Progress(event="phase", folder=folder.path, run=run, position=run.measurements.index(group[0]))
        for record in _measure(folder, run, group, workloads, spot, observe, budget, gate):
            position = run.measurements.index(record.measurement)
            observe(msgspec.structs.replace(spot, event="record", record=record, position=position))
    whole = all(record.status == "complete" for record in folder.load_records())
    run = msgspec.structs.replace(run, status="complete" if whole else "partial")
    folder.keep_run(run)
    observe(Progress(event="end", folder=folder.path, run=run, position=len(run.measurements)))
    return run


def _groups(measurements: Sequence[Measurement]) -> list[tuple[Measurement, ...]]:
    """What is measured together: all that are `concurrent`, in place of the first of them; every other one alone."""
    together = tuple(entry for entry in measurements if entry.beside)
    return [
        together if entry.beside else (entry,) for entry in measurements if not entry.beside or entry == together[0]
    ]


def _measure(
    folder: RunFolder,
    run: Run,
    group: Sequence[Measurement],
    workloads: dict[str, Workload],
    spot: Progress,
    observe: Observer,
    budget: _Budget,
    gate: Path | None = None,
) -> list[Record]:
    """The repetitions of a group that are missing; its records are kept after each of them."""
    works = [_Work(folder, run, measurement, workloads[measurement.workload]) for measurement in group]
    done = min(len(work.trials) for work in works)
    for work in works:
        del work.trials[done:]  # one that was interrupted between two of the group counts for none
    steps = [work.next_step() for work in works]
    while any(step is not None for step in steps):
        if not budget.allows_another():
            return [work.keep(complete=False, budget_s=budget.seconds) for work in works]
        here = msgspec.structs.replace(spot, repetition=len(works[0].trials))

        def announce(phase: Phase, here: Progress = here) -> None:
            observe(msgspec.structs.replace(here, phase=phase))

        if isinstance(steps[0], SearchDue):
            works[0].take(search(folder, run, works[0].measurement, announce))
        else:
            due = [work.due(step) for work, step in zip(works, steps, strict=True)]
            trials = repeat(folder, run, due, len(works[0].trials), announce, gate)
            for work, trial in zip(works, trials, strict=True):
                work.take(trial)
        steps = [work.next_step() for work in works]
        if works[0].trials and any(step is not None for step in steps):
            for work in works:
                work.keep(complete=False)
            observe(msgspec.structs.replace(here, event="trial"))
    return [work.keep(complete=True) for work in works]


class _Work:
    """One measurement on its way: what was found so far, what comes next, and its record."""

    def __init__(self, folder: RunFolder, run: Run, measurement: Measurement, workload: Workload) -> None:
        suite_hash = workload.spec.hash_of(measurement.precision) if run.plan.model is None else None
        self.setup = Setup(
            run_id=run.run_id,
            suite_version=run.suite_version,
            plan=run.plan,
            host=run.host,
            suite_model_hash=suite_hash,
            nonce=run.nonce,
            hardware=run.hardware,
            cost=cost_of(workload),
        )
        self.folder, self.measurement, self.workload = folder, measurement, workload
        self.trials, self.searched = folder.load_trials(measurement.name), folder.load_search(measurement.name)

    def next_step(self) -> SearchDue | RepetitionDue | None:
        return next_step(self.measurement, self.searched, self.trials, self.setup.plan.mode)

    def due(self, step: SearchDue | RepetitionDue | None) -> Due:
        """A repetition, also where only another one of the group needs it."""
        rate_per_s = step.rate_per_s if isinstance(step, RepetitionDue) else given_rate(self.measurement, self.trials)
        return Due(measurement=self.measurement, workload=self.workload, rate_per_s=rate_per_s)

    def take(self, found: Trial | SearchReport) -> None:
        if isinstance(found, Trial):
            self.folder.keep_trial(self.measurement.name, found)
            self.trials.append(found)
        else:
            self.searched = found

    def keep(self, complete: bool, budget_s: float | None = None) -> Record:
        record = judge_record(self.setup, self.measurement, self.trials, complete, self.searched)
        if budget_s is not None:
            exhausted = finding("budget-exhausted", self.setup.plan.mode, None, budget_s)
            record = msgspec.structs.replace(record, findings=(exhausted, *record.findings))
        record = msgspec.structs.replace(record, tuning=self.folder.load_tuning(self.measurement.name))
        self.folder.keep_record(record)
        return record
