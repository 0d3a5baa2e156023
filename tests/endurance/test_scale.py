"""Scaling on engines that scale as they are scripted to, and from the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import ClassVar

import pytest

from bench import scaling
from bench.planning import BadPlan
from bench.records.numbers import Measured
from bench.records.plan import RunPlan
from bench.scaling import counts_up_to, scale

from ..cli.conftest import model  # noqa: F401 - a fixture
from ..cli.things import run

PLAN = RunPlan(workloads=("speech_command",), scenarios=("offline",))


class Scripted:
    """Throughput as `rates` has it by workers or threads, less by the round, as on a machine that gets warm."""

    rates: ClassVar[dict[int, float | None]] = {}
    order: ClassVar[list[int]] = []
    seen: ClassVar[list[int]] = []

    def __init__(self, plan: RunPlan, place: Path) -> None:
        self._count = max(plan.workers or 1, len(plan.devices), 1 if plan.workers else plan.threads or 1)
        self._turn = 0

    def trial(self, seconds: float, seed: int) -> object:
        self.order.append(self._count)
        self.seen.append(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0)
        self._turn += 1
        rate = self.rates[self._count]
        value = rate * 0.9**self._turn if rate is not None else None
        metrics = {"samples_per_s": Measured(value=value)}
        return type("Found", (), {"metrics": metrics})()


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "command_line" not in request.node.name:
        monkeypatch.setattr(scaling, "Trying", Scripted)
        monkeypatch.setattr(Scripted, "order", [])
        monkeypatch.setattr(Scripted, "seen", [])


def test_efficiency_is_of_rounds_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "rates", {1: 100.0, 2: 180.0, 4: 200.0})
    found = scale(PLAN, "workers", (4, 2), 3, 1.0)
    assert [(one.count, one.efficiency) for one in found.points] == [
        (1, pytest.approx(1.0)),
        (2, pytest.approx(0.9)),
        (4, pytest.approx(0.5)),
    ]
    for one in found.points:
        assert one.efficiency_interval is not None
        assert one.efficiency_interval.high - one.efficiency_interval.low < 1e-9, "what befell a round befell all of it"
    assert Scripted.order == [1, 2, 4, 4, 2, 1, 1, 2, 4]


def test_one_that_cannot_be_measured_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "rates", {1: 100.0, 2: None})
    one, two = scale(PLAN, "workers", (2,), 2, 1.0).points
    assert (one.efficiency, two.failure) == (pytest.approx(1.0), "no throughput was measured")
    assert one.interval is not None
    (alone, _) = scale(PLAN, "workers", (2,), 1, 1.0).points
    assert alone.interval is None, "one round has no interval"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_cores_are_those_that_a_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.sched_getaffinity(0)
    monkeypatch.setattr(Scripted, "rates", {1: 100.0})
    scale(PLAN, "cores", (1,), 1, 1.0)
    assert Scripted.seen == [1]
    assert os.sched_getaffinity(0) == before
    with pytest.raises(BadPlan, match="cores are asked for, and this process may use"):
        scale(PLAN, "cores", (100_000,), 1, 1.0)


def test_more_devices_than_are_named_are_refused() -> None:
    with pytest.raises(BadPlan, match="2 devices are asked for, and 1 are named: repeat `--device`"):
        scale(PLAN, "devices", (2,), 1, 1.0)


@pytest.mark.parametrize(("most", "counts"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))])
def test_counts(most: int, counts: tuple[int, ...]) -> None:
    assert counts_up_to(most) == counts


def test_from_the_command_line(model: Path, tmp_path: Path) -> None:  # noqa: F811
    flags = ("scale", "--by", "workers", "--up-to", 2, "--rounds", 2, "--seconds", 0.1, "--backend", "fake")
    outcome = run(tmp_path, *flags, "--model", model, "--format", "json")
    assert outcome.code == 0, outcome
    assert [point["count"] for point in json.loads(outcome.out)["points"]] == [1, 2]
    refused = run(tmp_path, "scale", "--by", "devices", "--up-to", 2)
    assert (refused.code, "repeat `--device`" in refused.err) == (2, True), refused
