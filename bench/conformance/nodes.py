"""The ONNX project's own tests of single operators, asked through the seam.

Of these tests those fit whose inputs and outputs are all of types that the seam carries and share their leading axis,
which the seam takes for the batch; `node_tests` says how many do not.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: onnx's protocol buffers have no types

import msgspec
import numpy as np

from bench.backends.base import Backend, DeviceLost, EngineError, Model, Options, Tensor
from bench.loadgen.samples import Named
from bench.plugins import one_line
from bench.records.conformance import ONNX_NODE, Verdict
from bench.records.host import Device
from bench.records.plan import Setting
from bench.tasks.base import ERROR_CLASS

_KINDS = "biuf"
# Two right answers differ.
_RANDOM = {"Bernoulli", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial"}
_UNFIT_TYPES = ("bfloat16", "float8", "float4", "int4", "uint4", "int2", "uint2")


class NodeTest(msgspec.Struct, frozen=True, kw_only=True):
    """One operator with inputs and the answers that are right within `rtol` and `atol`."""

    name: str
    graph: bytes
    inputs: Named
    outputs: Named
    rtol: float
    atol: float

    @property
    def batch(self) -> int:
        return len(next(iter(self.inputs.values())))


def node_tests() -> tuple[list[NodeTest], int]:
    """The tests that fit the seam, by name, and how many tests there are in all. Takes seconds."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx computes the answers now, infinities among them
        every = load_model_tests(kind="node")
    found = [test for test in map(_node_test, every) if test is not None]
    return sorted(found, key=lambda test: test.name), len(every)


def examine_nodes(
    backend: Backend, device: Device, tests: list[NodeTest], settings: dict[str, Setting]
) -> Iterator[Verdict]:
    """One verdict per test: what is refused is skipped, what is answered wrongly has failed.

    With a test that loses the device it ends; the others need a process that has it anew.
    """
    with tempfile.TemporaryDirectory() as folder:
        for test in tests:
            path = Path(folder) / f"{test.name}.onnx"
            path.write_bytes(test.graph)
            try:
                yield _verdict(backend, device, test, path, settings)
            except DeviceLost as lost:
                yield Verdict(code=ONNX_NODE, state="failed", subject=test.name, seen=str(lost))
                return
            path.unlink()


def _verdict(backend: Backend, device: Device, test: NodeTest, path: Path, settings: dict[str, Setting]) -> Verdict:
    try:
        wrong = _ask(backend, device, test, path, settings)
    except DeviceLost:
        raise
    except EngineError as refusal:
        return Verdict(code=ONNX_NODE, state="skipped", subject=test.name, seen=str(refusal))
    except Exception as error:  # noqa: BLE001 - an engine may raise anything; it is not what the contract says
        return Verdict(code=ONNX_NODE, state="failed", subject=test.name, seen=one_line(error))
    return Verdict(code=ONNX_NODE, state="failed" if wrong else "passed", subject=test.name, seen=wrong)


def _ask(backend: Backend, device: Device, test: NodeTest, path: Path, settings: dict[str, Setting]) -> str:
    """What is wrong with the answers, empty where nothing is."""
    model = Model(path=path, inputs=_tensors(test.inputs), outputs=_tensors(test.outputs), fixed_batch=test.batch)
    options = Options(precision=device.precisions[0], max_batch=test.batch, workers=1, threads=1, settings=settings)
    compiled = backend.compile(model, device, options)
    session = compiled.open(0)
    out = {name: np.zeros(answer.shape, answer.dtype) for name, answer in test.outputs.items()}
    session.run({name: array.copy(order="C") for name, array in test.inputs.items()}, out)
    # An engine that says that it computes in a coarser precision is held to that one.
    rtol = max(test.rtol, ERROR_CLASS.get(compiled.facts.precision_executed, 0.0))
    session.close()
    compiled.close()
    for name, expected in test.outputs.items():
        if not np.allclose(out[name], expected, rtol=rtol, atol=test.atol, equal_nan=True):
            with np.errstate(all="ignore"):
                far = np.nanmax(np.abs(out[name].astype(np.float64) - expected.astype(np.float64)), initial=0.0)
            return f"output {name!r} is off by up to {far:.3g}"
    return ""


def _tensors(arrays: Named) -> tuple[Tensor, ...]:
    return tuple(Tensor(name=name, dtype=str(array.dtype), shape=array.shape[1:]) for name, array in arrays.items())


def _node_test(test: Any) -> NodeTest | None:
    """None for a test that the seam has no form for."""
    from onnx import numpy_helper

    graph, (given, answers) = test.model.graph, test.data_sets[0]
    if any(node.op_type in _RANDOM for node in graph.node):
        return None
    try:
        inputs, outputs = (
            {value.name: _array(one, numpy_helper) for value, one in zip(values, data, strict=True)}
            for values, data in ((graph.input, given), (graph.output, answers))
        )
    except ValueError:
        return None
    arrays = [*inputs.values(), *outputs.values()]
    fit = all(array.dtype.kind in _KINDS and str(array.dtype) not in _UNFIT_TYPES for array in arrays)
    if not fit or not inputs or not outputs or any(array.ndim == 0 for array in arrays):
        return None
    if len({len(array) for array in arrays}) != 1 or len(arrays[0]) == 0:
        return None
    return NodeTest(
        name=test.name,
        graph=test.model.SerializeToString(),
        inputs=inputs,
        outputs=outputs,
        rtol=test.rtol,
        atol=test.atol,
    )


def _array(value: Any, numpy_helper: Any) -> np.ndarray[Any, Any]:
    """A tensor of the test's data. Raises ValueError for sequences, optional values and texts."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "data_type"):
        return np.asarray(numpy_helper.to_array(value))
    raise ValueError(type(value).__name__)
