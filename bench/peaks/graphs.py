"""Networks that do nothing but what is measured: a chain of matrix products, or one matrix that has to be read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.backends.base import Model, Tensor

# Values of a standard normal lie within; weights are scaled so that products stay such values.
_SPREAD = 6.0


def product_model(path: Path, size: int, depth: int, quantised: bool) -> Model:
    """`x` (batch, size) through `depth` products with one square matrix; 2 · batch · size² · depth operations a call.

    One matrix for all keeps the file small; no engine may multiply it with itself beforehand, for it does not know
    that this would pay.
    """
    weights = _normal(size, size) / np.float32(math.sqrt(size))
    nodes: list[onnx.NodeProto] = []
    here = "x"
    for step in range(depth):
        kernel = f"w{step}" if quantised else "w"
        if quantised:
            nodes += _rounded(here, step)
            here = f"d{step}"
        there = "y" if step == depth - 1 else f"h{step}"
        nodes.append(helper.make_node("MatMul", [here, kernel], [there]))
        here = there
    inits = _quantised(weights, size, depth) if quantised else [numpy_helper.from_array(weights, "w")]
    return _saved(path, nodes, inits, size, size)


def read_model(path: Path, size: int) -> Model:
    """`x` (batch, size) times a square matrix: with one row 4 · size² bytes have to be read for a call."""
    inits = [numpy_helper.from_array(_normal(size, size) / np.float32(math.sqrt(size)), "w")]
    return _saved(path, [helper.make_node("MatMul", ["x", "w"], ["y"])], inits, size, size)


def inputs(rows: int, size: int) -> NDArray[np.float32]:
    """(rows, size) values of a standard normal."""
    return _normal(rows, size)


def _normal(rows: int, columns: int) -> NDArray[np.float32]:
    # float32 throughout: of a gigabyte no second copy.
    return np.random.default_rng(0).standard_normal((rows, columns), dtype=np.float32)


def _quantised(weights: NDArray[np.float32], size: int, depth: int) -> list[onnx.TensorProto]:
    """Integers and zero points for each product, for onnxruntime rewrites them one by one; the rest once."""
    scale = _SPREAD / math.sqrt(size) / 127.0
    steps = np.clip(np.round(weights / np.float32(scale)), -127, 127).astype(np.int8)
    return [
        *(numpy_helper.from_array(steps, f"i{step}") for step in range(depth)),
        *(numpy_helper.from_array(np.array(0, np.int8), f"z{step}") for step in range(depth)),
        numpy_helper.from_array(np.array(scale, np.float32), "ws"),
        numpy_helper.from_array(np.array(_SPREAD / 127.0, np.float32), "xs"),
        numpy_helper.from_array(np.array(128, np.uint8), "xz"),
    ]


def _rounded(name: str, step: int) -> list[onnx.NodeProto]:
    """Values and weights as integers and back, as QDQ files have them."""
    return [
        helper.make_node("QuantizeLinear", [name, "xs", "xz"], [f"q{step}"]),
        helper.make_node("DequantizeLinear", [f"q{step}", "xs", "xz"], [f"d{step}"]),
        helper.make_node("DequantizeLinear", [f"i{step}", "ws", f"z{step}"], [f"w{step}"]),
    ]


def _saved(path: Path, nodes: list[onnx.NodeProto], inits: list[onnx.TensorProto], size: int, answers: int) -> Model:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", size])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", answers])
    graph = helper.make_graph(nodes, "peak", [x], [y], inits)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    one, two = (Tensor(name=name, dtype="float32", shape=(count,)) for name, count in (("x", size), ("y", answers)))
    return Model(path=path, inputs=(one,), outputs=(two,))
