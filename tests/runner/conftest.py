"""A plan over the fake backend that is measured for moments only."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.records.effort import EFFORTS
from bench.records.plan import RunPlan

from ..fixtures import EFFORT, tiny_onnx


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(autouse=True)
def haste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children take their effort from the job, so that it is enough to change it here. Two repetitions each."""
    monkeypatch.setitem(EFFORTS, "quick", msgspec.structs.replace(EFFORT, repetitions=(2,)))
    # A busy machine takes a core away for milliseconds: of a measurement that lasts a moment that is more than 1 %.
    monkeypatch.setattr("bench.scoring.busy.TOLERANCE", 0.9)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def plan(model: Path) -> RunPlan:
    return RunPlan(model=str(model), backend="fake", scenarios=("offline",))
