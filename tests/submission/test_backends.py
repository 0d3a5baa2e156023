"""Honest archives of every engine pass, whatever it computes with: nobody is accused who did nothing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import bench
from bench.backends.base import Options, Unsupported
from bench.backends.registry import load_backend
from bench.models.suite import load_workload
from bench.plugins import PluginError
from bench.records.effort import EFFORTS
from bench.records.plan import RunPlan, Setting
from bench.serving.served import Served
from bench.serving.serving import Listening, listening
from bench.store.runs import RunFolder
from bench.submission.packing import pack
from bench.submission.redaction import Redaction
from bench.submission.verifying import verify

from .handing_in import violations

# Each is a run of the suite's smallest workload, and an engine may compile for minutes.
pytestmark = [pytest.mark.full, pytest.mark.timeout(3600)]
WORKLOAD = "speech_command"
ENGINES: dict[str, tuple[str, dict[str, Setting]]] = {
    "fake": ("fp32", {}),
    "onnxruntime": ("fp32", {}),
    "onnxruntime int8": ("int8", {}),
    "openvino": ("fp32", {}),
    "openvino bf16": ("bf16", {}),
    "torch": ("fp32", {}),
    "torch bf16": ("bf16", {}),
    "opencl": ("fp32", {}),
    "endpoint": ("fp32", {"model": WORKLOAD}),
}


@pytest.fixture(autouse=True)
def as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's haste is for timelines of milliseconds; here engines are real ones."""
    effort = msgspec.structs.replace(EFFORTS["standard"], repetitions=(2,), duration_s=1.0, half_width=None)
    monkeypatch.setitem(EFFORTS, "quick", msgspec.structs.replace(effort, window_s=0.1, window_batches=1))


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The workload behind the Open Inference Protocol; its address."""
    model = load_workload(WORKLOAD).model()
    options = Options(precision="fp32", max_batch=64, workers=1, threads=1, varying_batch=True)
    behind = Served(WORKLOAD, model, "onnxruntime", "cpu", options)
    with listening(behind, Listening(port=0)) as addresses:
        yield addresses[0]
    behind.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_honest_archive_is_not_accused(engine: str, tmp_path: Path) -> None:
    name, (precision, settings) = engine.split()[0], ENGINES[engine]
    try:
        devices = load_backend(name).devices()
        if name != "endpoint" and not any(precision in device.precisions for device in devices):
            pytest.skip(f"{name} has no device for {precision} here")
    except (PluginError, Unsupported, ImportError) as error:
        pytest.skip(f"{name}: {error}")
    with contextlib.ExitStack() as stack:
        if name == "endpoint":
            settings = {**settings, "url": stack.enter_context(served())}
        plan = RunPlan(
            workloads=(WORKLOAD,),
            scenarios=("single_stream", "server", "offline"),
            backend=name,
            device="server" if name == "endpoint" else "cpu",
            precision=precision,  # type: ignore[arg-type]
            settings=settings,
            threads=1,
            rate_per_s=60.0,
        )
        run = bench.run(plan, output=tmp_path / "results")
    folder = RunFolder.of(tmp_path / "results", run.run_id)
    assert len(folder.load_records()) == len(plan.scenarios), run
    pack(folder, tmp_path / "run.tar", Redaction(()))
    found = verify(tmp_path / "run.tar", None, unsigned=True)
    assert violations(found) == set(), [item for item in found.items if item.verdict == "violates"]
    conforming = {item.check for item in found.items if item.verdict == "conforms"}
    assert {"figures", "findings", "schedule", "seed", "quality", "record", "distinct", "journal"} <= conforming
    if precision != "int8":  # which has no error class
        assert "timed-answers" in conforming
    assert threading.active_count() < 50


@pytest.mark.parametrize("fault", ["raise", "exit"])
def test_an_engine_that_fails_is_not_accused_of_more(fault: str, tmp_path: Path) -> None:
    """It has no figures; that it ran another network is another matter."""
    settings: dict[str, Setting] = {"fault": fault}
    plan = RunPlan(workloads=(WORKLOAD,), scenarios=("offline",), backend="fake", settings=settings, threads=1)
    run = bench.run(plan, output=tmp_path / "results")
    folder = RunFolder.of(tmp_path / "results", run.run_id)
    assert not folder.load_records()[0].valid
    pack(folder, tmp_path / "run.tar", Redaction(()))
    found = verify(tmp_path / "run.tar", None, unsigned=True)
    assert violations(found) == set(), [item for item in found.items if item.verdict == "violates"]
