"""The measured part of a repetition, and the search for its load, on an opened engine."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from bench.host.floor import has_gil
from bench.host.watch import Watch
from bench.loadgen.driver import Driven, drive
from bench.loadgen.engine import hand_over
from bench.loadgen.keeping import keep_outputs
from bench.loadgen.load import repetition_load
from bench.loadgen.mlperf.measure import drive_by_loadgen
from bench.loadgen.mlperf.request import capacity
from bench.loadgen.opening import Ready
from bench.loadgen.outputs import Kept, SecretSample
from bench.loadgen.placing import verify_placed
from bench.loadgen.reporter import Reporter
from bench.loadgen.samples import Named
from bench.loadgen.serving import scheduled_lane, search_rate
from bench.loadgen.timeline import create, used
from bench.loadgen.warmup import WarmUp, measured_rows, warm_up
from bench.loadgen.witness import Witness
from bench.records.hashing import arrays_hash, derive_seed
from bench.records.job import Interpreter, Job, Report, SearchReport
from bench.records.plan import OPEN_LOOPS


def measure(job: Job, ready: Ready, warm: WarmUp, first: Named, gain: float | None, reporter: Reporter) -> Report:
    """Drive a repetition on what is open and warm, hold its answers against `first`, and keep some of them."""
    measurement, lane, rate_per_s = job.measurement, ready.lane, job.rate_per_s
    open_loop = measurement.scenario in OPEN_LOOPS
    if open_loop:
        rate_per_s = rate_per_s or measurement.batch / warm.row_s
        load = repetition_load(job, rate_per_s)
        lane, rows, cut_short, expected_s = scheduled_lane(job, lane, load), load.count, load.cut_short, load.seconds
    else:
        rows, cut_short = measured_rows(lane, measurement.scenario, job.effort, warm.row_s)
        expected_s = rows * warm.row_s
    room = capacity(measurement, rows)
    timeline = create(Path(job.folder) / "columns", room, open_loop)
    secret = SecretSample(rows, measurement.batch, derive_seed(job.seed, "verify"))
    reporter.phase("measure", expected_s)
    handed_over = hand_over(lane)
    watch, cpu_before_s, engine_before_s = Watch(), _cpu_s(ready), _engine_cpu_s(ready)
    kept: Kept = secret
    loadgen, witness = None, Witness()
    if ready.apart is not None:
        ready.apart.hold_garbage()
    if measurement.driver == "loadgen":
        driven, kept, loadgen = drive_by_loadgen(job, lane, rows, timeline, secret, witness)
    else:
        driven = drive(lane, timeline, secret, witness=witness)
    cpu_s = _cpu_s(ready) - cpu_before_s
    noise = watch.stop(engine_s=_engine_cpu_s(ready) - engine_before_s)
    interpreter = _interpreter(ready, driven)
    witness.keep(Path(job.folder) / "columns")
    reporter.phase("verify")
    checked = verify_placed(ready.placed, ready.model, lane.samples, kept, first, driven.lost)
    keep_outputs(Path(job.folder), secret)
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
        rows=used(timeline).rows,
        cpu_s=cpu_s,
        warmup_rows=warm.rows,
        warmup_cut=warm.cut,
        steady=warm.steady,
        cut_short=cut_short,
        repeated_input_gain=gain,
        bad_samples=sum(ring.bad_samples for ring in lane.rings),
        verification=checked,
        noise=noise,
        rate_per_s=rate_per_s if open_loop else None,
        lost_sessions=len(driven.lost),
        hand_over=handed_over,
        loadgen=loadgen,
        interpreter=interpreter,
    )


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


def _interpreter(ready: Ready, driven: Driven) -> Interpreter:
    # An engine's process whose sessions do not come back might not answer this either.
    asked = ready.apart if not driven.lost else None
    return Interpreter(
        gil=has_gil(),
        switch_interval_s=sys.getswitchinterval(),
        collections=driven.collections,
        engine_collections=asked.release_garbage() if asked is not None else None,
    )


def _cpu_s(ready: Ready) -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime + _engine_cpu_s(ready)


def _engine_cpu_s(ready: Ready) -> float:
    return ready.apart.cpu_s() if ready.apart is not None else 0.0
