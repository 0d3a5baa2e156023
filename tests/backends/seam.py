"""What the tests of every engine share: models, a way to have a batch answered, and an independent reference."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.backends.base import Backend, Compiled, Model, Options, Session, Tensor
from bench.models.suite import load_workload
from bench.records.host import Device, Facts
from bench.records.plan import Setting
from bench.scoring.numeric import sample_errors

from ..fixtures import save_model, tiny_onnx

if TYPE_CHECKING:
    import onnxruntime

Named = dict[str, NDArray[np.generic]]


def speech(precision: str = "fp32") -> tuple[Model, Named]:
    """The suite's spoken commands, with twelve samples."""
    workload = load_workload("speech_command")
    return workload.model(precision), workload.evaluation_inputs(np.arange(12))


def tiny(folder: Path) -> tuple[Model, Named]:
    """A classifier of one matrix product on twelve pictures."""
    x, logits = Tensor(name="x", dtype="uint8", shape=(3, 8, 8)), Tensor(name="logits", dtype="float32", shape=(5,))
    pictures = np.random.default_rng(3).integers(0, 256, (12, 3, 8, 8), dtype=np.uint8)
    return Model(path=tiny_onnx(folder / "tiny.onnx"), inputs=(x,), outputs=(logits,)), {"x": pictures}


def two_way(folder: Path) -> tuple[Model, Named]:
    """Two inputs, two outputs, declared in another order than the graph's: sum and difference of float32."""
    a, b = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in "ab")
    total, rest = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("sum", "rest"))
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["rest"])]
    path = save_model(helper.make_graph(nodes, "two", [a, b], [total, rest]), folder / "two.onnx")
    first, second, added, left = (Tensor(name=name, dtype="float32", shape=(3,)) for name in ("a", "b", "sum", "rest"))
    rng = np.random.default_rng(4)
    inputs: Named = {name: rng.standard_normal((12, 3), np.float32) for name in "ab"}
    return Model(path=path, inputs=(second, first), outputs=(left, added)), inputs


def quantised(folder: Path) -> tuple[Model, Named]:
    """A 3×3 convolution in QDQ form: int8 weights, uint8 activations.

    Weights of 7 bits: with wider ones sums of two products leave 16 bits, where engines on x86 without VNNI saturate.
    """
    weights = np.random.default_rng(5).integers(-63, 64, (16, 16, 3, 3), dtype=np.int8)
    constants = {
        "w8": weights,
        "one": np.array(0.01, np.float32),
        "zero8": np.array(0, np.int8),
        "step": np.array(0.02, np.float32),
        "zero": np.array(128, np.uint8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "step", "zero"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w8", "one", "zero8"], ["wd"]),
        helper.make_node("Conv", ["xd", "wd"], ["y"], pads=[1, 1, 1, 1]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 16, 8, 8]) for name in "xy")
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    path = save_model(helper.make_graph(nodes, "qdq", [x], [y], initial), folder / "qdq.onnx")
    tensors = [Tensor(name=name, dtype="float32", shape=(16, 8, 8)) for name in "xy"]
    inputs: Named = {"x": np.random.default_rng(6).standard_normal((12, 16, 8, 8), np.float32)}
    return Model(path=path, inputs=(tensors[0],), outputs=(tensors[1],)), inputs


def options(precision: str = "fp32", max_batch: int = 4, **changes: object) -> Options:
    """One worker with one thread, unless said otherwise."""
    return Options(**{"precision": precision, "max_batch": max_batch, "workers": 1, "threads": 1, **changes})  # type: ignore[arg-type]


def poisoned(model: Model, samples: int) -> Named:
    """Output arrays as the harness hands them out."""
    out: Named = {t.name: np.empty((samples, *t.shape), t.dtype) for t in model.outputs}
    for array in out.values():
        array.view(np.uint8).fill(0xFF)  # NaN in every float
    return out


def ask(session: Session, model: Model, inputs: Named, sizes: Sequence[int]) -> Named:
    """Answers for the first sum(sizes) samples, in batches of those sizes."""
    parts, first = [], 0
    for size in sizes:
        out = poisoned(model, size)
        session.run({name: array[first : first + size] for name, array in inputs.items()}, out)
        parts.append(out)
        first += size
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def answers(
    backend: Backend,
    model: Model,
    inputs: Named,
    sizes: Sequence[int] = (4, 4, 4),
    device: Device | None = None,
    settings: dict[str, Setting] | None = None,
    **changes: object,
) -> tuple[Facts, Named]:
    """Compile, open one session, ask, close."""
    compiled = backend.compile(model, device or backend.devices()[0], options(settings=settings or {}, **changes))  # type: ignore[arg-type]
    session = compiled.open(0)
    found = ask(session, model, inputs, sizes)
    session.close()
    compiled.close()
    return compiled.facts, found


def exact_session(path: Path) -> onnxruntime.InferenceSession:
    """A file as it is in onnxruntime, with sums of 8-bit products exact on any processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def reference(model: Model, inputs: Named) -> Named:
    """onnxruntime's fp32 answers, by its own interface and not through a backend of ours."""
    session = exact_session(model.path)
    names = [tensor.name for tensor in model.outputs]
    return dict(zip(names, session.run(names, inputs), strict=True))


def worst_error(found: Named, expected: Named) -> float:
    """Largest relative error of any sample of any output."""
    return max(float(sample_errors(found[name], expected[name][: len(found[name])]).max()) for name in expected)


def together(compiled: Compiled, model: Model, inputs: Named, workers: int, rounds: int = 8) -> list[Named]:
    """What each of several sessions at once answered last; worker k is fed with the samples rotated by k."""
    sessions = [compiled.open(worker) for worker in range(workers)]
    found: dict[int, Named] = {}

    def work(worker: int) -> None:
        mine = {name: np.roll(array, -worker, axis=0) for name, array in inputs.items()}
        for _ in range(rounds):
            found[worker] = ask(sessions[worker], model, mine, (4, 4, 4))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in sessions:
        session.close()
    return [found[worker] for worker in range(workers)]


def errors_at_once(compiled: Compiled, model: Model, inputs: Named, workers: int) -> list[float]:
    """Largest relative error of each of several sessions at once, each against the answers for its own samples."""
    expected = reference(model, inputs)
    return [
        worst_error(found, {name: np.roll(array, -worker, axis=0) for name, array in expected.items()})
        for worker, found in enumerate(together(compiled, model, inputs, workers))
    ]


def wrong_forms(model: Model, good: NDArray[np.generic]) -> list[tuple[NDArray[np.generic], Named]]:
    """Inputs and outputs of `tiny` for four samples, each pair with one array of another type or shape."""
    return [
        (good.astype(np.float32), poisoned(model, 4)),
        (good[:, :, :, :7].copy(), poisoned(model, 4)),
        (good, {"logits": np.zeros((4, 6), np.float32)}),
        (good, {"logits": np.zeros((4, 5), np.float64)}),
        (good, {"logits": np.zeros((3, 5), np.float32)}),
    ]


def broken_onnx(path: Path) -> Path:
    """Bytes that are no model."""
    path.write_bytes(b"\x00garbage" * 10)
    return path


def node_count(model: Model) -> int:
    """Nodes of the file."""
    return len(onnx.load(model.path).graph.node)
