"""How long a run should take, guessed from each network's operations and this host's speed at multiplying matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import process_time

import msgspec
import numpy as np

from bench.models.base import Workload
from bench.records.effort import LEAST_QUERIES, Effort, effort_of
from bench.records.plan import OPEN_LOOPS, SEARCHED, Measurement, RunPlan

# Start-up of a child and loading of a model, seen on a 2-core machine; only the printed estimate depends on it.
_START_S = 3.0
# What it takes to corrupt a sample, seen there, too.
_CORRUPT_S = 0.004
# What `certified` asks besides: pairs of short runs, and a reference in double precision, in samples of an engine.
_CERTIFY_S, _REFERENCE_SAMPLES = 15.0, 500
# A side of matrices that fit a second-level cache, and the share of their speed that an engine reaches over a network.
_SIZE, _ENGINE_SHARE = 512, 0.6


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a run should take: per measurement in the order given, in seconds."""

    measurements_s: tuple[float, ...]

    @property
    def total_s(self) -> float:
        return sum(self.measurements_s)


def estimate(
    plan: RunPlan,
    measurements: tuple[Measurement, ...],
    workloads: dict[str, Workload],
    before_s: Sequence[float] | None = None,
) -> Estimate:
    """A rough time from each network's operations and this host's speed at multiplying matrices.

    `before_s` goes before the repetitions of each measurement: what may be spent on its tuning.
    """
    macs_per_s = _host_macs_per_s() * max(1, len(measurements) and measurements[0].threads)
    return Estimate(
        measurements_s=tuple(
            before
            + _estimate_one(
                entry, effort_of(plan.mode, entry), workloads[entry.workload].spec.model.macs_per_sample / macs_per_s
            )
            for entry, before in zip(measurements, before_s or [0.0] * len(measurements), strict=True)
        )
    )


def _estimate_one(measurement: Measurement, effort: Effort, sample_s: float) -> float:
    row_s = sample_s * measurement.batch
    # The loaded set runs twice: its first answers are kept, and the first window covers it.
    warm_s = 10 * max(effort.window_s, effort.window_batches * row_s) + 2 * measurement.load_samples * sample_s
    first_s = 10 * max(0.0, (effort.first_window_s or 0.0) - effort.window_s)
    checks_s = _CERTIFY_S + _REFERENCE_SAMPLES * sample_s if effort.first_window_s else 0.0
    quality_s = measurement.quality_samples * sample_s * 1.3
    quality_s += measurement.stress_samples * measurement.stress_conditions * (sample_s + _CORRUPT_S)
    timed_s = _timed_s(measurement, effort, sample_s)
    return effort.repetitions[0] * (_START_S + warm_s + timed_s) + first_s + quality_s + checks_s


def _timed_s(measurement: Measurement, effort: Effort, sample_s: float) -> float:
    """How long the timed part of a repetition takes, with its share of a search."""
    scenario, rows_per_query = measurement.scenario, max(1, measurement.samples_per_query // measurement.batch)
    row_s = sample_s * measurement.batch
    if scenario in OPEN_LOOPS:
        row_s = sample_s / 0.7  # a load that holds a bound leaves the engine idle for a while
    least_s = LEAST_QUERIES[scenario] * rows_per_query * row_s
    if measurement.frames_per_s is not None:
        least_s = LEAST_QUERIES[scenario] / measurement.frames_per_s
    if scenario == "trace":
        least_s = (measurement.trace_queries or 0) / (measurement.rate_per_s or 1.0)
    if scenario == "ramp":  # twelve steps; each needs as many queries, for which the slowest take ten times as long
        return min(max(2.4 * effort.duration_s, 0.7 * 31.0 * least_s), effort.longest_s)
    timed_s = min(max(effort.duration_s, least_s), effort.longest_s) / (1 + len(measurement.beside))
    if scenario in SEARCHED and measurement.rate_per_s is None:
        # What a search takes of the six repetitions that it may, and the next higher rate.
        timed_s += (4.0 + effort.confirm_failing) * timed_s / effort.repetitions[0]
    return timed_s


def _host_macs_per_s() -> float:
    """Multiply-accumulates per second of one core in an engine, guessed from short matrix products.

    Counted per second of processor time, for numpy's BLAS may take one core or all.
    """
    matrix = np.ones((_SIZE, _SIZE), np.float32)
    matrix @ matrix
    best_s = math.inf
    for _ in range(5):
        begun = process_time()
        matrix @ matrix
        best_s = min(best_s, max(process_time() - begun, 1e-6))
    return _ENGINE_SHARE * _SIZE**3 / best_s
