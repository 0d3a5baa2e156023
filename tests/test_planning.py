"""`bench.planning`: names checked, defaults resolved, and one line for what cannot be carried out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.estimating import estimate
from bench.hardware.profiles import BadProfile
from bench.models.base import Workload
from bench.models.user_model import BadModel
from bench.planning import BadPlan, check_certifiable, check_names, open_workloads, resolve
from bench.records.plan import SCENARIOS, USER_WORKLOAD, Measurement, RunPlan
from bench.store.trace_file import Trace

from .fixtures import tiny_onnx


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def free(folder: Path) -> dict[str, Workload]:
    """A workload whose batch axis is free."""
    return open_workloads(RunPlan(model=str(tiny_onnx(folder / "free.onnx"))))


def fixed(folder: Path, batch: int) -> dict[str, Workload]:
    return open_workloads(RunPlan(model=str(tiny_onnx(folder / f"fixed{batch}.onnx", batch=batch))))


def one(workloads: dict[str, Workload], cores: int = 8, **plan: object) -> Measurement:
    (found,) = resolve(RunPlan(**plan), workloads, cores)  # type: ignore[arg-type]
    return found


def test_measurements_stand_in_the_order_of_the_plan(free: dict[str, Workload]) -> None:
    found = resolve(RunPlan(scenarios=("offline", "single_stream", "multi_stream")), free, 8)
    assert [entry.name for entry in found] == [f"user_model.{name}.fp32" for name in RunPlan().scenarios[::-1]] + [
        "user_model.multi_stream.fp32"
    ]


def test_single_stream_is_one_sample_by_one_worker(free: dict[str, Workload]) -> None:
    found = one(free, scenarios=("single_stream",), workers=4, batch=16)
    assert (found.batch, found.samples_per_query, found.workers) == (1, 1, 1)


@pytest.mark.parametrize(("asked", "expected"), [(None, 8), (5, 5)])
def test_offline_takes_the_workloads_batch_or_the_one_asked_for(
    free: dict[str, Workload], asked: int | None, expected: int
) -> None:
    assert one(free, scenarios=("offline",), batch=asked).batch == expected


@settings(deadline=None)
@given(workers=st.integers(1, 40), cores=st.integers(1, 64))
def test_multi_stream_splits_a_query_evenly_over_the_workers(
    free: dict[str, Workload], workers: int, cores: int
) -> None:
    found = one(free, cores=cores, scenarios=("multi_stream",), workers=workers)
    assert found.samples_per_query == 8
    assert found.samples_per_query % found.batch == 0
    assert found.samples_per_query // found.batch >= min(workers, 8), "a part for every worker, as far as they go"
    largest = max(batch for batch in (1, 2, 4, 8) if batch == 1 or 8 // batch >= workers)
    assert found.batch == largest
    assert found.threads == max(1, cores // workers)


def test_threads_asked_for_are_given(free: dict[str, Workload]) -> None:
    assert one(free, scenarios=("offline",), threads=3).threads == 3


def test_the_loaded_set_holds_at_least_one_batch(free: dict[str, Workload]) -> None:
    assert one(free, scenarios=("offline",), batch=1000).load_samples == 1000
    assert one(free, scenarios=("offline",)).load_samples == 64


# --------------------------------------------------------------------------------------------------- fixed batch


def test_a_fixed_batch_of_one_serves_every_scenario(folder: Path) -> None:
    trace = Trace(times_ns=np.array([0, 10**9], np.int64))
    plan = RunPlan(scenarios=SCENARIOS, latency_bound_ms=5.0, trace="times.csv")
    found = resolve(plan, fixed(folder, 1), 2, trace)
    assert [entry.batch for entry in found] == [1] * len(SCENARIOS)
    by_scenario = {entry.scenario: entry for entry in found}
    assert by_scenario["trace"].rate_per_s == 2.0
    assert by_scenario["streams"].frames_per_s == 25.0


def test_a_fixed_batch_is_taken_where_it_fits(folder: Path) -> None:
    found = resolve(RunPlan(scenarios=("multi_stream", "offline"), workers=3), fixed(folder, 4), 2)
    assert [entry.batch for entry in found] == [4, 4]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"scenarios": ("single_stream",)}, r"fixed4\.onnx takes batches of 4 only, user_model\.single_stream needs 1"),
        ({"scenarios": ("offline",), "batch": 8}, "takes batches of 4 only, .* needs 8; export the model"),
        ({"scenarios": ("multi_stream",), "batch": 2}, "takes batches of 4 only, .* needs 2"),
    ],
)
def test_a_fixed_batch_that_does_not_fit_is_told(folder: Path, plan: dict[str, object], words: str) -> None:
    with pytest.raises(BadPlan, match=words):
        one(fixed(folder, 4), **plan)


def test_batches_that_do_not_divide_a_query_are_told(folder: Path, free: dict[str, Workload]) -> None:
    with pytest.raises(BadPlan, match="`--batch 3` does not divide the 8 samples of a multi_stream query"):
        one(free, scenarios=("multi_stream",), batch=3)
    with pytest.raises(BadPlan, match="The model's fixed batch of 3 does not divide the 8 samples"):
        one(fixed(folder, 3), scenarios=("multi_stream",))


# --------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"workloads": ("speech_comand",)}, "There is no workload 'speech_comand'. Did you mean 'speech_command'?"),
        ({"workloads": (USER_WORKLOAD,)}, "There is no workload 'user_model'."),
        ({"backend": "onnx_runtime"}, "There is no backend 'onnx_runtime'. Did you mean 'onnxruntime'?"),
        ({"backend": "xyz"}, "There is no backend 'xyz'. Known: endpoint, fake, onnxruntime"),
        ({"scenarios": ("offlin",)}, "There is no scenario 'offlin'. Did you mean 'offline'?"),
        ({"mode": "quik"}, "There is no mode 'quik'. Did you mean 'quick'?"),
        ({"precision": "fp23"}, "There is no precision 'fp23'. Did you mean 'fp32'?"),
        ({"profile": "no such"}, "There is no profile 'no such'."),
    ],
)
def test_an_unknown_name_is_met_with_a_close_one(plan: dict[str, object], words: str) -> None:
    with pytest.raises((BadPlan, BadProfile)) as caught:
        check_names(RunPlan(**plan))  # type: ignore[arg-type]
    assert str(caught.value).startswith(words)


def test_the_default_plan_names_what_exists() -> None:
    check_names(RunPlan())


def test_a_model_that_is_not_there_is_told_when_it_is_opened() -> None:
    with pytest.raises(BadModel, match="there is no such model file"):
        open_workloads(RunPlan(model="/nowhere/m.onnx"))


# ------------------------------------------------------------------------------------------------------ estimate


def test_the_estimate_adds_up_and_grows_with_the_mode(free: dict[str, Workload]) -> None:
    quick, standard = RunPlan(), RunPlan(mode="standard")
    totals = []
    for plan in (quick, standard):
        measurements = resolve(plan, free, 2)
        found = estimate(plan, measurements, free)
        assert len(found.measurements_s) == len(measurements)
        assert found.total_s == pytest.approx(sum(found.measurements_s))
        assert all(seconds > 2.0 for seconds in found.measurements_s)
        totals.append(found.total_s)
    assert totals[1] > 5 * totals[0] / 2


def test_the_estimate_of_certified_has_its_long_warm_up_once(free: dict[str, Workload]) -> None:
    plan = RunPlan(mode="certified")
    for seconds in estimate(plan, resolve(plan, free, 2), free).measurements_s:
        assert 600 + 5 * (60 + 10) < seconds < 2 * (600 + 5 * (60 + 10))


def test_what_has_no_reference_is_not_certified(free: dict[str, Workload]) -> None:
    with pytest.raises(BadPlan, match="no quality target with reference answers"):
        check_certifiable(free)


def test_nothing_to_do_takes_no_time(free: dict[str, Workload]) -> None:
    assert estimate(RunPlan(), (), free).total_s == 0
