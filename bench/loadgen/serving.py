"""Open-loop repetitions and the search for a load, on an opened lane: what is due, until when, and what came of it.

Trials of a search are never scored. They draw one sequence of arrivals, so that a higher rate is the same load,
compressed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter

import msgspec
import numpy as np

from bench.loadgen.driver import drive
from bench.loadgen.lane import Broken, Lane, LateCount, Scheduled
from bench.loadgen.load import Load, repetition_load
from bench.loadgen.schedule import open_loop_columns
from bench.loadgen.search import RateSearch
from bench.loadgen.timeline import in_memory, used
from bench.records.job import Fault, Job
from bench.records.search import Outcome, Search, SearchTrial
from bench.scoring.columns import latencies
from bench.scoring.holding import grows
from bench.scoring.server import LATE_ALLOWED, each_query

# A row that takes this many bounds has failed, and so have queries still waiting that long after the last one was due.
_PATIENCE_BOUNDS = 10
_LEAST_PATIENCE_NS = 1_000_000_000
# A search may take six repetitions; its trials are shorter, so that there are at least ten of them.
_TRIAL_SHARE = 0.6
_SEARCH_SHARE = 6.0


def scheduled_lane(job: Job, lane: Lane, load: Load) -> Lane:
    """The lane of one repetition, its sessions prepared for batches of every size."""
    warm_sizes(lane)
    return _under(job, lane, load)


def warm_sizes(lane: Lane) -> None:
    """Run every batch size once, where there are many the powers of two: engines prepare a size when it first comes."""
    most = lane.samples.batch
    sizes = range(1, most + 1) if most <= 64 else [2**power for power in range(most.bit_length())]
    for session, ring in zip(lane.sessions, lane.rings, strict=True):
        for size in sizes:
            session.run(lane.samples.span(0, size), ring.part(0, size))


def search_rate(job: Job, lane: Lane, row_s: float, announce: Callable[[float], None]) -> Search:
    """Search for the highest load that holds the bound; `row_s` is the time per full batch with no gaps.

    Cameras are whole: their rate goes in steps of one. `announce` is called before each trial with the seconds that it
    should take.
    """
    begun, spent_s = perf_counter(), 0.0
    warm_sizes(lane)
    offline_per_s = lane.samples.batch / row_s
    search = RateSearch(offline_per_s, job.effort.search_width, job.measurement.frames_per_s)
    trials: list[SearchTrial] = []
    while (rate := search.next_rate()) is not None:
        load = repetition_load(job, rate, _TRIAL_SHARE, "search")
        if search.passing is not None and spent_s + load.seconds > _SEARCH_SHARE * load.seconds / _TRIAL_SHARE:
            break
        announce(load.seconds)
        trial = _trial(job, lane, rate, load)
        trials.append(trial)
        spent_s += trial.seconds
        search.tell(rate, trial.outcome == "held")
    return Search(
        offline_per_s=offline_per_s,
        trials=tuple(trials),
        passing_per_s=search.passing,
        failing_per_s=search.failing,
        seconds=perf_counter() - begun,
    )


def _trial(job: Job, lane: Lane, rate: float, load: Load) -> SearchTrial:
    bound_ns = job.measurement.latency_bound_ns
    assert bound_ns is not None
    arrivals, groups = load.arrivals, load.groups
    most = math.floor(LATE_ALLOWED * load.count / groups)
    late = LateCount(bound_ns, most, arrivals.group)
    timeline = in_memory(load.count, open_loop=True)
    under = _under(job, lane, load)
    begun = perf_counter()
    driven = drive(under, timeline, late=late)
    seconds = perf_counter() - begun
    if driven.lost:
        raise Broken(Fault(words="the engine hangs: a session did not come back while a load was searched for"))
    outcome: Outcome = "late"
    missed = late.late
    if not late.full:
        queries = each_query(open_loop_columns(used(timeline), arrivals.times_ns, driven.t0_ns), arrivals.times_ns)
        latency = latencies(queries.scheduled_ns, queries.ended_ns, queries.status)
        over = latency > bound_ns
        missed = int(np.count_nonzero(over))
        worst = missed if arrivals.group is None else int(np.bincount(arrivals.group, over).max())
        if worst <= most:
            outcome = "grew" if grows(latency) else "held"
    return SearchTrial(rate_per_s=rate, queries=load.count, late=missed, seconds=seconds, outcome=outcome)


def _under(job: Job, lane: Lane, load: Load) -> Lane:
    """The lane under a load: when each query is due, and what it is fed with."""
    cameras = load.arrivals.group if job.measurement.scenario == "streams" else None
    samples = lane.samples if cameras is None else lane.samples.watching(cameras)
    return msgspec.structs.replace(lane, issue=_schedule(job, load), samples=samples)


def _schedule(job: Job, load: Load) -> Scheduled:
    measurement, times_ns = job.measurement, load.arrivals.times_ns
    bound_ns = measurement.latency_bound_ns
    assert bound_ns is not None
    timeout_ns = measurement.timeout_ns or max(_PATIENCE_BOUNDS * bound_ns, _LEAST_PATIENCE_NS)
    # The end of a ramp leaves a queue of several steps.
    patience_ns = max(timeout_ns, int(times_ns[-1])) if measurement.scenario == "ramp" else timeout_ns
    return Scheduled(
        times_ns=times_ns,
        max_wait_ns=measurement.max_wait_ns,
        drop_after_ns=bound_ns if measurement.scenario == "streams" else None,
        timeout_ns=timeout_ns,
        give_up_ns=int(times_ns[-1]) + patience_ns,
    )
