"""One repetition, or one search for a rate: the job for a child, its run, and what it left, judged and kept."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.judging.devices import device_findings, device_shares
from bench.judging.quality import judge_quality
from bench.judging.trial import OpenLoop, score_trial, trial_findings
from bench.loadgen.arrivals import Arrivals
from bench.loadgen.load import repetition_load
from bench.loadgen.mlperf.issued import read_issued
from bench.loadgen.samples import issue_order, samples_of_rows
from bench.loadgen.schedule import columns_of, open_loop_columns
from bench.loadgen.supervisor import RepetitionFailed, run_repetition, run_search
from bench.loadgen.timeline import read as read_columns
from bench.models.base import Workload
from bench.records.hashing import derive_seed
from bench.records.job import Job, Phase, Report, SearchReport
from bench.records.plan import Measurement, RunPlan, effort_of
from bench.records.record import Run, Trial
from bench.scoring.server import each_query
from bench.store.runs import RunFolder
from bench.store.timeline_file import MOST_ROWS, open_loop_table, sample_table, write_timeline


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
    measurement: Measurement,
    workload: Workload,
    index: int,
    rate_per_s: float | None,
    announce: Callable[[Phase], None],
) -> Trial:
    """Repetition number `index`, in an open loop at `rate_per_s`; one whose child did not deliver is a failed one.

    Raises BadRequest, or OSError where there is no room for what is measured.
    """
    place = folder.start_trial(measurement.name, index)
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    job = _job(folder, run, measurement, index, place, rate_per_s)
    try:
        report = run_repetition(job, announce)
    except RepetitionFailed as error:
        return _failed(error, job, index, started_at)
    return _judge(job, report, workload, index, started_at, run.plan)


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
    )


def _samples(job: Job, rows: int) -> NDArray[np.int64] | None:
    batch = job.measurement.batch
    if rows * batch > MOST_ROWS:
        return None  # such a timeline keeps one row per batch, and their samples would take gigabytes
    return samples_of_rows(_order(job), rows, batch)


def _order(job: Job) -> NDArray[np.int64]:
    return issue_order(job.measurement.load_samples, derive_seed(job.seed, "order"))


def _judge(job: Job, report: Report, workload: Workload, index: int, started_at: str, plan: RunPlan) -> Trial:
    place, measurement = Path(job.folder), job.measurement
    timeline, opened = read_columns(place / "columns"), None
    issued = read_issued(place / "columns") if measurement.driver == "loadgen" else None
    if report.rate_per_s is not None:
        arrivals = repetition_load(job, report.rate_per_s).arrivals
        if issued is not None and issued.due_ns is not None:
            arrivals = Arrivals(times_ns=issued.due_ns)
        columns = open_loop_columns(timeline, arrivals.times_ns, report.t0_ns)
        opened = OpenLoop(queries=each_query(columns, arrivals.times_ns), group=arrivals.group)
    else:
        columns = columns_of(timeline, measurement, report.t0_ns)
    score = score_trial(columns, measurement, opened)
    found = trial_findings(columns, score, report, measurement, plan.mode, opened)
    found += device_findings(report, plan.mode)
    quality = None
    if job.quality:
        quality, more = judge_quality(place, workload, report.facts.precision_executed, plan.mode)
        found += more
    if opened is None:
        by_row = issued.samples.reshape(report.rows, -1) if issued is not None else _samples(job, report.rows)
        table = sample_table(columns, by_row)
    else:
        camera = opened.group if measurement.scenario == "streams" else None
        order = issued.samples if issued is not None else _order(job)
        table = open_loop_table(columns, opened.queries, order, camera)
    write_timeline(place / "timeline.parquet", table)
    return Trial(
        index=index,
        status="complete",
        started_at=started_at,
        seed=job.seed,
        report=report,
        elapsed_s=columns.elapsed_ns / 1e9,
        metrics=score.metrics,
        sketch=score.sketch,
        quality=quality,
        findings=found,
        rate_per_s=report.rate_per_s,
        curve=score.curve,
        device_shares=device_shares(columns, measurement),
    )
