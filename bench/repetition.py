"""One repetition, or one search for a rate: the job for a child, its run, and what it left, judged and kept."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.host.observer import IDLE_S, QUICK_IDLE_S, Observer, Watched
from bench.judging.accuracy_log import run_accuracy_test
from bench.judging.cameras import camera_findings
from bench.judging.devices import device_findings, device_shares
from bench.judging.energy import answered_samples, energy_findings, energy_metrics, measured_energy
from bench.judging.offload import offload_findings
from bench.judging.quality import judge_quality
from bench.judging.robustness import judge_robustness
from bench.judging.sound import sound_metrics
from bench.judging.state import state_findings
from bench.judging.trial import opened_loop, score_trial, trial_findings
from bench.loadgen.arrivals import Arrivals
from bench.loadgen.gate import gate_file
from bench.loadgen.load import repetition_load
from bench.loadgen.mlperf.issued import read_issued
from bench.loadgen.playing import playing
from bench.loadgen.samples import issue_order, samples_of_rows
from bench.loadgen.schedule import columns_of, open_loop_columns
from bench.loadgen.supervisor import RepetitionFailed, left_report, run_repetition, run_search
from bench.loadgen.timeline import read as read_columns
from bench.loadgen.witness import read_looks
from bench.models.base import Workload
from bench.models.cpu_cost import cpu_cost_of
from bench.models.end_to_end import film_lengths, filmed
from bench.power.choice import sources_here
from bench.records.effort import Effort, effort_of
from bench.records.hashing import derive_seed
from bench.records.job import Job, Phase, Report, SearchReport
from bench.records.plan import SEARCHED, Measurement
from bench.records.record import FleetPart, Run, Trial
from bench.scoring.busy import in_flight
from bench.store.runs import RunFolder
from bench.store.timeline_file import MOST_ROWS, TIMELINE, open_loop_table, sample_table, write_timeline


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement whose repetition comes next; in an open loop at `rate_per_s`, None where its child finds it."""

    measurement: Measurement
    workload: Workload
    rate_per_s: float | None = None


