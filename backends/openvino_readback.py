"""What OpenVINO says of a compiled model: properties, arithmetic of the compiled graph, and errors in one line."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bench.records.plan import Setting

if TYPE_CHECKING:
    import openvino

# Element types of the runtime model.
_EXECUTED = {"f64": "fp32", "f32": "fp32", "f16": "fp16", "bf16": "bf16", "i8": "int8", "u8": "int8"}
_PRODUCTS = frozenset({"convolution", "deconvolution", "fullyconnected", "matmul", "gemm"})
_NOT_ARITHMETIC = frozenset({"const", "input", "output", "parameter", "result", "convert", "reorder", "reshape"})
_READ_BACK = {
    "NUM_STREAMS": "streams",
    "INFERENCE_NUM_THREADS": "threads",
    "PERFORMANCE_HINT": "hint",
    "EXECUTION_MODE_HINT": "execution_mode",
    "INFERENCE_PRECISION_HINT": "inference_precision_hint",
    "ENABLE_CPU_PINNING": "pinning",
    "EXECUTION_DEVICES": "devices",
}


def applied(compiled: openvino.CompiledModel) -> dict[str, Setting]:
    """The options that a compiled model holds, under our names; those that its device does not have are left out."""
    supported = compiled.get_property("SUPPORTED_PROPERTIES")
    return {name: _plain(compiled.get_property(key)) for key, name in _READ_BACK.items() if key in supported}


def _plain(value: object) -> Setting:
    """A property as a record holds it: OpenVINO has types of its own for enumerations and element types."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return ",".join(str(one) for one in value)
    name = getattr(value, "get_type_name", None)
    text = str(name()) if name else str(getattr(value, "name", value))
    return _EXECUTED.get(text, text).lower()


def arithmetic(compiled: openvino.CompiledModel) -> Counter[str]:
    """How many operators of the compiled graph compute in which precision.

    Only products are counted (convolutions, matrix products) where there are any: pictures and sound come in as
    integers, and what only moves them would pass for int8.
    """
    layers = []
    try:
        operators = compiled.get_runtime_model().get_ordered_ops()
    except RuntimeError:  # a device that does not show its graph; its precision hint is all there is
        return Counter()
    for operator in operators:
        told = operator.get_rt_info()
        kind = str(told["layerType"].astype(str)).lower() if "layerType" in told else ""
        element = str(told["runtimePrecision"].astype(str)).lower() if "runtimePrecision" in told else ""
        layers.append((kind, element))
    products = [element for kind, element in layers if kind in _PRODUCTS]
    floats = [element for kind, element in layers if kind not in _NOT_ARITHMETIC and element in ("f32", "f16", "bf16")]
    return Counter(_EXECUTED.get(element, element) for element in products or floats)


def reason(error: Exception) -> str:
    """The words of an OpenVINO error in one line, without the places in its source that stand before them."""
    lines = [line.strip() for line in str(error).splitlines()]
    words = [line for line in lines if line and not line.startswith(("Exception from ", "Check '"))]
    return " ".join(words or lines) or type(error).__name__
