"""`bench.tuning.axes`: what may be varied, what the user fixed, and that a choice is what its flags would give."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.models.base import Workload
from bench.planning import BadPlan, open_workloads, resolve
from bench.records.plan import Measurement, RunPlan, Scenario
from bench.records.tuning import Choice
from bench.store.trace_file import Trace
from bench.tuning.axes import axes, candidates_of, choice_of, with_choice

from ..fixtures import measurement, tiny_onnx

TRACE = Trace(times_ns=np.arange(10, dtype=np.int64))
ALL: tuple[Scenario, ...] = ("single_stream", "multi_stream", "offline", "server", "streams", "ramp", "trace")
OPEN = ("server", "streams", "ramp", "trace")


@pytest.fixture(scope="module")
def workloads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workload]:
    return open_workloads(RunPlan(model=str(tiny_onnx(tmp_path_factory.mktemp("models") / "free.onnx"))))


def planned(scenario: Scenario, **fields: object) -> RunPlan:
    trace = "arrivals.csv" if scenario == "trace" else None
    return RunPlan(scenarios=(scenario,), tune=True, latency_bound_ms=20.0, trace=trace, **fields)  # type: ignore[arg-type]


def resolved(plan: RunPlan, workloads: dict[str, Workload], cores: int = 8) -> Measurement:
    (found,) = resolve(plan, workloads, cores, TRACE)
    return found


def fields_of(plan: RunPlan, workloads: dict[str, Workload], cores: int = 8) -> dict[str, list[int]]:
    (found,) = candidates_of(plan, [resolved(plan, workloads, cores)], workloads, cores)
    return found


def reached(plan: RunPlan, workloads: dict[str, Workload], cores: int) -> set[Choice]:
    """Everything within two steps of the default."""
    one = resolved(plan, workloads, cores)
    along, seen = axes(plan, one, None, cores), {choice_of(one)}
    for _ in range(2):
        seen |= {other for choice in seen for axis in along for other in axis.others(choice)}
    return seen


@pytest.mark.parametrize("devices", [(), ("card:1",)])
@pytest.mark.parametrize("cores", [1, 2, 6, 8])
@pytest.mark.parametrize("scenario", ALL)
def test_a_choice_is_what_its_flags_would_give(
    workloads: dict[str, Workload], scenario: Scenario, cores: int, devices: tuple[str, ...]
) -> None:
    plan = planned(scenario, device="card:0", more_devices=devices)
    default = resolved(plan, workloads, cores)
    choices = reached(plan, workloads, cores)
    assert len(choices) > 1 or (scenario == "single_stream" and cores == 1)
    for choice in choices:
        flags = {"workers": choice.workers, "threads": choice.threads, "batch": choice.batch}
        if scenario in OPEN:
            flags["max_wait_us"] = choice.max_wait_ns / 1e3
        assert with_choice(default, choice) == resolved(msgspec.structs.replace(plan, **flags), workloads, cores)


@pytest.mark.parametrize(
    ("scenario", "fields"),
    [
        ("single_stream", {"threads"}),
        ("multi_stream", {"workers", "threads"}),
        ("offline", {"workers", "threads", "batch"}),
        *((scenario, {"workers", "threads", "batch", "max_wait_ns"}) for scenario in OPEN),
    ],
)
def test_each_scenario_has_its_axes(workloads: dict[str, Workload], scenario: Scenario, fields: set[str]) -> None:
    assert set(fields_of(planned(scenario), workloads)) == fields


@pytest.mark.parametrize(
    ("flag", "field"), [*((name, name) for name in ("workers", "threads", "batch")), ("max_wait_us", "max_wait_ns")]
)
def test_what_the_user_fixed_is_no_axis(workloads: dict[str, Workload], flag: str, field: str) -> None:
    plan = planned("server", **{flag: 2})
    assert field not in fields_of(plan, workloads)
    for choice in reached(plan, workloads, 8):
        assert getattr(choice, field) == (2000 if flag == "max_wait_us" else 2)


def test_a_model_of_one_batch_keeps_it(tmp_path: Path) -> None:
    fixed = open_workloads(RunPlan(model=str(tiny_onnx(tmp_path / "fixed.onnx", batch=4))))
    assert set(fields_of(planned("offline", batch=4), fixed)) == {"workers", "threads"}


def test_workers_share_the_cores(workloads: dict[str, Workload]) -> None:
    plan = planned("offline")
    (workers, *_) = axes(plan, resolved(plan, workloads), None, 8)
    found = {(one.workers, one.threads) for one in workers.others(choice_of(resolved(plan, workloads)))}
    assert found == {(2, 4), (4, 2), (8, 1)}


def test_of_a_query_every_worker_gets_something(workloads: dict[str, Workload]) -> None:
    for choice in reached(planned("multi_stream"), workloads, 64):
        assert 8 % choice.batch == 0
        assert choice.workers * choice.batch <= 8


def test_batches_end_at_the_most_that_there_is(workloads: dict[str, Workload]) -> None:
    at = Choice(batch=65536, workers=1, threads=1)
    along = axes(planned("offline"), resolved(planned("offline"), workloads), None, 8)
    assert all(1 <= other.batch <= 65536 for axis in along for other in axis.others(at))


@pytest.mark.parametrize(
    ("scenario", "cores", "fields"),
    [
        ("single_stream", 8, {"threads": 8}),
        ("single_stream", 1, {}),
        ("offline", 8, {"threads": 2, "workers": 3, "batch": 5}),
        ("server", 8, {"threads": 2, "workers": 3, "batch": 1}),
        ("multi_stream", 8, {"threads": 2, "workers": 3}),
    ],
)
def test_nothing_to_choose_is_said(
    workloads: dict[str, Workload], scenario: Scenario, cores: int, fields: dict[str, int]
) -> None:
    with pytest.raises(BadPlan, match=f"`--tune` has nothing to choose.* in user_model.{scenario}.fp32") as caught:
        fields_of(planned(scenario, **fields), workloads, cores)
    assert all(f"--{name} {value}" in str(caught.value) for name, value in fields.items())


def test_without_the_flag_there_are_no_candidates(workloads: dict[str, Workload]) -> None:
    assert fields_of(msgspec.structs.replace(planned("offline"), tune=False), workloads) == {}


def test_workloads_that_run_at_once_are_not_tuned_alone(workloads: dict[str, Workload]) -> None:
    assert axes(planned("server"), measurement("concurrent", batch=8, latency_bound_ns=10**7), None, 8) == []
