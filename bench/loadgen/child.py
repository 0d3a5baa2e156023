"""The process of one repetition: open the engine, answer the evaluation set, warm up, measure, verify, report.

Started by `bench.loadgen.supervisor` as `python -m bench.loadgen.child JOB EVENTS_FD`; it never scores and never
writes outside its trial's folder.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import hashlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.apart.remote import RemoteModel
from bench.backends.base import Model, Options, Unsupported
from bench.host.engine_process import die_with_parent
from bench.host.watch import Watch
from bench.loadgen.answering import answer_all, answer_loaded, chosen_indices
from bench.loadgen.driver import drive
from bench.loadgen.engine import compiled_for, hand_over
from bench.loadgen.input_cache import repeated_input_gain
from bench.loadgen.lane import AllDue, Closed, Lane, one_line
from bench.loadgen.load import repetition_load
from bench.loadgen.mlperf.measure import drive_by_loadgen
from bench.loadgen.mlperf.request import capacity
from bench.loadgen.outputs import Kept, OutputRing, SecretSample
from bench.loadgen.placing import Placed, placed, verify_placed
from bench.loadgen.samples import Layout, LoadedSet, Named
from bench.loadgen.serving import scheduled_lane, search_rate
from bench.loadgen.timeline import create, used
from bench.loadgen.warmup import WarmUp, measured_rows, warm_up
from bench.models.base import Workload
from bench.models.graph import model_hash
from bench.models.opening import open_workload
from bench.models.user_model import BadModel
from bench.plugins import PluginError
from bench.records.hashing import arrays_hash, derive_seed, record_hash
from bench.records.job import Event, Failure, Job, Phase, Report, SearchReport
from bench.records.plan import OPEN_LOOPS, SEARCHED
from bench.records.untrusted import BadFile
from bench.store.files import write_bytes, write_record
from bench.store.runs import SEARCH

EXIT_FAILED = 3
INDICES, NUMBERS, EVALUATION_SHA256 = "__indices", "__numbers", "evaluation_sha256"
_FINGERPRINTED = 64
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class Reporter:
    """Writes events, one JSON line each, for the parent."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def send(self, event: Event) -> None:
        self._stream.write(msgspec.json.encode(event) + b"\n")
        self._stream.flush()

    def phase(self, name: str, expected_s: float = 0.0) -> None:
        self.send(Phase(name=name, expected_s=expected_s))


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Everything opened for one repetition."""

    workload: Workload
    model: Model
    model_hash: str
    placed: Placed
    lane: Lane
    apart: RemoteModel | None


def run_job(job: Job, reporter: Reporter) -> None:
    """One repetition, from the job to the files in its folder: a contents page of what happens in the child."""
    reporter.phase("compile")
    workload = open_workload(job.measurement.workload, job.model, job.data)
    with _opened(job, workload, reporter) as ready:
        if job.measurement.scenario in SEARCHED and job.rate_per_s is None:
            write_record(Path(job.folder) / SEARCH, _search(job, ready, reporter))
            return
        if job.quality:
            _answer_evaluation_set(job, ready, reporter)
        session, model = ready.lane.sessions[0], ready.model
        first = answer_loaded(session, model, ready.lane.samples, lambda: reporter.phase("answer"))
        warm = warm_up(ready.lane, job.effort, lambda expected_s: reporter.phase("warm-up", expected_s))
        gain = repeated_input_gain(ready.lane, warm.row_s) if job.check_input_cache else None
        report = _measure(job, ready, warm, first, gain, reporter)
        write_record(Path(job.folder) / "report.json", report)
        if report.lost_sessions:
            os._exit(0)  # a session that never comes back cannot be closed, nor its thread ended


def _measure(job: Job, ready: Ready, warm: WarmUp, first: Named, gain: float | None, reporter: Reporter) -> Report:
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
    loadgen = None
    if measurement.driver == "loadgen":
        driven, kept, loadgen = drive_by_loadgen(job, lane, rows, timeline, secret)
    else:
        driven = drive(lane, timeline, secret)
    cpu_s = _cpu_s(ready) - cpu_before_s
    noise = watch.stop(engine_s=_engine_cpu_s(ready) - engine_before_s)
    reporter.phase("verify")
    checked = verify_placed(ready.placed, ready.model, lane.samples, kept, first, driven.lost)
    _keep_outputs(Path(job.folder), secret)
    main, *others = ready.placed.on
    return Report(
        device=main.device,
        facts=main.facts,
        more_devices=tuple(others),
        model_hash=ready.model_hash,
        session_hash=_session_hash(ready),
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
    )


def _search(job: Job, ready: Ready, reporter: Reporter) -> SearchReport:
    warm = warm_up(ready.lane, job.effort, lambda expected_s: reporter.phase("warm-up", expected_s))
    found = search_rate(job, ready.lane, warm.row_s, lambda expected_s: reporter.phase("search", expected_s))
    main, *others = ready.placed.on
    return SearchReport(
        device=main.device,
        facts=main.facts,
        more_devices=tuple(others),
        model_hash=ready.model_hash,
        session_hash=_session_hash(ready),
        search=found,
    )


def _loaded_set(workload: Workload, job: Job, layout: Layout | None) -> LoadedSet:
    measurement = job.measurement
    inputs = workload.load_inputs(measurement.load_samples, derive_seed(job.seed, "load") % 2**31)
    return LoadedSet(inputs, measurement.batch, derive_seed(job.seed, "order"), layout)


@contextlib.contextmanager
def _opened(job: Job, workload: Workload, reporter: Reporter) -> Iterator[Ready]:
    model, measurement = workload.model(), job.measurement
    options = Options(
        precision=measurement.precision,
        max_batch=measurement.batch,
        workers=measurement.workers,
        threads=measurement.threads,
        settings=job.settings,
        varying_batch=measurement.scenario in OPEN_LOOPS and measurement.batch > 1,
    )
    compiled = compiled_for(job, model, options)
    apart = next((one for _, one in compiled if isinstance(one, RemoteModel)), None)
    # Made after the engine has compiled, which so cannot have seen them.
    reporter.phase("load")
    samples = _loaded_set(workload, job, apart.inputs if apart else None)
    with placed(compiled, measurement.workers) as ready:
        closed = Closed(rows_per_query=measurement.samples_per_query // measurement.batch)
        lane = Lane(
            # An open loop warms up with full batches and no gaps; its schedule comes with the rate.
            issue=AllDue() if measurement.scenario in OPEN_LOOPS | {"offline"} else closed,
            samples=samples,
            sessions=ready.sessions,
            rings=tuple(OutputRing(model.outputs, measurement.batch, worker) for worker in range(len(ready.sessions))),
        )
        # Of the file that was compiled, not what the workload says of it.
        digest = model_hash(model.path)
        yield Ready(workload=workload, model=model, model_hash=digest, placed=ready, lane=lane, apart=apart)


def _answer_evaluation_set(job: Job, ready: Ready, reporter: Reporter) -> None:
    workload, measurement = ready.workload, job.measurement
    total = workload.spec.quality.evaluation_samples
    indices = chosen_indices(total, measurement.quality_samples, derive_seed(job.seed, "quality"))
    if len(indices) == 0:
        return

    def inputs(part: NDArray[np.int64]) -> Named:
        reporter.phase("quality")  # with every part: the whole set may take longer than a hang is waited for
        return workload.evaluation_inputs(part)

    outputs = answer_all(ready.lane.sessions[0], ready.model, indices, inputs, measurement.batch)
    first = workload.evaluation_inputs(np.arange(min(_FINGERPRINTED, total), dtype=np.int64))
    digest = hashlib.sha256(b"".join(array.tobytes() for array in first.values())).hexdigest()
    folder = Path(job.folder) / "quality"
    folder.mkdir(exist_ok=True)
    _save(folder / "outputs.safetensors", {**outputs, INDICES: indices}, {EVALUATION_SHA256: digest})


def _keep_outputs(folder: Path, secret: SecretSample) -> None:
    """The kept outputs, (samples, …) each, and which sample of the run, counted in issue order, each belongs to."""
    if not secret.kept:
        return
    kept = sorted(secret.kept.items())
    joined = {name: np.concatenate([arrays[name] for _, arrays in kept]) for name in kept[0][1]}
    numbers = [first + np.arange(len(next(iter(arrays.values()))), dtype=np.int64) for first, arrays in kept]
    _save(folder / "outputs.safetensors", {**joined, NUMBERS: np.concatenate(numbers)})


def _save(path: Path, arrays: Named, metadata: dict[str, str] | None = None) -> None:
    from safetensors.numpy import save

    write_bytes(path, save(arrays, metadata))  # safetensors' own `save_file` hides the system's error number


def _session_hash(ready: Ready) -> str:
    main, *others = (
        {
            "precision": facts.precision_executed,
            "engine": [facts.engine, facts.engine_version, facts.driver_version],
            "applied": facts.applied,
        }
        for facts in (entry.facts for entry in ready.placed.on)
    )
    return record_hash({"model": ready.model_hash, **main} | ({"more_devices": others} if others else {}))


def _cpu_s(ready: Ready) -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime + _engine_cpu_s(ready)


def _engine_cpu_s(ready: Ready) -> float:
    return ready.apart.cpu_s() if ready.apart is not None else 0.0


def _failure(error: Exception, folder: str) -> Failure:
    if isinstance(error, PluginError | BadFile | BadModel | Unsupported):
        return Failure(message=str(error), usage=True)
    if isinstance(error, OSError):
        message = f"{error.filename or folder}: {error.strerror or error}"
        return Failure(message=message, no_room=error.errno if error.errno in _NO_ROOM else None)
    return Failure(message=one_line(error))


def main(arguments: list[str]) -> int:
    """Entry of the child process: JOB file, file descriptor for events, process id of the parent."""
    job_file, events, parent = arguments
    die_with_parent(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    faulthandler.enable()  # an engine's crash leaves in the log where it happened
    job = msgspec.json.decode(Path(job_file).read_bytes(), type=Job)
    os.set_inheritable(int(events), False)  # an engine's helper must not hold the parent's pipe open
    with os.fdopen(int(events), "wb") as stream:
        reporter = Reporter(stream)
        try:
            run_job(job, reporter)
        except Exception as error:  # noqa: BLE001 - an engine may raise anything; the traceback goes to the trial's log
            with contextlib.suppress(OSError):  # the disk may be what is full
                traceback.print_exc()  # before the event: with it the parent puts an end to this process
            reporter.send(_failure(error, job.folder))
            return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
