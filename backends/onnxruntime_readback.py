"""What onnxruntime made of a quantised file: the arithmetic of the graph that it optimised and wrote down."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

# Operators that multiply matrices or filters, onnxruntime's own among them, by what they compute in.
_FLOAT = frozenset({"Conv", "ConvTranspose", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"})
_INTEGER = frozenset(
    {"QLinearConv", "QLinearConvTranspose", "ConvInteger", "QGemm", "QLinearMatMul", "MatMulInteger"}
    | {"MatMulIntegerToFloat", "DynamicQuantizeMatMul"}
)
_QUANTISED = _INTEGER | {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}


def is_quantised(path: Path) -> bool:
    """Whether anything in the file is quantised; False for what is no model, which the engine will say better."""
    try:
        nodes = _graph(path).node
    except Exception:  # noqa: BLE001 - protobuf's errors are of many kinds
        return False
    return any(node.op_type in _QUANTISED for node in nodes)


def arithmetic(optimised: Path) -> Counter[str]:
    """How many products of the optimised graph compute in which precision.

    A product between DequantizeLinear and QuantizeLinear that was not fused with them computes in fp32.
    """
    kinds = [node.op_type for node in _graph(optimised).node]
    counted = Counter({"fp32": sum(kind in _FLOAT for kind in kinds), "int8": sum(kind in _INTEGER for kind in kinds)})
    return +counted


def _graph(path: Path) -> onnx.GraphProto:
    import onnx

    return onnx.load(str(path), load_external_data=False).graph