class Tryout(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial of tuning has of its own: where it works, how long, its seed, and when it is stopped."""

    place: Path
    effort: Effort
    seed: int
    limit_s: float | None


class Led(msgspec.Struct, frozen=True, kw_only=True):
    """What the head of a fleet decides of a run: its id, its part, and the folder of its starts (`gate_file`)."""

    run_id: str
    part: FleetPart
    gate: Path | None = None


class BadRequest(ValueError):
    """The engine or the workload cannot do what the plan asks; nothing was measured for it."""


def search(
    folder: RunFolder, run: Run, measurement: Measurement, announce: Callable[[Phase], None]
) -> SearchReport | Trial:
    """The search for a rate, kept; or, when its child did not deliver, the first repetition, failed for it.

    Raises as `repeat`.
    """
    place = folder.start_search(measurement.name)
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    job = _job(folder, run, measurement, 0, place)
    try:
        found = run_search(job, announce)
    except RepetitionFailed as error:
        failed = _failed(error, job, 0, started_at)
        folder.start_trial(measurement.name, 0)
        return failed
    folder.keep_search(measurement.name)
    return found


def repeat(
    folder: RunFolder,
    run: Run,
    due: Sequence[Due],
    index: int,
    announce: Callable[[Phase], None],
    gate: Path | None = None,
) -> list[Trial]:
    """Repetition number `index` of what is due, several driven together; failed ones where the child did not deliver.

    With a `gate`, a folder, it starts at the moment that a file in there names: see `gate_file`.
    Raises BadRequest, or OSError where there is no room for what is measured.
    """
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    jobs = [
        _job(folder, run, one.measurement, index, folder.start_trial(one.measurement.name, index), one.rate_per_s)
        for one in due
    ]
    first, *others = jobs
    observer = Observer(sources_here(run.plan.power), QUICK_IDLE_S if run.plan.mode == "quick" else IDLE_S)
    try:
        with observer:
            started = str(gate_file(gate, first.measurement.name, index)) if gate is not None else None
            first = msgspec.structs.replace(first, beside=tuple(others), gate=started)
            report = run_repetition(first, announce)
            reports = [report, *map(left_report, others)]
        if first.mlperf is not None:
            run_accuracy_test(first, due[0].workload, announce)
    except RepetitionFailed as error:
        return [_failed(error, job, index, started_at) for job in jobs]
    watched = observer.watched()
    return [
        _judge(job, report, one.workload, index, started_at, run, watched)
        for job, report, one in zip(jobs, reports, due, strict=True)
    ]


def try_out(
    folder: RunFolder,
    run: Run,
    measurement: Measurement,
    workload: Workload,
    tryout: Tryout,
    observer: Observer | None = None,
) -> Trial | SearchReport:
    """A trial of `measurement` while it is tuned: a short repetition, or a search where its rate is searched for.

    It answers no evaluation set, and nothing of it is kept. Energy and state are what `observer` sees.
    Raises RepetitionFailed or OSError as the supervisor.
    """
    job = msgspec.structs.replace(
        _job(folder, run, measurement, 0, tryout.place, measurement.rate_per_s),
        effort=tryout.effort,
        seed=tryout.seed,
        quality=False,
        check_input_cache=False,
        certify=False,
    )
    if measurement.scenario in SEARCHED and measurement.rate_per_s is None:
        return run_search(job, _unheard, limit_s=tryout.limit_s)
    with observer or contextlib.nullcontext():
        report = run_repetition(job, _unheard, limit_s=tryout.limit_s)
    return _judge(job, report, workload, 0, "", run, observer.watched() if observer is not None else None)


def _unheard(phase: Phase) -> None:
    """Nobody waits for the phases of a trial that is over in a moment."""


def _failed(error: RepetitionFailed, job: Job, index: int, started_at: str) -> Trial:
    """The repetition whose child did not deliver. Raises BadRequest where no other could do better."""
    if error.usage:
        raise BadRequest(str(error)) from error
    return Trial(
        index=index,
        status="failed",
        started_at=started_at,
        seed=job.seed,
        failure=str(error),
        cause=error.cause,
        rate_per_s=job.rate_per_s,
    )


def _job(
    folder: RunFolder, run: Run, measurement: Measurement, index: int, place: Path, rate_per_s: float | None = None
) -> Job:
    plan = run.plan
    # A search comes before the first repetition, which then finds the machine warm.
    searched = rate_per_s is not None and measurement.rate_per_s is None
    return Job(
        measurement=measurement,
        backend=plan.backend,
        device=plan.device,
        more_devices=plan.more_devices,
        effort=effort_of(plan.mode, measurement, first=index == 0 and not searched),
        seed=derive_seed(run.nonce.value if run.nonce else plan.seed, measurement.name, index),
        quality=index == 0,
        # The check takes four seconds: too long for a look.
        check_input_cache=index == 0 and plan.mode != "quick",
        certify=index == 0 and plan.mode == "certified",
        rate_per_s=rate_per_s,
        trace=str(folder.trace_file) if measurement.scenario == "trace" else None,
        folder=str(place),
        settings=plan.settings,
        model=plan.model,
        data=plan.data,
        preparation=plan.preparation,
        task=plan.task,
        agreement=plan.agreement,
        mlperf="performance" if plan.mode == "mlperf" else None,
        sealed=plan.mode == "certified",
    )


def _samples(job: Job, workload: Workload, rows: int) -> NDArray[np.int64] | None:
    batch = job.measurement.batch
    if rows * batch > MOST_ROWS:
        return None  # such a timeline keeps one row per batch, and their samples would take gigabytes
    return samples_of_rows(_order(job, workload), rows, batch)


def _order(job: Job, workload: Workload, camera: NDArray[np.int32] | None = None) -> NDArray[np.int64]:
    """Which sample each query has, repeated where there are more; `camera` says whose each one is, in `streams`."""
    films = filmed(workload)
    if films is None:
        return issue_order(job.measurement.load_samples, derive_seed(job.seed, "order"))
    played = playing(job, film_lengths(films))
    return played.in_turns()[1] if camera is None else played.of(camera)


def _judge(
    job: Job, report: Report, workload: Workload, index: int, started_at: str, run: Run, watched: Watched | None
) -> Trial:
    place, measurement, plan = Path(job.folder), job.measurement, run.plan
    timeline, opened = read_columns(place / "columns"), None
    issued = read_issued(place / "columns") if measurement.driver == "loadgen" else None
    if report.rate_per_s is not None:
        arrivals = repetition_load(job, report.rate_per_s, schedule_s=report.schedule_s).arrivals
        if issued is not None and issued.due_ns is not None:
            arrivals = Arrivals(times_ns=issued.due_ns)
        columns = open_loop_columns(timeline, arrivals.times_ns, report.t0_ns)
        opened = opened_loop(columns, arrivals.times_ns, arrivals.group, measurement)
    else:
        columns = columns_of(timeline, measurement, report.t0_ns)
    score = score_trial(columns, measurement, opened)
    seen = in_flight(columns, read_looks(place / "columns") - np.array([report.t0_ns, 0, 0]))
    found = trial_findings(columns, score, report, measurement, plan.mode, opened, seen)
    samples = answered_samples(columns, opened, measurement.scenario)
    found += device_findings(report, plan.mode)
    found += camera_findings(workload, measurement, plan.mode)
    found += offload_findings(report, measurement, samples, cpu_cost_of(workload), plan.mode)
    meter = run.hardware.facts.power.meter if run.hardware is not None else None
    # Nobody can say which of several workloads took the energy.
    alone = watched if not report.beside else None
    energy = measured_energy(alone, report, samples, meter) if alone is not None else None
    state = watched.state if watched is not None else None
    found += energy_findings(energy, plan.mode) + state_findings(state, plan.mode)
    quality, robustness = None, None
    if job.quality:
        quality, more = judge_quality(place, workload, report.facts.precision_executed, plan.mode)
        robustness, losses = judge_robustness(place, workload, plan.mode)
        found += more + losses
    if opened is None:
        by_row = issued.samples.reshape(report.rows, -1) if issued is not None else _samples(job, workload, report.rows)
        table = sample_table(columns, by_row)
    else:
        camera = opened.group if measurement.scenario == "streams" else None
        order = issued.samples if issued is not None else _order(job, workload, camera)
        table = open_loop_table(columns, opened.queries, order, camera)
    write_timeline(place / TIMELINE, table)
    return Trial(
        index=index,
        status="complete",
        started_at=started_at,
        seed=job.seed,
        report=report,
        elapsed_s=columns.elapsed_ns / 1e9,
        metrics={
            **score.metrics,
            **sound_metrics(report, measurement, score.metrics),
            **energy_metrics(energy, report, samples),
        },
        sketch=score.sketch,
        quality=quality,
        robustness=robustness,
        findings=found,
        rate_per_s=report.rate_per_s,
        curve=score.curve,
        device_shares=device_shares(columns, measurement),
        lateness=opened.lateness if opened is not None else None,
        in_flight=seen,
        energy=energy,
        state=state,
    )
