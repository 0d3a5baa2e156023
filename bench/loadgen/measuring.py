"""The measured part of a repetition, and the search for its load, on opened engines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.loadgen.answering import answer_loaded
from bench.loadgen.costs import Costs, hold_garbage, interpreter_of
from bench.loadgen.driver import Driven, drive, drive_together
from bench.loadgen.engine import hand_over, round_trip
from bench.loadgen.gate import wait_for_start
from bench.loadgen.input_cache import repeated_input_gain
from bench.loadgen.keeping import answer_evaluation_set, keep_outputs
from bench.loadgen.lane import Lane, Shift
from bench.loadgen.load import Load, common_schedule_s, repetition_load
from bench.loadgen.mlperf.measure import drive_by_loadgen
from bench.loadgen.mlperf.request import capacity
from bench.loadgen.opening import Ready
from bench.loadgen.outputs import Kept, SecretSample
from bench.loadgen.pipeline import restart, total
from bench.loadgen.placing import verify_placed
from bench.loadgen.reporter import Reporter
from bench.loadgen.robustness import answer_under_stress
from bench.loadgen.samples import LoadedSet, Named
from bench.loadgen.serving import scheduled_lane, search_rate
from bench.loadgen.timeline import Timeline, create, used
from bench.loadgen.warmup import WarmUp, measured_rows, warm_up
from bench.loadgen.witness import Witness
from bench.records.hashing import arrays_hash, derive_seed
from bench.records.host import Noise
from bench.records.job import HandOver, Job, Report, RoundTrip, SearchReport
from bench.records.loadgen import LoadGenReport
from bench.records.plan import OPEN_LOOPS

# Of what the engine does without gaps, shared equally: a load that a machine of its own could well hold.
_TOGETHER_SHARE = 0.7


class Warmed(msgspec.Struct, frozen=True, kw_only=True):
    """A workload that is open and warm, with the answers that it gave before the clock started."""

    job: Job
    ready: Ready
    first: Named
    warm: WarmUp
    gain: float | None


class _Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What is about to be driven: lane and arrays, and what its report says of the load."""

    lane: Lane
    timeline: Timeline
    secret: SecretSample
    expected_s: float
    cut_short: bool
    rows: int
    rate_per_s: float | None = None


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen while it was driven."""

    driven: Driven
    kept: Kept
    witness: Witness
    noise: Noise
    cpu_s: float | None
    handed_over: HandOver | None = None
    round_trip: RoundTrip | None = None
    loadgen: LoadGenReport | None = None


def warmed(job: Job, ready: Ready, reporter: Reporter) -> Warmed:
    """Answer what is checked outside the clock, and warm up. Raises as the engine does."""
    if job.quality:
        answer_evaluation_set(job, ready, reporter)
        answer_under_stress(job, ready, reporter)
    first = answer_loaded(ready.lane.sessions[0], ready.model, ready.lane.samples, lambda: reporter.phase("answer"))
    warm = warm_up(ready.lane, job.effort, lambda expected_s: reporter.phase("warm-up", expected_s))
    # A camera's frame again and again is not the same work without its film: it is decoded from its key frame on.
    repeatable = job.check_input_cache and ready.footage is None
    gain = repeated_input_gain(ready.lane, warm.row_s, ready.model.varying) if repeatable else None
    return Warmed(job=job, ready=ready, first=first, warm=warm, gain=gain)


def measure(one: Warmed, reporter: Reporter) -> Report:
    """Drive a repetition on what is open and warm, hold its answers against the first ones, and keep some of them."""
    planned = _planned(one)
    handed_over, way = hand_over(planned.lane), round_trip(planned.lane)
    wait_for_start(one.job.gate, reporter)
    reporter.phase("measure", planned.expected_s)
    restart(planned.lane.sessions)
    costs = Costs()
    hold_garbage([one.ready])
    lane, timeline, secret, witness = planned.lane, planned.timeline, planned.secret, Witness()
    kept, loadgen = Kept(), None
    if one.job.measurement.driver == "loadgen":
        driven, kept, loadgen = drive_by_loadgen(one.job, lane, planned.rows, timeline, secret, witness)
    else:
        driven, kept = drive(lane, timeline, secret, witness=witness), secret
    cpu_s, noise = costs.stop()
    reporter.phase("verify")
    seen = _Seen(
        driven=driven,
        kept=kept,
        witness=witness,
        noise=noise,
        cpu_s=cpu_s,
        handed_over=handed_over,
        round_trip=way,
        loadgen=loadgen,
    )
    return _report(one, planned, seen)


def measure_together(several: Sequence[Warmed], reporter: Reporter) -> list[Report]:
    """Drive several workloads at once from one t0, each its own open loop; as `measure`."""
    rates = [one.job.rate_per_s or _share_per_s(one, len(several)) for one in several]
    schedule_s = common_schedule_s(several[0].job.effort, rates)
    plans = [
        _scheduled(one, rate, repetition_load(one.job, rate, schedule_s=schedule_s))
        for one, rate in zip(several, rates, strict=True)
    ]
    reporter.phase("measure", schedule_s)
    handed_over = [(hand_over(planned.lane), round_trip(planned.lane)) for planned in plans]
    for planned in plans:
        restart(planned.lane.sessions)
    costs = Costs()
    hold_garbage([one.ready for one in several])
    shifts = [
        Shift(lane=planned.lane, timeline=planned.timeline, secret=planned.secret, witness=Witness())
        for planned in plans
    ]
    driven = drive_together(shifts)
    _, noise = costs.stop()
    reports = []
    for one, planned, shift, own, (handed, way) in zip(several, plans, shifts, driven, handed_over, strict=True):
        reporter.phase("verify")
        assert shift.witness is not None
        seen = _Seen(
            driven=own,
            kept=planned.secret,
            witness=shift.witness,
            noise=noise,
            cpu_s=None,
            handed_over=handed,
            round_trip=way,
        )
        others = {
            other.job.measurement.workload: rate for other, rate in zip(several, rates, strict=True) if other is not one
        }
        report = _report(one, planned, seen)
        reports.append(msgspec.structs.replace(report, schedule_s=schedule_s, beside=others))
    return reports


def search(job: Job, ready: Ready, reporter: Reporter) -> SearchReport:
    """Warm up and search for the highest load that holds the bound."""
    warm = warm_up(ready.lane, job.effort, lambda expected_s: reporter.phase("warm-up", expected_s))
    found = search_rate(job, ready.lane, warm.row_s, lambda expected_s: reporter.phase("search", expected_s))
    main, *others = ready.placed.on
    return SearchReport(
        device=main.device,
        facts=main.facts,
        more_devices=tuple(others),
        model_hash=ready.model_hash,
        session_hash=ready.session_hash,
        search=found,
    )


def _share_per_s(one: Warmed, workloads: int) -> float:
    """The rate of one of several workloads for which none was given."""
    return _TOGETHER_SHARE / workloads * _alone_per_s(one)


def _alone_per_s(one: Warmed) -> float:
    """What the engine does without gaps and with nothing beside it."""
    return one.job.measurement.batch / one.warm.row_s


def _planned(one: Warmed) -> _Planned:
    job, lane = one.job, one.ready.lane
    if job.measurement.scenario in OPEN_LOOPS:
        rate_per_s = job.rate_per_s or _alone_per_s(one)
        return _scheduled(one, rate_per_s, repetition_load(job, rate_per_s))
    rows, cut_short = measured_rows(lane, job.measurement.scenario, job.effort, one.warm.row_s)
    return _Planned(
        lane=lane,
        timeline=create(Path(job.folder) / "columns", rows, open_loop=False),
        secret=_secret(job, rows),
        expected_s=rows * one.warm.row_s,
        cut_short=cut_short,
        rows=rows,
    )


def _scheduled(one: Warmed, rate_per_s: float, load: Load) -> _Planned:
    job = one.job
    return _Planned(
        lane=scheduled_lane(job, one.ready.lane, load),
        timeline=create(Path(job.folder) / "columns", capacity(job.measurement, load.count), open_loop=True),
        secret=_secret(job, load.count),
        expected_s=load.seconds,
        cut_short=load.cut_short,
        rows=load.count,
        rate_per_s=rate_per_s,
    )


def _secret(job: Job, rows: int) -> SecretSample:
    return SecretSample(rows, job.measurement.batch, derive_seed(job.seed, "verify"))


def _report(one: Warmed, planned: _Planned, seen: _Seen) -> Report:
    ready, lane, driven = one.ready, planned.lane, seen.driven
    interpreter, stages = interpreter_of(ready, driven), total(lane.sessions)
    seen.witness.keep(Path(one.job.folder) / "columns")
    checked = verify_placed(ready.placed, ready.model, lane.samples, seen.kept, one.first, driven.lost)
    keep_outputs(Path(one.job.folder), planned.secret)
    main, *others = ready.placed.on
    return Report(
        device=main.device,
        facts=main.facts,
        more_devices=tuple(others),
        model_hash=ready.model_hash,
        session_hash=ready.session_hash,
        load_sha256=arrays_hash(lane.samples.row(0)),
        t0_ns=driven.t0_ns,
        elapsed_ns=driven.elapsed_ns,
        rows=used(planned.timeline).rows,
        cpu_s=seen.cpu_s,
        warmup_rows=one.warm.rows,
        warmup_cut=one.warm.cut,
        steady=one.warm.steady,
        cut_short=planned.cut_short,
        repeated_input_gain=one.gain,
        bad_samples=sum(ring.bad_samples for ring in lane.rings),
        verification=checked,
        noise=seen.noise,
        rate_per_s=planned.rate_per_s,
        lost_sessions=len(driven.lost),
        hand_over=seen.handed_over,
        round_trip=seen.round_trip,
        int8_due=ready.int8_due,
        loadgen=seen.loadgen,
        interpreter=interpreter,
        stages=stages,
        footage=ready.footage,
        mean_sample_s=_mean_sample_s(ready, lane.samples),
        fault=driven.fault,
    )


def _mean_sample_s(ready: Ready, samples: LoadedSet) -> float | None:
    """How long recordings of the loaded set last; None for other samples, and for files, whose bytes do not tell."""
    varying = ready.model.varying
    if varying is None or varying.places_per_s is None or varying.length not in samples.row(0):
        return None
    return float(samples.of_all(varying.length).mean()) / varying.places_per_s
