"""Quantising operators for onnx's own evaluator, which has them for opsets from 19 on only: in double precision.

Written after the operators' definitions (onnx.ai/onnx/operators: QuantizeLinear-13, DequantizeLinear-13): saturate of
round half to even of x / scale, plus the zero point; and (x - zero point) times scale. One scale, or one for each place
along an axis.
"""

from __future__ import annotations

from typing import Any  # onnx's evaluator hands on whatever a graph holds

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_AXIS = 1


def quantised(x: Array, scale: Array, zero: Array | None, axis: int = _AXIS) -> Array:
    """`x` in steps, of the zero point's type (uint8 without one)."""
    kind = np.dtype(np.uint8) if zero is None else zero.dtype
    limits = np.iinfo(kind)
    steps = np.rint(x / _spread(scale, x.ndim, axis)) + (0 if zero is None else _spread(zero, x.ndim, axis))
    return np.clip(steps, limits.min, limits.max).astype(kind)


def dequantised(x: Array, scale: Array, zero: Array | None, axis: int = _AXIS) -> Array:
    """The numbers that steps stand for, of the scale's type."""
    steps = x.astype(scale.dtype) - (0 if zero is None else _spread(zero, x.ndim, axis).astype(scale.dtype))
    return steps * _spread(scale, x.ndim, axis)


def operators() -> list[type]:
    """Both, as onnx's evaluator takes operators of one's own."""
    from onnx.reference.op_run import OpRun

    class QuantizeLinear(OpRun):
        op_domain = ""

        def _run(self, x: Array, scale: Array, zero: Array | None = None, **given: Any) -> tuple[Array]:
            axis = given.get("axis")
            return (quantised(x, scale, zero, _AXIS if axis is None else axis),)

    class DequantizeLinear(OpRun):
        op_domain = ""

        def _run(self, x: Array, scale: Array, zero: Array | None = None, **given: Any) -> tuple[Array]:
            axis = given.get("axis")
            return (dequantised(x, scale, zero, _AXIS if axis is None else axis),)

    return [QuantizeLinear, DequantizeLinear]


def _spread(values: Array, rank: int, axis: int) -> Array:
    """One value, or one for each place along `axis`, in a form that broadcasts against `rank` axes."""
    if values.size == 1:
        return values.reshape(())
    form = [1] * rank
    form[axis] = values.size
    return values.reshape(form)
