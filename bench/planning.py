"""From what a user asks for to the measurements that will be made: names checked, defaults resolved, time estimated."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # fields of several types

import msgspec

from bench.backends.base import Model, Unsupported
from bench.backends.registry import backend_names
from bench.hardware.profiles import BadProfile, profile_file
from bench.models.base import ScenarioSpec, Workload, WorkloadSpec
from bench.models.end_to_end import NoPipeline
from bench.models.opening import open_workload
from bench.models.stress import conditions_of, why_not
from bench.models.suite import workload_names
from bench.plugins import suggestion
from bench.power.choice import BadPower, check_power, whole_paths
from bench.records.loadgen import DRIVERS
from bench.records.plan import (
    MODES,
    OPEN_LOOPS,
    PRECISIONS,
    REGIONS,
    SCENARIOS,
    USER_WORKLOAD,
    Measurement,
    RunPlan,
    Scenario,
)
from bench.store.trace_file import Trace
from bench.tasks import TASKS

_DEFAULT_SAMPLES_PER_QUERY = 8
# Video surveillance (measurement.md section 2); a workload may have another.
_DEADLINE_MS = 100.0
# So many samples MLPerf has fed in turn where they are pictures; other benchmarks ask for more or fewer.
_MLPERF_SAMPLES = 1024
# Those that `bench.loadgen.mlperf` drives.
_LOADGEN_SCENARIOS: tuple[Scenario, ...] = ("single_stream", "multi_stream", "server", "offline")


class BadPlan(ValueError):
    """A plan that cannot be carried out; one line with what was asked, what there is, and what to do."""


def open_workloads(plan: RunPlan) -> dict[str, Workload]:
    """The plan's workloads by name. Raises BadPlan, PluginError, BadFile or BadModel."""
    names = plan.workloads if plan.model is None else (USER_WORKLOAD,)
    try:
        return {name: open_workload(name, plan, plan.timed_region) for name in names}
    except NoPipeline as error:
        raise BadPlan(str(error)) from None


def check_names(plan: RunPlan) -> None:
    """Whether everything that a plan names exists; opens nothing. Raises BadPlan."""
    if plan.model is None:
        _known("workload", plan.workloads, workload_names())
    _known("scenario", plan.scenarios, list(SCENARIOS))
    _known("backend", [plan.backend], backend_names())
    _known("mode", [plan.mode], list(MODES))
    _known("precision", [plan.precision], list(PRECISIONS))
    _known("driver", [plan.driver], list(DRIVERS))
    _known("timed region", [plan.timed_region], list(REGIONS))
    if plan.task is not None:
        _known("task", [plan.task], list(TASKS))
    if plan.driver == "loadgen":
        _check_loadgen(plan)
    try:
        check_power(plan.power)
        if plan.profile is not None:
            profile_file(plan.profile)
    except (BadPower, BadProfile) as error:
        raise BadPlan(str(error)) from None


def _check_loadgen(plan: RunPlan) -> None:
    """Whether LoadGen is here and has such a scenario."""
    if plan.mode == "mlperf" and plan.timed_region != "host_to_host":
        raise BadPlan("Mode `mlperf` is timed from host to host: MLPerf leaves preparation out, and so does this mode.")
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


def from_anywhere(plan: RunPlan) -> RunPlan:
    """The plan with whole paths: it may be carried on from another folder."""
    given = {"model": plan.model, "data": plan.data, "trace": plan.trace}
    whole = {name: str(Path(path).absolute()) for name, path in given.items() if path is not None}
    whole_power = whole_paths(plan.power)
    if plan.profile is not None and plan.profile.endswith(".toml"):
        whole["profile"] = str(profile_file(plan.profile).absolute())
    return msgspec.structs.replace(plan, **whole, power=whole_power)


def check_asked(plan: RunPlan, workloads: Mapping[str, Workload]) -> None:
    """Whether the workloads have what the plan asks of them. Raises BadPlan."""
    if plan.mode == "certified":
        check_certifiable(workloads)
    if plan.agreement:
        check_comparable(workloads)
    if plan.robustness:
        check_stressable(workloads)


