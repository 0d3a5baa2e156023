"""From what a user asks for to the measurements that will be made: names checked, defaults resolved, time estimated."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from time import process_time
from typing import Any  # fields of several types

import msgspec
import numpy as np

from bench.backends.registry import backend_names
from bench.models.base import ScenarioSpec, Workload
from bench.models.opening import open_workload
from bench.models.suite import workload_names
from bench.plugins import suggestion
from bench.records.effort import LEAST_QUERIES, Effort, effort_of
from bench.records.loadgen import DRIVERS
from bench.records.plan import (
    MODES,
    OPEN_LOOPS,
    PRECISIONS,
    SCENARIOS,
    SEARCHED,
    USER_WORKLOAD,
    Measurement,
    RunPlan,
    Scenario,
)
from bench.store.places import profile_names
from bench.store.trace_file import Trace

_DEFAULT_SAMPLES_PER_QUERY = 8
# Video surveillance (measurement.md section 2); a workload may have another.
_DEADLINE_MS = 100.0
# Those that `bench.loadgen.mlperf` drives.
_LOADGEN_SCENARIOS: tuple[Scenario, ...] = ("single_stream", "multi_stream", "server", "offline")
# Start-up of a child and loading of a model, seen on a 2-core machine; only the printed estimate depends on it.
_START_S = 3.0
# What `certified` asks besides: pairs of short runs, and a reference in double precision, in samples of an engine.
_CERTIFY_S, _REFERENCE_SAMPLES = 15.0, 500
# A side of matrices that fit a second-level cache, and the share of their speed that an engine reaches over a network.
_SIZE, _ENGINE_SHARE = 512, 0.6


class BadPlan(ValueError):
    """A plan that cannot be carried out; one line with what was asked, what there is, and what to do."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a run should take: per measurement in the order given, in seconds."""

    measurements_s: tuple[float, ...]

    @property
    def total_s(self) -> float:
        return sum(self.measurements_s)


def open_workloads(plan: RunPlan) -> dict[str, Workload]:
    """The plan's workloads by name. Raises BadPlan, PluginError, BadFile or BadModel."""
    names = plan.workloads if plan.model is None else (USER_WORKLOAD,)
    return {name: open_workload(name, plan.model, plan.data, plan.preparation) for name in names}


def check_names(plan: RunPlan) -> None:
    """Whether everything that a plan names exists; opens nothing. Raises BadPlan."""
    if plan.model is None:
        _known("workload", plan.workloads, workload_names())
    _known("scenario", plan.scenarios, list(SCENARIOS))
    _known("backend", [plan.backend], backend_names())
    _known("mode", [plan.mode], list(MODES))
    _known("precision", [plan.precision], list(PRECISIONS))
    _known("driver", [plan.driver], list(DRIVERS))
    if plan.driver == "loadgen":
        _check_loadgen(plan)
    if plan.profile is not None:
        _known("profile", [plan.profile], profile_names())


def _check_loadgen(plan: RunPlan) -> None:
    """Whether LoadGen is here and has such a scenario."""
    for scenario in plan.scenarios:
        if scenario not in _LOADGEN_SCENARIOS:
            known = ", ".join(_LOADGEN_SCENARIOS)
            raise BadPlan(f"LoadGen has no scenario {scenario!r}; `--driver loadgen` takes {known}.")
    if "server" in plan.scenarios and any(_rate(plan, name) is None for name in plan.workloads):
        raise BadPlan(
            "LoadGen measures at a rate that it is given: name one, `--rate PER_S`; `--driver bench` can search for it."
        )
    if plan.timeout_ms is not None:
        raise BadPlan("LoadGen waits for every answer: `--timeout-ms` goes with `--driver bench`.")
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise BadPlan(
            "MLPerf LoadGen is not installed: `pip install mlcommons-loadgen` (Linux, x86-64); or use `--driver bench`."
        )


def check_certifiable(workloads: Mapping[str, Workload]) -> None:
    """Whether answers can be judged, without which `certified` measures for nothing. Raises BadPlan."""
    for name, workload in workloads.items():
        if workload.spec.quality.target is None or workload.reference() is None:
            raise BadPlan(
                f"{name} has no quality target with reference answers, so that nothing of it could be certified; "
                "use `--mode standard`, or one of the suite's workloads."
            )


def resolve(
    plan: RunPlan, workloads: dict[str, Workload], usable_cores: int, trace: Trace | None = None
) -> tuple[Measurement, ...]:
    """All measurements of a plan, workload by workload; `trace` is what `plan.trace` holds. Raises BadPlan."""
    return tuple(
        _measurement(plan, name, workload, scenario, usable_cores, trace)
        for name, workload in workloads.items()
        for scenario in plan.scenarios
    )


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


