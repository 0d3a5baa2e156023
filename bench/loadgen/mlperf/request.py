"""What LoadGen is asked for: the length, the seeds and the limits of one test, from the job of a repetition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from bench.backends.base import Unsupported
from bench.loadgen.lane import Lane
from bench.records.hashing import derive_seed
from bench.records.job import Job
from bench.records.plan import Measurement, Scenario

# LoadGen lays out every sample before it starts, in about half a kilobyte each.
MOST_SAMPLES = 2_000_000
MOST_TRACE_BYTES = 256 << 20
# Bytes of trace for a sample, seen with 6.0.17 and rounded up; a query's own lines are shared by its samples.
_TRACE_BYTES: Mapping[Scenario, int] = MappingProxyType(
    {"single_stream": 750, "multi_stream": 400, "server": 900, "offline": 300}
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One test. `queries` is exact, but in `server`, where LoadGen goes on until `duration_s` is scheduled.

    `loaded` is the number of labels that it may draw at a time, of `total`; `trace` whether it writes when each sample
    was issued and done. `mlperf`: the seeds and limits are MLPerf's, those here are not looked at; `accuracy`: every
    sample is asked for once, and the answers are logged.
    """

    scenario: Scenario
    queries: int
    samples_per_query: int
    duration_s: float
    loaded: int
    trace: bool
    qsl_seed: int
    sample_seed: int
    schedule_seed: int
    rate_per_s: float | None = None
    bound_ns: int | None = None
    total: int | None = None
    mlperf: bool = False
    accuracy: bool = False

    @property
    def samples(self) -> int:
        return self.queries * self.samples_per_query


def request_of(job: Job, lane: Lane, rows: int) -> Request:
    """The test of `rows` rows (`server`: of that many queries at least). Raises Unsupported for one that is too long.

    But in mode `mlperf`, MLPerf's own counts, durations and seeds are not taken: the harness's are, so that equal
    repetitions can be compared; the seeds differ from repetition to repetition.
    """
    measurement = job.measurement
    scenario = measurement.scenario
    queries, per_query = _queries(scenario, rows, lane)
    samples = queries * per_query
    trace = samples * _TRACE_BYTES[scenario] <= MOST_TRACE_BYTES
    if samples > MOST_SAMPLES or (scenario == "server" and not trace):
        most = MOST_SAMPLES if scenario != "server" else MOST_TRACE_BYTES // _TRACE_BYTES[scenario]
        raise Unsupported(
            f"{measurement.name}: LoadGen would have to lay out {samples} samples, and at most {most} are taken; "
            "use `--driver bench`, a shorter `--mode`, or a lower `--rate`."
        )
    return Request(
        scenario=scenario,
        queries=queries,
        samples_per_query=per_query,
        duration_s=job.effort.loadgen_s or job.effort.duration_s,
        mlperf=job.mlperf is not None,
        loaded=lane.samples.count,
        trace=trace,
        qsl_seed=derive_seed(job.seed, "loadgen-set"),
        sample_seed=derive_seed(job.seed, "loadgen-samples"),
        schedule_seed=derive_seed(job.seed, "arrivals"),
        rate_per_s=job.rate_per_s,
        bound_ns=measurement.latency_bound_ns,
    )


def accuracy_request(job: Job, total: int) -> Request:
    """The accuracy test over all `total` evaluation samples, loaded as many at a time as are fed when it is timed."""
    measurement = job.measurement
    return Request(
        scenario=measurement.scenario,
        queries=total,
        samples_per_query=measurement.samples_per_query,
        duration_s=0.0,
        loaded=min(total, measurement.load_samples),
        total=total,
        trace=False,
        qsl_seed=0,
        sample_seed=0,
        schedule_seed=0,
        rate_per_s=job.rate_per_s or measurement.rate_per_s,
        bound_ns=measurement.latency_bound_ns,
        mlperf=True,
        accuracy=True,
    )


def capacity(measurement: Measurement, rows: int) -> int:
    """Rows that a run of `rows` may take: a schedule that LoadGen draws until its time is over may be longer."""
    drawn = measurement.driver == "loadgen" and measurement.scenario == "server"
    return rows + math.ceil(10 * math.sqrt(rows)) + 100 if drawn else rows


def _queries(scenario: Scenario, rows: int, lane: Lane) -> tuple[int, int]:
    """Queries of a test, and samples in each."""
    if scenario == "offline":
        return 1, rows * lane.samples.batch
    if scenario == "server":
        return rows, 1
    return rows // lane.rows_per_query, lane.rows_per_query * lane.samples.batch