def check_certifiable(workloads: Mapping[str, Workload]) -> None:
    """Whether answers can be judged, without which `certified` measures for nothing. Raises BadPlan."""
    for name, workload in workloads.items():
        if workload.spec.quality.target is None or workload.reference() is None:
            raise BadPlan(
                f"{name} has no quality target with reference answers, so that nothing of it could be certified; "
                "use `--mode standard`, or one of the suite's workloads."
            )


def check_comparable(workloads: Mapping[str, Workload]) -> None:
    """Whether answers can be held against a reference's without labels. Raises BadPlan."""
    for name, workload in workloads.items():
        task = TASKS[workload.spec.task]
        if not task.single_answers and task.condense is None:
            raise BadPlan(
                f"`--agreement` counts answers that are the reference's, and {name} ({task.name}) gives embeddings, "
                "which answer nothing alone; bring pairs with `--data` and without `--agreement`."
            )


def check_stressable(workloads: Mapping[str, Workload]) -> None:
    """Whether there are samples that can be corrupted, with their labels. Raises BadPlan."""
    for workload in workloads.values():
        if (why := why_not(workload)) is not None:
            raise BadPlan(why)


def resolve(
    plan: RunPlan, workloads: dict[str, Workload], usable_cores: int, trace: Trace | None = None
) -> tuple[Measurement, ...]:
    """All measurements of a plan, workload by workload; `trace` is what `plan.trace` holds. Raises BadPlan."""
    return tuple(
        _measurement(plan, name, workload, scenario, usable_cores, trace)
        for name, workload in workloads.items()
        for scenario in plan.scenarios
    )


def share_of_query(per_query: int, sessions: int) -> int:
    """The batch that divides a query of `per_query` samples evenly and leaves no session idle."""
    return math.gcd(per_query, max(1, per_query // sessions))


def _measurement(
    plan: RunPlan, name: str, workload: Workload, scenario: Scenario, cores: int, trace: Trace | None
) -> Measurement:
    spec, model = workload.spec, _model(workload, plan.precision)
    fixed = model.fixed_batch
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
        raise BadPlan(f"{model.path.name} takes batches of {fixed} only; {scenario} needs batches of any size.")
    if fixed is not None and batch != fixed:
        raise BadPlan(
            f"{model.path.name} takes batches of {fixed} only, {name}.{scenario} needs {batch}; "
            "export the model with a free batch axis, or choose another `--scenario` or `--batch`."
        )
    beside = _beside(plan, name) if scenario == "concurrent" else {}
    threads = plan.threads or max(1, cores // (workers * devices * (1 + len(beside))))
    quality = spec.quality.quick_samples if plan.mode == "quick" else spec.quality.evaluation_samples
    stressed = plan.robustness and scenario == plan.scenarios[0]  # answers do not depend on the load: once will do
    return Measurement(
        workload=name,
        scenario=scenario,
        precision=plan.precision,
        batch=batch,
        samples_per_query=per_query,
        workers=workers,
        threads=threads,
        devices=devices,
        load_samples=_load_samples(plan, spec, batch, workers * devices, threads),
        quality_samples=quality,
        driver=plan.driver,
        beside=beside,
        session_process="own" if plan.own_process else "shared",
        timed_region=plan.timed_region,
        stress_samples=quality if stressed else 0,
        stress_conditions=len(conditions_of(spec)) if stressed else 0,
        **_serving(plan, name, scenario, _bounded(spec.scenarios, scenario), trace),
    )


def _load_samples(plan: RunPlan, spec: WorkloadSpec, batch: int, sessions: int, threads: int) -> int:
    """How many samples are fed in turn: a batch of them, and films whole, by enough cameras for all that decode."""
    if plan.timed_region == "host_to_host" or spec.video is None:
        return max(spec.load.samples, batch, _MLPERF_SAMPLES if plan.mode == "mlperf" else 0)
    return spec.video.frames * max(spec.video.clips, sessions * min(threads, batch))


def _model(workload: Workload, precision: str) -> Model:
    try:
        return workload.model(precision)
    except Unsupported as error:
        raise BadPlan(str(error)) from None


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


def _known(kind: str, asked: tuple[str, ...] | list[str], known: list[str]) -> None:
    for name in asked:
        if name not in known:
            raise BadPlan(f"There is no {kind} {name!r}.{suggestion(name, known)}")
