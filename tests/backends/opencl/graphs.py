"""Small ONNX files, asked through the seam and, for the answers to expect, of onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any  # attributes of ONNX's nodes, arrays of any type

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.backends.base import Model, Options, Tensor
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.device import Found
from bench.records.host import Facts
from bench.records.plan import Precision, Setting

Array = NDArray[Any]


def saved(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Array],
    outputs: Sequence[str],
    constants: dict[str, Array] | None = None,
    opset: int = 17,
) -> Model:
    """A file with a free batch axis, and what the seam must know of it; onnxruntime says what comes out."""
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), ["batch", *array.shape[1:]])
        for name, array in inputs.items()
    ]
    answers = [helper.make_empty_tensor_value_info(name) for name in outputs]
    initial = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "g", given, answers, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    model = onnx.shape_inference.infer_shapes(model)
    onnx.save(model, str(path))
    expected = reference(path, inputs, outputs)
    return Model(
        path=path,
        inputs=tuple(Tensor(name=n, dtype=str(a.dtype), shape=a.shape[1:]) for n, a in inputs.items()),
        outputs=tuple(Tensor(name=n, dtype=str(a.dtype), shape=a.shape[1:]) for n, a in expected.items()),
    )


def reference(path: Path, inputs: dict[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
    """onnxruntime's answers without its own rewriting."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return dict(zip(outputs, session.run(list(outputs), inputs), strict=True))


def asked(
    found: Found,
    model: Model,
    inputs: dict[str, Array],
    settings: dict[str, Setting] | None = None,
    precision: Precision = "fp32",
) -> tuple[Facts, dict[str, Array]]:
    """Our answers, into arrays that are NaN before; nothing may run on the host unless the settings say so."""
    samples = len(next(iter(inputs.values())))
    strict: dict[str, Setting] = {"strict_device": True}
    options = Options(
        precision=precision, max_batch=samples, workers=1, threads=1, settings=strict if settings is None else settings
    )
    compiled = BACKEND.compile(model, found.device, options)
    session = compiled.open(0)
    out = {t.name: np.empty((samples, *t.shape), t.dtype) for t in model.outputs}
    for array in out.values():
        array.view(np.uint8).fill(0xFF)
    session.run(inputs, out)
    session.close()
    compiled.close()
    return compiled.facts, out


def agrees(
    found: Found,
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Array],
    constants: dict[str, Array] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
    tolerance: float = 2e-5,
) -> None:
    """Fails where our answers differ from onnxruntime's by more than `tolerance` of their largest."""
    model = saved(folder / "one.onnx", nodes, inputs, outputs, constants, opset)
    expected = reference(model.path, inputs, outputs)
    _, got = asked(found, model, inputs)
    for name, right in expected.items():
        assert got[name].shape == right.shape
        if right.dtype.kind != "f":
            np.testing.assert_array_equal(got[name], right)
            continue
        scale = float(np.abs(right[np.isfinite(right)]).max(initial=1.0))
        np.testing.assert_allclose(got[name], right, rtol=tolerance, atol=tolerance * scale)


def normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape, np.float32)


FLOAT = TensorProto.FLOAT
