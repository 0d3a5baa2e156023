"""What several folders of tests share: a tiny ONNX model, jobs and reports about it, scripted sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.backends.base import Session, Tensor
from bench.records.effort import Effort
from bench.records.host import Device, Facts, Host, Noise
from bench.records.job import Job, Report, Verification
from bench.records.plan import USER_WORKLOAD, Measurement, Scenario, Setting

Arrays = Mapping[str, NDArray[np.generic]]
Answer = Callable[[int, Arrays, Arrays], None]

MEASUREMENT = Measurement(
    workload=USER_WORKLOAD,
    scenario="single_stream",
    precision="fp32",
    batch=1,
    samples_per_query=1,
    workers=1,
    threads=1,
    load_samples=16,
    quality_samples=0,
)
# A few milliseconds of everything: enough rows for the metrics, none of it measured.
EFFORT = Effort(repetitions=(1,), duration_s=0.01, longest_s=30.0, window_s=0.001, window_batches=1, half_width=None)
FACTS = Facts(engine="fake", engine_version="1", precision_executed="fp32", compile_s=0.0, device_operator_share=1.0)
REPORT = Report(
    device=Device(kind="cpu"),
    facts=FACTS,
    model_hash="sha256:m",
    session_hash="sha256:s",
    load_sha256="sha256:l",
    t0_ns=0,
    elapsed_ns=1,
    rows=1,
    cpu_s=0.0,
    warmup_rows=100,
    warmup_cut=0,
    steady=True,
    cut_short=False,
    repeated_input_gain=None,
    bad_samples=0,
    verification=Verification(samples=4, mismatched=0, largest_error=0.0),
    noise=Noise(seconds=1.0),
)
HOST = Host(
    cpu_model="a processor",
    architecture="x86_64",
    cores_physical=2,
    cores_usable=2,
    memory_bytes=1 << 34,
    operating_system="an operating system",
    kernel="6.1",
    virtualised="no",
    governor=None,
    frequency_max_mhz=None,
    numa_nodes=1,
    python="CPython 3.11",
    packages={"numpy": "2"},
)


def measurement(scenario: Scenario = "single_stream", **changes: object) -> Measurement:
    """`MEASUREMENT` with some fields changed."""
    return msgspec.structs.replace(MEASUREMENT, scenario=scenario, **changes)


def tiny_onnx(
    path: Path,
    dtype: int = TensorProto.UINT8,
    shape: Sequence[int] = (3, 8, 8),
    batch: int | str = "batch",
    classes: int = 5,
) -> Path:
    """Write a classifier of one random matrix product: `x` (batch, *shape) to `logits` (batch, classes)."""
    weights = np.random.default_rng(0).standard_normal((int(np.prod(shape)), classes)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["f"], ["v"]),
        helper.make_node("MatMul", ["v", "w"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", dtype, [batch, *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(weights, "w")],
    )
    return save_model(graph, path)


def save_model(graph: onnx.GraphProto, path: Path, domain: str = "") -> Path:
    """Write a graph as a model of opset 17."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, 17 if domain == "" else 3)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return path


def job(folder: Path, model: Path, settings: dict[str, Setting] | None = None, **changes: object) -> Job:
    """One short repetition of the tiny model on the fake backend, in a folder that exists afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = Job(
        measurement=MEASUREMENT,
        backend="fake",
        device="cpu",
        effort=EFFORT,
        seed=7,
        quality=False,
        folder=str(folder),
        settings=settings or {"answers": "zeros"},
        model=str(model),
    )
    return msgspec.structs.replace(plain, **changes)


class ScriptedSession:
    """A session that copies what it is fed, then does what `answer` says with (call number, batch, out)."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.seen: list[dict[str, NDArray[np.generic]]] = []
        self._answer = answer or fill_zeros

    def run(self, batch: Arrays, out: Arrays) -> None:
        self.seen.append({name: array.copy() for name, array in batch.items()})
        self._answer(len(self.seen) - 1, batch, out)

    def close(self) -> None:
        return


def fill_zeros(call: int, batch: Arrays, out: Arrays) -> None:
    """The plainest of answers."""
    for array in out.values():
        array.fill(0)


def as_sessions(*sessions: ScriptedSession) -> tuple[Session, ...]:
    """The same objects, as the driver's type."""
    return sessions


OUTPUT = Tensor(name="y", dtype="float32", shape=(2,))