def share_of_query(per_query: int, sessions: int) -> int:
    """The batch that divides a query of `per_query` samples evenly and leaves no session idle."""
    return math.gcd(per_query, max(1, per_query // sessions))


def _measurement(
    plan: RunPlan, name: str, workload: Workload, scenario: Scenario, cores: int, trace: Trace | None
) -> Measurement:
    spec, fixed = workload.spec, workload.model().fixed_batch
    defaults = spec.scenarios.get(scenario)
    per_query, batch = 1, 1
    # One query at a time needs one session; more of them, or of devices, would stand idle.
    alone = scenario == "single_stream"
    workers, devices = (1, 1) if alone else (plan.workers or 1, len(plan.devices))
    if scenario == "multi_stream":
        per_query = (defaults and defaults.samples_per_query) or _DEFAULT_SAMPLES_PER_QUERY
        batch = plan.batch or fixed or share_of_query(per_query, workers * devices)
        if per_query % batch:
            what = f"`--batch {batch}`" if plan.batch else f"The model's fixed batch of {batch}"
            raise BadPlan(f"{what} does not divide the {per_query} samples of a {scenario} query.")
    elif scenario == "offline" or scenario in OPEN_LOOPS:
        batch = plan.batch or (defaults and defaults.batch) or (fixed if scenario in OPEN_LOOPS else None) or 8
    if fixed is not None and fixed > 1 and scenario in OPEN_LOOPS:
        raise BadPlan(
            f"{workload.model().path.name} takes batches of {fixed} only; {scenario} needs batches of any size."
        )
    if fixed is not None and batch != fixed:
        raise BadPlan(
            f"{workload.model().path.name} takes batches of {fixed} only, {name}.{scenario} needs {batch}; "
            "export the model with a free batch axis, or choose another `--scenario` or `--batch`."
        )
    beside = _beside(plan, name) if scenario == "concurrent" else {}
    quality = spec.quality.quick_samples if plan.mode == "quick" else spec.quality.evaluation_samples
    return Measurement(
        workload=name,
        scenario=scenario,
        precision=plan.precision,
        batch=batch,
        samples_per_query=per_query,
        workers=workers,
        threads=plan.threads or max(1, cores // (workers * devices * (1 + len(beside)))),
        devices=devices,
        load_samples=max(spec.load.samples, batch),
        quality_samples=quality,
        driver=plan.driver,
        beside=beside,
        session_process="own" if plan.own_process else "shared",
        **_serving(plan, name, scenario, _bounded(spec.scenarios, scenario), trace),
    )


def _rate(plan: RunPlan, name: str) -> float | None:
    return plan.rates.get(name, plan.rate_per_s)


def _beside(plan: RunPlan, name: str) -> dict[str, float | None]:
    """What runs at the same time as the workload `name`."""
    return {other: _rate(plan, other) for other in plan.workloads if other != name}


def _bounded(scenarios: Mapping[str, ScenarioSpec], scenario: Scenario) -> ScenarioSpec | None:
    """Where a workload's bound stands: that of `server` holds for all but cameras."""
    return scenarios.get("server" if scenario in ("ramp", "trace", "concurrent") else scenario)


def _serving(
    plan: RunPlan, name: str, scenario: Scenario, defaults: ScenarioSpec | None, trace: Trace | None
) -> dict[str, Any]:
    """The fields that only open loops have."""
    if scenario not in OPEN_LOOPS:
        return {}
    bound_ms = plan.latency_bound_ms or (defaults and defaults.latency_bound_ms)
    if scenario == "streams":
        bound_ms = bound_ms or _DEADLINE_MS
    if not bound_ms:
        raise BadPlan(f"{name} has no latency bound for {scenario}; say which one must hold: `--latency-bound-ms`.")
    fields = {
        "latency_bound_ns": round(bound_ms * 1e6),
        "max_wait_ns": round((plan.max_wait_us or 0.0) * 1e3),
        "timeout_ns": round(plan.timeout_ms * 1e6) if plan.timeout_ms is not None else None,
    }
    if scenario == "streams":
        rate_per_s = plan.channels * plan.frames_per_s if plan.channels is not None else None
        return {**fields, "frames_per_s": plan.frames_per_s, "rate_per_s": rate_per_s}
    if scenario == "trace":
        assert trace is not None
        return {**fields, "rate_per_s": trace.rate_per_s, "trace_sha256": trace.sha256, "trace_queries": trace.queries}
    return {**fields, "rate_per_s": _rate(plan, name)}


def _estimate_one(measurement: Measurement, effort: Effort, sample_s: float) -> float:
    row_s = sample_s * measurement.batch
    # The loaded set runs twice: its first answers are kept, and the first window covers it.
    warm_s = 10 * max(effort.window_s, effort.window_batches * row_s) + 2 * measurement.load_samples * sample_s
    first_s = 10 * max(0.0, (effort.first_window_s or 0.0) - effort.window_s)
    checks_s = _CERTIFY_S + _REFERENCE_SAMPLES * sample_s if effort.first_window_s else 0.0
    quality_s = measurement.quality_samples * sample_s * 1.3
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


def _known(kind: str, asked: tuple[str, ...] | list[str], known: list[str]) -> None:
    for name in asked:
        if name not in known:
            raise BadPlan(f"There is no {kind} {name!r}.{suggestion(name, known)}")
