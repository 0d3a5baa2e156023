"""`host-offload`: what the engine says of its operators, and what the host's processors say whatever it says."""

from __future__ import annotations

import msgspec
import pytest

from bench.judging.offload import offload_findings
from bench.models.cpu_cost import CpuCost, cpu_cost_of
from bench.models.suite import load_workload
from bench.records.findings import Finding
from bench.records.host import Device
from bench.records.plan import Region, Scenario
from tests.fixtures import FACTS, MEASUREMENT, REPORT

COST = CpuCost(
    seconds=10e-3,
    low=9e-3,
    high=11e-3,
    repetitions=5,
    engine="onnxruntime",
    engine_version="1",
    batch=8,
    threads=2,
    model_hash="sha256:m",
    cpu_model="a processor",
    cores_usable=2,
    virtualised=None,
    kernel="6",
    measured_at="2026-11-26T00:00:00+00:00",
)


def found(
    kind: str = "cuda",
    cpu_s: float | None = 1.0,
    cost: CpuCost | None = COST,
    scenario: Scenario = "offline",
    region: Region = "host_to_host",
    samples: int = 1000,
) -> tuple[Finding, ...]:
    report = msgspec.structs.replace(REPORT, device=Device(kind=kind), cpu_s=cpu_s)
    measurement = msgspec.structs.replace(MEASUREMENT, scenario=scenario, timed_region=region)
    return offload_findings(report, measurement, samples, cost, "standard")


def test_a_host_that_works_a_tenth_of_what_the_sample_costs_it_is_told() -> None:
    (one,) = found()
    assert (one.code, one.subject, one.severity) == ("host-offload", "processor-time", "warning")
    assert one.seen == pytest.approx(0.1)
    assert one.limit == 0.05


@pytest.mark.parametrize(("cpu_s", "told"), [(0.499, 0), (0.5, 0), (0.501, 1), (30.0, 1)])
def test_up_to_a_twentieth_is_what_driving_a_card_takes(cpu_s: float, told: int) -> None:
    assert len(found(cpu_s=cpu_s)) == told


@pytest.mark.parametrize("kind", ["cpu", "server"])
def test_a_processor_is_no_card_and_a_server_is_not_seen(kind: str) -> None:
    assert found(kind=kind) == ()


@pytest.mark.parametrize("scenario", ["server", "streams", "ramp", "trace", "concurrent"])
def test_waiting_for_what_is_not_due_yet_is_no_work_of_the_engine(scenario: Scenario) -> None:
    assert found(scenario=scenario) == ()


def test_decoding_files_inside_the_clock_is_the_hosts_own_work() -> None:
    assert found(region="end_to_end") == ()


def test_what_nobody_measured_is_not_judged() -> None:
    assert found(cost=None) == found(cpu_s=None) == found(samples=0) == ()


@pytest.mark.parametrize(("share", "told"), [(None, False), (1.0, False), (0.75, True)])
def test_operators_left_to_the_host_are_told_of_every_device(share: float | None, told: bool) -> None:
    report = msgspec.structs.replace(REPORT, facts=msgspec.structs.replace(FACTS, device_operator_share=share))
    entries = offload_findings(report, MEASUREMENT, 1, None, "standard")
    assert [(one.code, one.subject, one.seen) for one in entries] == ([("host-offload", "", 0.25)] if told else [])


@pytest.mark.parametrize(
    "name",
    ["image_classify", "image_classify_edge", "object_detect", "face_verify", "speech_command", "speech_recognize"],
)
def test_the_suites_workloads_have_a_cost_that_fits_their_network(name: str) -> None:
    workload = load_workload(name)
    cost = cpu_cost_of(workload)
    assert cost is not None
    assert cost.model_hash == workload.spec.hash_of("fp32"), "measured with another network"
    # No core does more than 10^13 operations in a second, and none that we would wait for under 10^8.
    assert 1e8 < 2 * workload.spec.model.macs_per_sample / cost.seconds < 1e13
