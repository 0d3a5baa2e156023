"""One repetition judged: its columns scored, what was found about it listed."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.host.watch import FOREIGN_SHARE, STEAL_SHARE
from bench.judging.certified import challenge_findings
from bench.judging.loadgen import loadgen_findings
from bench.judging.precision import precision_findings
from bench.records.effort import EFFORTS, effort_of
from bench.records.findings import Finding, finding
from bench.records.host import Noise
from bench.records.job import Interpreter, Report
from bench.records.metrics import PRIMARY
from bench.records.numbers import InFlight, Lateness, Score
from bench.records.plan import SEARCHED, Measurement, Mode
from bench.scoring.busy import closed_loop_check, in_flight_checks, worker_checks
from bench.scoring.columns import FAILED, Columns, Int64s, latencies
from bench.scoring.holding import grows
from bench.scoring.lateness import HARNESS_LATE, harness_lateness
from bench.scoring.ramp import score_ramp
from bench.scoring.score import SCORERS
from bench.scoring.server import each_query, score_server, score_streams, score_trace

CLOCK_CHANGE = 0.05
# Start value of measurement.md section 2, held against the lower end of an interval so that noise does not accuse.
INPUT_CACHE_GAIN = 1.03
# Share of the queries answered by one bound after the last was due (measurement.md, section 3).
_KEPT_UP = 0.995
# Loads that should be held; a ramp goes beyond that, and a trace may.
_HELD = SEARCHED | {"concurrent"}


class OpenLoop(msgspec.Struct, frozen=True, kw_only=True):
    """An open loop seen query by query: one row each, and the camera or step of a ramp that each belongs to.

    `lateness` is the harness's own; None where no worker was ever free.
    """

    queries: Columns
    group: NDArray[np.int32] | None
    lateness: Lateness | None


def opened_loop(
    columns: Columns, arrivals_ns: Int64s, group: NDArray[np.int32] | None, measurement: Measurement
) -> OpenLoop:
    """An open loop from its rows, one per batch, and when each query was due, (queries,) in ns after t0."""
    workers = measurement.workers * measurement.devices
    late = harness_lateness(columns, arrivals_ns, workers, measurement.batch, measurement.max_wait_ns)
    return OpenLoop(queries=each_query(columns, arrivals_ns), group=group, lateness=late)


def score_trial(columns: Columns, measurement: Measurement, opened: OpenLoop | None = None) -> Score:
    """The figures of one repetition; `opened` is there for an open loop."""
    if opened is None:
        return SCORERS[measurement.scenario](columns)
    bound_ns = measurement.latency_bound_ns
    assert bound_ns is not None
    if opened.group is None:
        return (score_server if measurement.scenario == "server" else score_trace)(opened.queries, bound_ns)
    return (score_streams if measurement.scenario == "streams" else score_ramp)(opened.queries, opened.group, bound_ns)


def trial_findings(
    columns: Columns,
    score: Score,
    report: Report,
    measurement: Measurement,
    mode: Mode,
    opened: OpenLoop | None = None,
    seen: InFlight | None = None,
) -> tuple[Finding, ...]:
    """Everything that a reader must know about one repetition."""
    found = [
        *_length(columns, score, report, measurement, mode),
        *_answers(columns, report, mode),
        *_busy_time(columns, score, report, measurement, mode, seen),
        *_interpreter(report.interpreter, mode),
        *(_open_loop(opened, measurement, mode) if opened is not None else []),
        *precision_findings(report, measurement, mode),
        *challenge_findings(report.challenge, mode),
        *loadgen_findings(columns, report.loadgen, mode),
        *_host(report.noise, mode),
    ]
    primary = score.metrics[PRIMARY[measurement.scenario]]
    # With several repetitions the published interval comes from them, and one run's own is not asked for.
    if primary.interval_refusal is not None and EFFORTS[mode].repetitions == (1,):
        refused = primary.interval_refusal
        # Numbers of another code, such as a share of failed queries, would be read as a correlation.
        numbers = (refused.seen, refused.limit) if refused.code == "interval-not-supported" else (None, None)
        found.append(finding("interval-not-supported", mode, *numbers))
    executed = report.facts.precision_executed
    if executed != measurement.precision:
        found.append(finding("other-precision", mode, executed, measurement.precision))
    return tuple(found)


def _length(columns: Columns, score: Score, report: Report, measurement: Measurement, mode: Mode) -> list[Finding]:
    found = []
    primary, effort = PRIMARY[measurement.scenario], effort_of(mode, measurement)
    refusal = score.metrics[primary].refusal
    if refusal is not None and refusal.code != "too-few-queries":
        refusal = None  # queries that failed, or no time that passed: found below, under their own codes
    if refusal is not None or report.cut_short:
        seen, limit = (refusal.seen, refusal.limit) if refusal else (columns.rows, None)
        found.append(finding("too-few-queries", mode, seen, limit, primary))
    # A twentieth is the margin the length was planned with. A trace is as long as it is.
    if measurement.scenario != "trace" and columns.elapsed_ns / 1e9 < 0.95 * effort.duration_s:
        found.append(finding("too-short", mode, columns.elapsed_ns / 1e9, effort.duration_s))
    if report.steady is False:
        found.append(finding("not-steady", mode, report.warmup_cut, report.warmup_rows // 2))
    return found


def _answers(columns: Columns, report: Report, mode: Mode) -> list[Finding]:
    found = []
    failed = int((columns.status == FAILED).sum())
    if failed:
        found.append(finding("queries-failed", mode, failed, 0))
    if report.fault is not None and report.fault.cause is not None:
        found.append(finding(report.fault.cause, mode, report.fault.words, subject="calls"))
    if report.lost_sessions:
        found.append(finding("session-lost", mode, report.lost_sessions, 0))
    if report.bad_samples:
        found.append(finding("non-finite-output", mode, report.bad_samples, 0))
    for gain, subject in ((report.repeated_input_gain, ""), (report.fresh_input_gain, "fresh")):
        if gain is not None and gain > INPUT_CACHE_GAIN:
            found.append(finding("input-cache", mode, gain, INPUT_CACHE_GAIN, subject))
    for checked, subject in ((report.verification, ""), (report.reference_check, "reference")):
        if checked is not None and checked.mismatched:
            found.append(finding("output-mismatch", mode, checked.mismatched, 0, subject))
    return found


def _open_loop(opened: OpenLoop, measurement: Measurement, mode: Mode) -> list[Finding]:
    """Whether a load that should be held was kept up with, and whether the harness itself was late."""
    bound_ns = measurement.latency_bound_ns
    assert bound_ns is not None
    found = _backlog(opened.queries, bound_ns, mode) if measurement.scenario in _HELD else []
    late, limit_ns = opened.lateness, HARNESS_LATE * bound_ns
    if late is not None and late.judged_ns > limit_ns:
        found.append(finding("harness-late", mode, late.judged_ns / 1e9, limit_ns / 1e9))
    return found


def _backlog(queries: Columns, bound_ns: int, mode: Mode) -> list[Finding]:
    # A frame that was dropped is missed, but waits no longer.
    gone = (queries.ended_ns <= int(queries.scheduled_ns[-1]) + bound_ns) & (queries.status != FAILED)
    kept_up = float(gone.mean())
    if kept_up < _KEPT_UP:
        return [finding("overloaded", mode, kept_up, _KEPT_UP)]
    if grows(latencies(queries.scheduled_ns, queries.ended_ns, queries.status)):
        return [finding("overloaded", mode)]
    return []


def _busy_time(
    columns: Columns, score: Score, report: Report, measurement: Measurement, mode: Mode, seen: InFlight | None
) -> list[Finding]:
    checks = [*worker_checks(columns, report.elapsed_ns), *in_flight_checks(columns, seen)]
    rate = score.metrics.get("queries_per_s")
    closed = measurement.scenario in ("single_stream", "multi_stream")
    if closed and rate is not None and rate.value is not None and not columns.status.any():
        checks.append(closed_loop_check(columns, rate.value * _rows_per_query(columns), report.elapsed_ns))
    return [finding("busy-time", mode, check.seen, check.limit, check.name) for check in checks if not check.ok]


def _rows_per_query(columns: Columns) -> float:
    return columns.rows / (int(columns.first_query[-1]) + int(columns.queries[-1]))


def _interpreter(ran: Interpreter | None, mode: Mode) -> list[Finding]:
    collections = ran.collections + (ran.engine_collections or 0) if ran is not None else 0
    return [finding("garbage-collected", mode, collections, 0)] if collections else []


def _host(noise: Noise, mode: Mode) -> list[Finding]:
    found = []
    if (noise.foreign_cpu_share or 0.0) > FOREIGN_SHARE:
        found.append(finding("host-busy", mode, noise.foreign_cpu_share, FOREIGN_SHARE, "other processes"))
    if (noise.steal_share or 0.0) > STEAL_SHARE:
        found.append(finding("host-busy", mode, noise.steal_share, STEAL_SHARE, "hypervisor"))
    if (noise.frequency_change or 0.0) > CLOCK_CHANGE:
        found.append(finding("clock-varied", mode, noise.frequency_change, CLOCK_CHANGE))
    if noise.swapped_pages:
        found.append(finding("memory-swapped", mode, noise.swapped_pages, 0))
    return found
