"""What is due in a repetition of an open loop, and when: a function of the job and its rate alone.

The child drives it, and the parent draws it again to score what came back; so it is never sent or stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.loadgen.arrivals import Arrivals, camera_frames, poisson_ns, rising_poisson
from bench.loadgen.timeline import MOST_ROWS
from bench.records.effort import LEAST_QUERIES, Effort
from bench.records.hashing import derive_seed
from bench.records.job import Job

RAMP: tuple[float, ...] = tuple(percent / 100 for percent in range(10, 121, 10))
"""The steps of a ramp, as shares of what the engine does without gaps."""
# A ramp has twelve steps of this share of a repetition, so it lasts a little more than two.
_STEP_SHARE = 0.2


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The queries of a repetition, and whether the mode's longest time cut them below what its figures need."""

    arrivals: Arrivals
    cut_short: bool = False

    @property
    def count(self) -> int:
        return len(self.arrivals.times_ns)

    @property
    def groups(self) -> int:
        """How many cameras, or steps of a ramp; 1 where all queries are alike."""
        return 1 if self.arrivals.group is None else int(self.arrivals.group.max()) + 1

    @property
    def seconds(self) -> float:
        """From t0 until the last query is due."""
        return float(self.arrivals.times_ns[-1]) / 1e9


def repetition_load(
    job: Job, rate_per_s: float, share: float = 1.0, purpose: str = "arrivals", schedule_s: float | None = None
) -> Load:
    """The load of a repetition at `rate_per_s`, or of a `share` of one; equal purposes draw the same arrivals.

    For a ramp `rate_per_s` is its 100 %; a trace has its own times; `schedule_s` is for workloads that are driven
    together (see `common_schedule_s`). Raises ValueError for more than `MOST_ROWS`
    queries, or OSError where the trace cannot be read.
    """
    seed, scenario = derive_seed(job.seed, purpose), job.measurement.scenario
    if scenario == "trace":
        return Load(arrivals=Arrivals(times_ns=np.load(Path(job.trace or ""), allow_pickle=False)))
    if scenario == "ramp":
        return _ramp(job, rate_per_s, seed)
    if scenario == "concurrent":
        assert schedule_s is not None
        count = max(1, round(rate_per_s * schedule_s))
        cut_short = count < LEAST_QUERIES[scenario]
    else:
        count, cut_short = _query_count(job, rate_per_s, share)
    if scenario in ("server", "concurrent"):
        return Load(arrivals=Arrivals(times_ns=poisson_ns(count, rate_per_s, seed)), cut_short=cut_short)
    frames_per_s = job.measurement.frames_per_s
    assert frames_per_s is not None
    channels = channels_at(rate_per_s, frames_per_s)
    return Load(arrivals=camera_frames(channels, count // channels, frames_per_s, seed), cut_short=cut_short)


def common_schedule_s(effort: Effort, rates_per_s: Sequence[float]) -> float:
    """How long workloads are driven together: until the rarest has the queries that its figures need.

    All have the same length, for each must be under way as long as the others are.
    """
    needed_s = LEAST_QUERIES["concurrent"] / min(rates_per_s)
    return min(max(effort.duration_s, needed_s), effort.longest_s, MOST_ROWS / max(rates_per_s))


def channels_at(rate_per_s: float, frames_per_s: float) -> int:
    """How many cameras make `rate_per_s` frames per second together."""
    return max(1, round(rate_per_s / frames_per_s))


def _query_count(job: Job, rate_per_s: float, share: float) -> tuple[int, bool]:
    """Queries at `rate_per_s`, and whether the mode's longest time cut them below what the figures need."""
    effort, least, unit = job.effort, LEAST_QUERIES[job.measurement.scenario], 1
    if job.measurement.frames_per_s is not None:
        unit = channels_at(rate_per_s, job.measurement.frames_per_s)
    allowed = min(MOST_ROWS, math.floor(rate_per_s * effort.longest_s)) // unit
    wanted = max(least, math.ceil(rate_per_s * effort.duration_s / unit))
    return max(1, math.ceil(min(wanted, allowed) * share)) * unit, allowed < least


def _ramp(job: Job, full_per_s: float, seed: int) -> Load:
    effort, least = job.effort, LEAST_QUERIES["ramp"]
    rates = [step * full_per_s for step in RAMP]
    counts = [max(least, math.ceil(rate * effort.duration_s * _STEP_SHARE)) for rate in rates]
    lasts_s = sum(count / rate for count, rate in zip(counts, rates, strict=True))
    kept = min(1.0, effort.longest_s / lasts_s, MOST_ROWS / sum(counts))
    counts = [max(1, math.floor(count * kept)) for count in counts]
    return Load(arrivals=rising_poisson(counts, rates, seed), cut_short=min(counts) < least)
