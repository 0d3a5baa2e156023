"""Open-loop repetitions and the search for a rate, on an opened lane: how many queries, when, and until when.

Trials of a search are never scored. They use one sequence of gaps, so that a higher rate is the same load, compressed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.loadgen.arrivals import poisson_ns
from bench.loadgen.driver import drive
from bench.loadgen.lane import Lane, LateCount, Scheduled
from bench.loadgen.schedule import open_loop_columns
from bench.loadgen.search import RateSearch
from bench.loadgen.timeline import in_memory, used
from bench.records.hashing import derive_seed
from bench.records.job import Job
from bench.records.plan import LEAST_QUERIES
from bench.records.search import Search, SearchTrial
from bench.scoring.columns import latencies
from bench.scoring.holding import grows
from bench.scoring.server import LATE_ALLOWED, each_query

# Queries still waiting this many bounds after the last one was due have failed.
_PATIENCE_BOUNDS = 10
_LEAST_PATIENCE_NS = 1_000_000_000
# Ten trials of this share of a repetition are the six repetitions that a search may cost.
_TRIAL_SHARE = 0.6
_MOST_TRIALS = 10


def query_count(job: Job, rate_per_s: float, share: float = 1.0) -> tuple[int, bool]:
    """Queries of a repetition at `rate_per_s`, and whether the mode's longest time cut them below what p99 needs."""
    least = LEAST_QUERIES["server"]
    wanted = max(least, math.ceil(rate_per_s * job.effort.duration_s))
    allowed = max(1, math.floor(rate_per_s * job.effort.longest_s))
    return max(1, math.ceil(min(wanted, allowed) * share)), allowed < least


def scheduled_lane(job: Job, lane: Lane) -> tuple[Lane, int, bool, float]:
    """The lane of one repetition, its number of queries, whether they are too few, and how many seconds it takes."""
    assert job.rate_per_s is not None
    warm_sizes(lane)
    count, cut_short = query_count(job, job.rate_per_s)
    issue = _schedule(job, repetition_arrivals(job, count, job.rate_per_s))
    return msgspec.structs.replace(lane, issue=issue), count, cut_short, count / job.rate_per_s


def repetition_arrivals(job: Job, count: int, rate_per_s: float) -> NDArray[np.int64]:
    """When the queries of a repetition are due, in ns after t0, (count,)."""
    return poisson_ns(count, rate_per_s, derive_seed(job.seed, "arrivals"))


def warm_sizes(lane: Lane) -> None:
    """Run every batch size once, where there are many the powers of two: engines prepare a size when it first comes."""
    most = lane.samples.batch
    sizes = range(1, most + 1) if most <= 64 else [2**power for power in range(most.bit_length())]
    for session, ring in zip(lane.sessions, lane.rings, strict=True):
        for size in sizes:
            session.run(lane.samples.span(0, size), ring.part(0, size))


def search_rate(job: Job, lane: Lane, row_s: float, announce: Callable[[float], None]) -> Search:
    """Search for the highest rate that holds the bound; `row_s` is the time per full batch with no gaps.

    `announce` is called before each trial with the seconds that it should take.
    """
    begun = perf_counter()
    warm_sizes(lane)
    offline_per_s = lane.samples.batch / row_s
    search = RateSearch(offline_per_s, job.effort.search_width, _MOST_TRIALS)
    trials = []
    while (rate := search.next_rate()) is not None:
        count, _ = query_count(job, rate, _TRIAL_SHARE)
        announce(count / rate)
        trial = _trial(job, lane, rate, count)
        trials.append(trial)
        search.tell(rate, trial.outcome == "held")
    return Search(
        offline_per_s=offline_per_s,
        trials=tuple(trials),
        passing_per_s=search.passing,
        failing_per_s=search.failing,
        seconds=perf_counter() - begun,
    )


def _trial(job: Job, lane: Lane, rate: float, count: int) -> SearchTrial:
    bound_ns = job.measurement.latency_bound_ns
    assert bound_ns is not None
    issue = _schedule(job, poisson_ns(count, rate, derive_seed(job.seed, "search")))
    late = LateCount(bound_ns, math.floor(LATE_ALLOWED * count))
    timeline = in_memory(count, open_loop=True)
    begun = perf_counter()
    driven = drive(msgspec.structs.replace(lane, issue=issue), timeline, late=late)
    seconds = perf_counter() - begun
    if late.full:
        return SearchTrial(rate_per_s=rate, queries=count, late=late.late, seconds=seconds, outcome="late")
    columns = each_query(open_loop_columns(used(timeline), issue.times_ns, driven.t0_ns), issue.times_ns)
    latency = latencies(columns.scheduled_ns, columns.ended_ns, columns.status)
    missed = int(np.count_nonzero(latency > bound_ns))
    held = missed <= LATE_ALLOWED * count
    outcome = "late" if not held else "grew" if grows(latency) else "held"
    return SearchTrial(rate_per_s=rate, queries=count, late=missed, seconds=seconds, outcome=outcome)  # type: ignore[arg-type]


def _schedule(job: Job, times_ns: NDArray[np.int64]) -> Scheduled:
    bound_ns = job.measurement.latency_bound_ns
    assert bound_ns is not None
    patience_ns = max(_PATIENCE_BOUNDS * bound_ns, _LEAST_PATIENCE_NS)
    return Scheduled(
        times_ns=times_ns,
        max_wait_ns=job.measurement.max_wait_ns,
        give_up_ns=int(times_ns[-1]) + patience_ns,
    )
