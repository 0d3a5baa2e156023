"""The challenge: a network's graph with other weights, and its answers in double precision from no engine at all.

An engine that was prepared for a known network (a table of answers, a smaller network that imitates it) cannot have
prepared for this one. The reference is onnx's own evaluator, which is numpy operator by operator.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper

from bench.models.quantised_ops import operators
from bench.models.weights import channel_scales

NamedArrays = dict[str, NDArray[np.generic]]

# Each weight gets a factor of its own between one half and two. That changes every answer, and leaves signs, zeros and
# scales as they were: a network of random weights would answer every input nearly alike, and so tell nothing.
_WIDEST_FACTOR = 2.0
_FEWEST_WEIGHTS = 64
# Of 2^(2u - 1) with u even between 0 and 1: the square root of (4 - 1/4) / (4 ln 2).
_ROOT_MEAN_SQUARE, _MOST_STEPS = math.sqrt(3.75 / (4.0 * math.log(2.0))), 127
_CHANGED = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE})
_WIDENED = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16})


class NoChallenge(ValueError):
    """There is none for this network; half a sentence that says why."""


def write_challenge(path: Path, seed: int, target: Path) -> None:
    """Write the network at `path` with weights changed by `seed` as one file `target`.

    Weight i of a matrix or a convolution is multiplied by 2^(2u - 1), where u is the top 53 bits over 2^53 of word i
    that PCG64 gives for SeedSequence([seed, position of the tensor in the file]). Weights stored as int8 steps become
    fp16 steps, and their scales stay. A quantised network (QDQ) is computed in int8 as before: what its graph quantises
    is cut where its steps end, and weights that its file holds in int8 stay steps. There the factors are divided by
    their root mean square, and the products rounded and cut to 127. Raises NoChallenge where there are no such weights.
    """
    model = onnx.load(path)
    scales, quantised = channel_scales(model.graph), _quantised_weights(model)
    changed = 0
    for position, tensor in enumerate(model.graph.initializer):
        count = int(np.prod(tensor.dims, dtype=np.int64))
        weights = tensor.data_type in _CHANGED or tensor.name in scales or tensor.name in quantised
        if weights and tensor.name not in scales.values() and len(tensor.dims) >= 2 and count >= _FEWEST_WEIGHTS:
            change = _change_steps if tensor.name in quantised else _change
            change(tensor, _factors(count, seed, position))
            changed += 1
    if not changed:
        raise NoChallenge("its file holds no weights in floating point that could be changed")
    try:
        content = model.SerializeToString()
    except Exception as error:  # noqa: BLE001 - what protobuf raises beyond 2 GiB depends on its release
        raise NoChallenge(f"the changed file is too large for one: {type(error).__name__}") from None
    target.write_bytes(content)


def reference_answers(
    path: Path, inputs: Mapping[str, NDArray[np.generic]], heartbeat: Callable[[], None]
) -> NamedArrays:
    """Answers in double precision to samples of leading axis n, (n, …) by name of the output; `heartbeat` per sample.

    Raises NoChallenge for what onnx's evaluator does not know.
    """
    from onnx.reference import ReferenceEvaluator

    model = onnx.load(path)
    _widen(model)
    rows = _fixed_batch(model) or 1
    answers = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what it computes by numpy's rules
            evaluator = ReferenceEvaluator(model, new_ops=operators())
            for index in range(len(next(iter(inputs.values())))):
                heartbeat()
                sample = {name: np.repeat(array[index : index + 1], rows, axis=0) for name, array in inputs.items()}
                answers.append([answer[:1] for answer in evaluator.run(None, sample)])
    except Exception as error:  # noqa: BLE001 - an operator of the evaluator may raise anything for what it does not know
        words = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise NoChallenge(f"onnx's evaluator cannot compute it: {words}") from None
    names = [output.name for output in model.graph.output]
    return {name: np.concatenate([row[place] for row in answers]) for place, name in enumerate(names)}


def _change(tensor: TensorProto, factors: NDArray[np.float64]) -> None:
    whole = numpy_helper.to_array(tensor)
    kind = whole.dtype if tensor.data_type in _CHANGED else np.dtype(np.float16)
    other = (whole.astype(np.float64) * factors.reshape(whole.shape)).astype(kind)
    tensor.CopyFrom(numpy_helper.from_array(other, tensor.name))


def _change_steps(tensor: TensorProto, factors: NDArray[np.float64]) -> None:
    whole = numpy_helper.to_array(tensor)
    other = np.rint(whole * (factors / _ROOT_MEAN_SQUARE).reshape(whole.shape)).clip(-_MOST_STEPS, _MOST_STEPS)
    tensor.CopyFrom(numpy_helper.from_array(other.astype(np.int8), tensor.name))


def _quantised_weights(model: ModelProto) -> set[str]:
    """Names of int8 weights that a node turns into numbers, as quantised networks have them."""
    turned = {node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    return {one.name for one in model.graph.initializer if one.data_type == TensorProto.INT8} & turned


def _factors(count: int, seed: int, position: int) -> NDArray[np.float64]:
    # Raw words, for numpy does not promise its other streams across versions.
    words = np.random.PCG64(np.random.SeedSequence([seed, position])).random_raw(count)
    uniform = (np.atleast_1d(words) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.power(_WIDEST_FACTOR, 2.0 * uniform - 1.0)


def _widen(model: ModelProto) -> None:
    """Let all that is computed in floating point be computed in double precision; inputs stay what they are."""
    for tensor in model.graph.initializer:
        if tensor.data_type in _WIDENED:
            _widen_tensor(tensor)
    fed = {item.name for item in model.graph.input if item.type.tensor_type.elem_type in _WIDENED}
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in _WIDENED:
                attribute.i = TensorProto.DOUBLE
            elif attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in _WIDENED:
                _widen_tensor(attribute.t)
        node.input[:] = [f"{name}.double" if name in fed else name for name in node.input]
    casts = [onnx.helper.make_node("Cast", [name], [f"{name}.double"], to=TensorProto.DOUBLE) for name in sorted(fed)]
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _widen_tensor(tensor: TensorProto) -> None:
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def _fixed_batch(model: ModelProto) -> int | None:
    return int(model.graph.input[0].type.tensor_type.shape.dim[0].dim_value) or None
