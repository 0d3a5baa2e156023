"""Plans that take moments, and a home of their own for what measures."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bench.fleet.head import Row, run_fleet
from bench.records.fleet import Fleet, FleetPlan
from bench.records.plan import RunPlan, Scenario

from ..cli.things import surroundings, tiny_model
from .local import LocalCluster


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(autouse=True)
def hurry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What measures takes its environment from how this process was started; here from now."""
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("bench.fleet.agent.environment_at_start", lambda: dict(__import__("os").environ))


def plan_of(model: Path, *scenarios: Scenario, **changes: object) -> RunPlan:
    """The tiny classifier on the fake engine."""
    settings = {"answers": "zeros", "per_sample_us": 200}
    fields = {"scenarios": scenarios, "backend": "fake", "model": str(model), "settings": settings, **changes}
    return RunPlan(workloads=("user_model",), **fields)  # type: ignore[arg-type]  # fields of several types


def fleet_of(
    cluster: LocalCluster, plan: RunPlan, results: Path, rows: list[Row] | None = None, **how: object
) -> Fleet:
    """A fleet's run to its end."""
    asked = FleetPlan(plan=plan, **how)  # type: ignore[arg-type]  # fields of several types
    observe = rows.append if rows is not None else lambda row: None
    return run_fleet(cluster, asked, results, observe, threading.Event())[1]
