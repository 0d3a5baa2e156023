"""What a vendor might do to a network, honestly or not: other precisions, coarser weights, fewer channels.

Each is an ONNX file that onnxruntime runs; how good it is is told elsewhere (`gate`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from bench.models.quantise.build import FILE, Recipe, build
from bench.models.quantise.storage import unfold
from bench.models.suite import SuiteWorkload

Weights = NDArray[np.float32]
Change = Callable[[NodeProto, Weights], Weights]
_PRODUCTS = ("Conv", "Gemm", "MatMul")
_PRUNED = 0.10
PER_TENSOR = "int8, one scale per weight tensor"


@dataclass(frozen=True, slots=True)
class Variant:
    """A network in a file, and the precision it is declared as: what its numbers are held to."""

    name: str
    file: Path
    precision: str = "int8"


def variants(workload: SuiteWorkload) -> Iterator[Variant]:
    """All that are tried; a file is there until the next one is asked for. Raises Unsupported.

    What rounds or prunes weights is declared as int8, whose class is the widest of those that a network of the suite
    has: as any other precision its numbers would be found at once.
    """
    shipped = workload.model("int8").path
    recipe = recipe_of(workload)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "variant.onnx"
        for precision, kind in (("fp16", TensorProto.FLOAT16), ("bf16", TensorProto.BFLOAT16)):
            onnx.save(narrowed(unfold(workload.model().path).model, kind), file)
            yield Variant(f"{precision}, weights and activations", file, precision)
        yield Variant("int8, the suite's file", shipped)
        beside = workload.folder / f"variant.{FILE}"  # beside the weights, for the file points into them by name
        try:
            build(workload, recipe, beside, per_channel=False)
            yield Variant(PER_TENSOR, beside)
        finally:
            beside.unlink(missing_ok=True)
        for name, change in _CHANGES.items():
            onnx.save(changed(unfold(workload.model().path).model, recipe.keep_float, change), file)
            yield Variant(name, file)


def recipe_of(workload: SuiteWorkload) -> Recipe:
    """What the workload's int8 file was made with."""
    known = workload.spec.int8
    assert known is not None, f"{workload.spec.name} has an int8 file and no table of it"
    return Recipe(known.method, known.calibration_samples, known.keep_float)


# ------------------------------------------------------------------------------------------------------- narrow floats


def narrowed(model: ModelProto, kind: int) -> ModelProto:
    """`model` with every float32 value, weights too, rounded to `kind` where it is made; sums stay float32.

    So compute engines that multiply in a narrow format and add in a wide one, as matrix units do.
    """
    inferred = onnx.shape_inference.infer_shapes(model)
    floats = {
        value.name
        for value in (*inferred.graph.value_info, *inferred.graph.output)
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    outputs = {output.name for output in model.graph.output}
    weights = {tensor.name: tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT}
    nodes = [node for name in weights for node in _rounding(name, f"{name}.narrow", kind)]
    for node in model.graph.node:
        node.input[:] = [f"{name}.narrow" if name in weights else name for name in node.input]
        made = [name for name in node.output if name in floats]
        node.output[:] = [f"{name}.wide" if name in made else name for name in node.output]
        nodes += [node, *(one for name in made for one in _rounding(f"{name}.wide", name, kind))]
    assert outputs <= {name for node in nodes for name in node.output}
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    return model


def _rounding(source: str, target: str, kind: int) -> list[NodeProto]:
    narrow = f"{target}.as_narrow"
    return [
        helper.make_node("Cast", [source], [narrow], f"{target}.Narrow", to=kind),
        helper.make_node("Cast", [narrow], [target], f"{target}.Wide", to=TensorProto.FLOAT),
    ]


# ----------------------------------------------------------------------------------------------------- other weights


def changed(model: ModelProto, keep: Sequence[str], change: Change) -> ModelProto:
    """`model`, a float network, with `change` made to weights and biases of all products but those called as `keep`."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in _PRODUCTS or any(fnmatchcase(node.name, pattern) for pattern in keep):
            continue
        if node.input[1] in constants:
            _change(node, [constants[name] for name in node.input[1:] if name in constants], change)
    return model


def _change(node: NodeProto, tensors: Sequence[onnx.TensorProto], change: Change) -> None:
    arrays = [numpy_helper.to_array(tensor) for tensor in tensors]
    weights = change(node, arrays[0])
    tensors[0].CopyFrom(numpy_helper.from_array(weights, tensors[0].name))
    gone = ~weights.reshape(len(weights), -1).any(axis=1)
    if len(tensors) > 1 and node.op_type == "Conv":  # a filter that is not there adds nothing at all
        bias = np.where(gone, np.float32(0), arrays[1])
        tensors[1].CopyFrom(numpy_helper.from_array(bias, tensors[1].name))


def rounded(weights: Weights, bits: int, axis: int | None) -> Weights:
    """Weights on 2^bits - 1 levels, symmetric and to nearest; one scale per place on `axis`, or one for all."""
    others = tuple(one for one in range(weights.ndim) if one != axis) if axis is not None else None
    top = 2 ** (bits - 1) - 1
    scale = np.maximum(np.abs(weights).max(axis=others, keepdims=True) / top, np.float32(1e-12))
    found: Weights = (np.round(weights / scale) * scale).astype(np.float32)
    return found


def pruned(node: NodeProto, weights: Weights) -> Weights:
    """Without the tenth of a convolution's filters whose sum of absolute values is least."""
    if node.op_type != "Conv":
        return weights
    sizes = np.abs(weights).reshape(len(weights), -1).sum(axis=1)
    kept = weights.copy()
    kept[np.argsort(sizes, kind="stable")[: round(_PRUNED * len(weights))]] = 0
    return kept


def _channel_axis(node: NodeProto) -> int:
    transposed = any(one.name == "transB" and one.i for one in node.attribute)
    return 0 if node.op_type == "Conv" or transposed else 1


_CHANGES: dict[str, Change] = {
    "4-bit weights, one scale per channel": lambda node, weights: rounded(weights, 4, _channel_axis(node)),
    "4-bit weights, one scale per tensor": lambda node, weights: rounded(weights, 4, None),
    "a tenth of the channels pruned": pruned,
}
