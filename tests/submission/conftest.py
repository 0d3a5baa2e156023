"""A run that is handed in: two scenarios, two repetitions each, of a tiny model on the fake backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import bench
from bench.records.effort import EFFORTS
from bench.records.plan import RunPlan
from bench.store.runs import RunFolder
from bench.submission.packing import pack
from bench.submission.redaction import Redaction

from ..fixtures import EFFORT, tiny_onnx
from .handing_in import Laboratory, laboratory, signed


@pytest.fixture(scope="package", autouse=True)
def haste(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs and verifications alike take their effort from this table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EFFORTS, "quick", msgspec.structs.replace(EFFORT, repetitions=(2,)))
        patch.setattr("bench.scoring.busy.TOLERANCE", 0.9)
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="package")
def kept(haste: None, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    place = tmp_path_factory.mktemp("kept")
    plan = RunPlan(
        model=str(tiny_onnx(place / "tiny.onnx")),
        backend="fake",
        scenarios=("single_stream", "server"),
        rate_per_s=2000.0,
        latency_bound_ms=500.0,
    )
    run = bench.run(plan, output=place / "results")
    return RunFolder.of(place / "results", run.run_id)


@pytest.fixture(scope="package")
def laboratory_(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return laboratory(tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="package")
def archive(kept: RunFolder, laboratory_: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The honest archive, signed by its submitter."""
    target = tmp_path_factory.mktemp("archive") / f"{kept.path.name}.tar"
    pack(kept, target, Redaction(()))
    return signed(target, laboratory_.keys["submitter"])
