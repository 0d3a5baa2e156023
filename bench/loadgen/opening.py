"""Everything of a repetition that is opened before the clock starts: engine, loaded set, sessions, lane."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec

from bench.apart.remote import RemoteModel
from bench.backends.base import Model, Options, Session
from bench.loadgen.engine import compiled_for
from bench.loadgen.footage import clips_of, said
from bench.loadgen.lane import AllDue, Closed, Lane
from bench.loadgen.outputs import OutputRing
from bench.loadgen.pipeline import PipelineSession
from bench.loadgen.placing import Placed, placed
from bench.loadgen.playing import FrameSet, playing
from bench.loadgen.reporter import Reporter
from bench.loadgen.samples import Layout, LoadedSet
from bench.models.base import Workload
from bench.models.end_to_end import EndToEnd, filmed
from bench.models.graph import forms_of, graph_statistics, model_hash
from bench.models.opening import open_workload
from bench.records.hashing import derive_seed, record_hash
from bench.records.job import Footage, Job
from bench.records.plan import OPEN_LOOPS
from bench.tasks.cameras import Cameras


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Everything opened for one repetition. `job` has its seed; `int8_due`: see `Report`."""

    job: Job
    workload: Workload
    model: Model
    model_hash: str
    int8_due: float | None
    placed: Placed
    lane: Lane
    apart: RemoteModel | None
    footage: Footage | None = None

    @property
    def session_hash(self) -> str:
        """Of what was made ready: model, precision, engine and what it applied, device by device."""
        main, *others = (
            {
                "precision": facts.precision_executed,
                "engine": [facts.engine, facts.engine_version, facts.driver_version],
                "applied": facts.applied,
            }
            for facts in (entry.facts for entry in self.placed.on)
        )
        return record_hash({"model": self.model_hash, **main} | ({"more_devices": others} if others else {}))


@contextlib.contextmanager
def opened(job: Job, reporter: Reporter) -> Iterator[Ready]:
    """The engine of `job`, compiled before its samples are made, with a lane that is ready to warm up.

    Raises PluginError, BadFile, BadModel, Unsupported or EngineError.
    """
    measurement = job.measurement
    workload = open_workload(measurement.workload, job, measurement.timed_region)
    with opened_model(job, workload, workload.model(measurement.precision), reporter) as ready:
        yield ready


@contextlib.contextmanager
def opened_model(job: Job, workload: Workload, model: Model, reporter: Reporter) -> Iterator[Ready]:
    """`model` made ready as `job` says, and fed with what it feeds `workload`'s own; as `opened`."""
    measurement = job.measurement
    reporter.phase("compile")
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
    job = reporter.unsealed(job)
    reporter.phase("load")
    cameras = _cameras(workload, reporter)
    samples = _loaded_set(workload, job, apart.inputs if apart else None, cameras)
    with placed(compiled, measurement.workers) as ready:
        answering, sessions = _answering(workload, model, ready.sessions, options, cameras)
        closed = Closed(rows_per_query=measurement.samples_per_query // measurement.batch)
        lane = Lane(
            # An open loop warms up with full batches and no gaps; its schedule comes with the rate.
            issue=AllDue() if measurement.scenario in OPEN_LOOPS | {"offline"} else closed,
            samples=samples,
            sessions=sessions,
            rings=tuple(OutputRing(answering.outputs, measurement.batch, worker) for worker in range(len(sessions))),
        )
        # Of the file that was compiled, not what the workload says of it.
        digest = model_hash(model.path)
        due = (
            graph_statistics(model.path, forms_of(model.inputs)).int8_share if measurement.precision == "int8" else None
        )
        yield Ready(
            job=job,
            workload=workload,
            model=answering,
            model_hash=digest,
            int8_due=due,
            placed=msgspec.structs.replace(ready, sessions=sessions),
            lane=lane,
            apart=apart,
            footage=said(cameras.clips, workload.spec.video) if cameras and workload.spec.video else None,
        )


def _answering(
    workload: Workload, model: Model, sessions: tuple[Session, ...], options: Options, cameras: Cameras | None
) -> tuple[Model, tuple[Session, ...]]:
    """What is fed and expected back, and by which sessions: the engine's own, or pipelines around them."""
    if not isinstance(workload, EndToEnd):
        return model, sessions
    around = tuple(
        PipelineSession(
            session,
            workload.pipeline,
            workload.read,
            model.inputs,
            model.outputs,
            options.max_batch,
            options.threads,
            cameras,
        )
        for session in sessions
    )
    return workload.answering(model), around


def _cameras(workload: Workload, reporter: Reporter) -> Cameras | None:
    """Cameras on the workload's films, where these are what is timed."""
    films = filmed(workload)
    if films is None:
        return None
    return Cameras(clips_of(films, lambda expected_s: reporter.phase("footage", expected_s)))


def _loaded_set(workload: Workload, job: Job, layout: Layout | None, cameras: Cameras | None) -> LoadedSet:
    measurement = job.measurement
    if cameras is not None:
        return FrameSet(cameras, playing(job, cameras.lengths), measurement.batch, measurement.threads)
    inputs = workload.load_inputs(measurement.load_samples, derive_seed(job.seed, "load") % 2**31)
    return LoadedSet(inputs, measurement.batch, derive_seed(job.seed, "order"), layout)
