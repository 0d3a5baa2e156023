"""One repetition computed again from its raw timeline, by what computed it first, and from the nonce of its load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.judging.devices import device_findings, device_shares
from bench.judging.energy import answered_samples, energy_findings, energy_metrics
from bench.judging.sound import sound_metrics
from bench.judging.state import state_findings
from bench.judging.trial import OpenLoop, opened_loop, score_trial, trial_findings
from bench.loadgen.arrivals import Arrivals
from bench.loadgen.load import channels_at, repetition_load
from bench.loadgen.samples import issue_order, samples_of_rows
from bench.loadgen.schedule import columns_of, open_loop_columns
from bench.loadgen.timeline import Timeline
from bench.records.effort import effort_of
from bench.records.hashing import derive_seed
from bench.records.job import Job, Report
from bench.records.plan import MOST_CHANNELS, OPEN_LOOPS, Measurement, Mode
from bench.records.record import Run, Trial
from bench.scoring.columns import Columns
from bench.store.timeline_file import MOST_ROWS, Table, open_loop_table, sample_table
from bench.store.trace_file import Trace
from bench.submission.timelines import BadTimeline, Samples, rows_of

_MOST_PER_S = 1e9
_MOST_HEADER = 4096  # of an array file
# Arrivals are drawn in floating point: another processor may round one of them the other way.
_SCHEDULE_NS = 1
_PART = 1_000_000


class Retrial(msgspec.Struct, frozen=True, kw_only=True):
    """What a timeline comes to: the repetition as it should stand in the record, without what needs answers.

    `schedule` names the first column that is not what nonce and plan ask for; None where all are, or nobody can tell.
    `schedule_known` is False where the load was another driver's.
    """

    trial: Trial
    columns: Columns
    schedule: str | None
    schedule_known: bool


def job_of(run: Run, measurement: Measurement, trial: Trial, folder: Path) -> Job:
    """The job that the repetition had, as far as its load follows from it; `folder` is that of the unpacked run."""
    return Job(
        measurement=measurement,
        backend=run.plan.backend,
        device=run.plan.device,
        effort=effort_of(run.plan.mode, measurement),
        seed=expected_seed(run, measurement, trial.index),
        quality=trial.index == 0,
        rate_per_s=trial.rate_per_s,
        trace=str(folder / "trace.npy") if measurement.scenario == "trace" else None,
        folder=str(folder / measurement.name / f"trial-{trial.index:02d}"),
    )


def expected_seed(run: Run, measurement: Measurement, index: int) -> int:
    """What the seed of a repetition must be by the run's nonce, or by the plan's seed where it has none."""
    return derive_seed(run.nonce.value if run.nonce else run.plan.seed, measurement.name, index)


def retry(run: Run, measurement: Measurement, trial: Trial, table: Samples, folder: Path) -> Retrial:
    """The repetition again from its `table`. Raises BadTimeline, or ValueError where its figures cannot come about.

    Empties `table` once the rows are known: scoring ten million of them needs the room that the other columns take.
    """
    report = trial.report
    assert report is not None
    _check_sizes(measurement, report)
    job, open_loop = job_of(run, measurement, trial, folder), measurement.scenario in OPEN_LOOPS
    timeline, known = rows_of(table, open_loop), measurement.driver == "bench"
    if timeline.rows != report.rows:
        raise BadTimeline(f"{timeline.rows} batches, and the record says {report.rows}")
    if open_loop:
        arrivals = _arrivals(job, report, table, known)
        columns = open_loop_columns(timeline, arrivals.times_ns, 0)
        opened = opened_loop(columns, arrivals.times_ns, arrivals.group, measurement)
        camera = arrivals.group if measurement.scenario == "streams" else None
        expected = open_loop_table(columns, opened.queries, _order(job), camera)
    else:
        columns, opened = columns_of(timeline, measurement, 0), None
        expected = sample_table(columns, _samples(job, timeline))
    schedule = _first_difference(expected, table) if known else None
    del expected  # it may hold ten million rows
    table.clear()
    return Retrial(
        trial=_judged(trial, report, columns, opened, measurement, run.plan.mode),
        columns=columns,
        schedule=schedule,
        schedule_known=known,
    )


def _judged(
    trial: Trial, report: Report, columns: Columns, opened: OpenLoop | None, measurement: Measurement, mode: Mode
) -> Trial:
    score = score_trial(columns, measurement, opened)
    # What the independent thread saw is not kept look by look; its summary is taken as it stands, and told as such.
    found = trial_findings(columns, score, report, measurement, mode, opened, trial.in_flight)
    # Nor are readings of energy and state kept one by one.
    beside = energy_findings(trial.energy, mode) + state_findings(trial.state, mode)
    samples = answered_samples(columns, opened, measurement.scenario)
    return msgspec.structs.replace(
        trial,
        elapsed_s=columns.elapsed_ns / 1e9,
        metrics={
            **score.metrics,
            **sound_metrics(report, measurement, score.metrics),
            **energy_metrics(trial.energy, report, samples),
        },
        sketch=score.sketch,
        findings=found + device_findings(report, mode) + beside,
        rate_per_s=report.rate_per_s,
        curve=score.curve,
        device_shares=device_shares(columns, measurement),
        lateness=opened.lateness if opened is not None else None,
    )


def _check_sizes(measurement: Measurement, report: Report) -> None:
    """Whether nothing that is drawn again is larger than a driver would draw: numbers come from whoever submits."""
    rate = report.rate_per_s or 0.0
    if measurement.load_samples > MOST_ROWS or measurement.batch > MOST_ROWS or not 0 <= rate <= _MOST_PER_S:
        raise BadTimeline("a load that is larger than any driver draws")
    if measurement.frames_per_s is not None and channels_at(rate, measurement.frames_per_s) > MOST_CHANNELS:
        raise BadTimeline(f"more than {MOST_CHANNELS} cameras")
    if not 0.0 <= rate * (report.schedule_s or 0.0) <= MOST_ROWS:
        raise BadTimeline(f"more than {MOST_ROWS} queries")
    if measurement.samples_per_query % measurement.batch and measurement.scenario == "multi_stream":
        raise BadTimeline("batches that do not make whole queries")


def _arrivals(job: Job, report: Report, table: Samples, known: bool) -> Arrivals:
    if not known:
        return Arrivals(times_ns=table["scheduled"])
    if report.rate_per_s is None or (job.measurement.scenario == "concurrent" and report.schedule_s is None):
        raise BadTimeline("an open loop without the rate that it was driven at")
    if job.measurement.scenario == "trace":
        _check_trace(job)
    arrivals = repetition_load(job, report.rate_per_s, schedule_s=report.schedule_s).arrivals
    if len(arrivals.times_ns) != len(table["scheduled"]):
        raise BadTimeline(f"{len(table['scheduled'])} queries, and nonce and plan ask for {len(arrivals.times_ns)}")
    return arrivals


def _check_trace(job: Job) -> None:
    """Whether the arrival times in the archive are those that the measurement names by their hash."""
    file = Path(job.trace or "")
    if file.stat().st_size > MOST_ROWS * 8 + _MOST_HEADER:
        raise BadTimeline(f"more than {MOST_ROWS} arrival times")
    times = np.load(file, allow_pickle=False)
    if times.dtype != np.int64 or times.ndim != 1 or Trace(times_ns=times).sha256 != job.measurement.trace_sha256:
        raise BadTimeline("not the arrival times that the measurement names")


def _order(job: Job) -> NDArray[np.int64]:
    return issue_order(job.measurement.load_samples, derive_seed(job.seed, "order"))


def _samples(job: Job, timeline: Timeline) -> NDArray[np.int64] | None:
    batch = job.measurement.batch
    return samples_of_rows(_order(job), timeline.rows, batch) if timeline.rows * batch <= MOST_ROWS else None


def _first_difference(expected: Table, table: Samples) -> str | None:
    if expected.keys() != table.keys():
        return min(expected.keys() ^ table.keys())
    for name, column in expected.items():
        if column.shape != table[name].shape:
            return name
        allowed = _SCHEDULE_NS if name == "scheduled" else 0
        if any(_differs(column[part], table[name][part], allowed) for part in _parts(len(column))):
            return name
    return None


def _differs(expected: NDArray[np.generic], found: NDArray[np.int64], allowed: int) -> bool:
    if not allowed:
        return not np.array_equal(expected, found)
    return bool((np.abs(expected.astype(np.int64) - found) > allowed).any())


def _parts(rows: int) -> Iterator[slice]:
    """A million at a time, so that what is compared takes no room of its own."""
    return (slice(low, low + _PART) for low in range(0, rows, _PART))
