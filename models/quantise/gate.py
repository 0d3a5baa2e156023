"""Has the quality gate teeth? `python -m bench.models.quantise.gate NAME` tries what a vendor might do to the network.

Each variant answers the whole evaluation set in onnxruntime and is held to class q99. The table goes into card.md,
between its two marks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, numpy_helper

from bench.backends.base import Unsupported
from bench.models.base import NamedArrays, Reference
from bench.models.cards import put_table
from bench.models.quantise.assess import Assessed, Indices, answers, assessed
from bench.models.quantise.build import FILE, Recipe, build
from bench.models.quantise.storage import unfold
from bench.models.suite import SuiteWorkload, load_workload
from bench.plugins import PluginError
from bench.records.untrusted import BadFile
from bench.tasks import TASKS

Weights = NDArray[np.float32]
_PRODUCTS = ("Conv", "Gemm", "MatMul")
_PRUNED = 0.10


def variants(workload: SuiteWorkload) -> Iterator[tuple[str, Path]]:
    """Name and file of each network; a file is there until the next one is asked for. Raises Unsupported."""
    shipped = workload.model("int8").path
    assert workload.spec.int8 is not None
    recipe = Recipe(workload.spec.int8.method, workload.spec.int8.calibration_samples, workload.spec.int8.keep_float)
    yield "int8, the suite's file", shipped
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "variant.onnx"
        beside = workload.folder / f"variant.{FILE}"  # beside the weights, for the file points into them by name
        try:
            build(workload, recipe, beside, per_channel=False)
            yield "int8, one scale per weight tensor", beside
        finally:
            beside.unlink(missing_ok=True)
        for name, change in _CHANGES.items():
            onnx.save(changed(unfold(workload.model().path).model, recipe.keep_float, change), file)
            yield name, file


def changed(model: ModelProto, keep: Sequence[str], change: Callable[[NodeProto, Weights], Weights]) -> ModelProto:
    """`model`, a float network, with `change` made to weights and biases of all products but those called as `keep`."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in _PRODUCTS or any(fnmatchcase(node.name, pattern) for pattern in keep):
            continue
        if node.input[1] in constants:
            _change(node, [constants[name] for name in node.input[1:] if name in constants], change)
    return model


def _change(
    node: NodeProto, tensors: Sequence[onnx.TensorProto], change: Callable[[NodeProto, Weights], Weights]
) -> None:
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


_CHANGES: dict[str, Callable[[NodeProto, Weights], Weights]] = {
    "4-bit weights, one scale per channel": lambda node, weights: rounded(weights, 4, _channel_axis(node)),
    "4-bit weights, one scale per tensor": lambda node, weights: rounded(weights, 4, None),
    "a tenth of the channels pruned": pruned,
}


def measure(workload: SuiteWorkload, count: int | None = None) -> Iterator[tuple[str, Assessed]]:
    """Each variant judged on the first `count` evaluation samples, or on all."""
    reference = workload.reference()
    if reference is None:
        raise Unsupported(f"{workload.spec.name} has no reference answers to hold anything against.")
    whole = workload.spec.quality.evaluation_samples
    inputs = _kept(workload, min(count or whole, whole))
    for name, file in variants(workload):
        yield name, _judged(workload, reference, file, inputs)


def _kept(workload: SuiteWorkload, count: int) -> NamedArrays:
    return workload.evaluation_inputs(np.arange(count))


def _judged(workload: SuiteWorkload, reference: Reference, file: Path, inputs: NamedArrays) -> Assessed:
    def rows(indices: Indices) -> NamedArrays:
        return {name: array[indices] for name, array in inputs.items()}

    condense = TASKS[workload.spec.task].condense
    return assessed(workload, reference, answers(file, rows, len(next(iter(inputs.values()))), condense))


def row(name: str, found: Assessed) -> str:
    """One line of the table."""
    verdict = found.verdict
    held = {True: "yes", False: "**no**", None: "not judged"}[verdict.passed]
    interval = f"{verdict.interval.low:.4f} to {verdict.interval.high:.4f}"
    return (
        f"| {name} | {verdict.value:.4f} ({interval}) | {found.agreement:.4f} "
        f"| {found.loss_at_most:.4f} (allowed {-verdict.allowance:.4f}) | {held} |"
    )


HEADING = """\
| network | quality (95 %) | same answer as the reference | worse by at most (one-sided 95 %) | holds q99 |
|---|---|---|---|---|"""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, and write the table into the card."""
    parser = argparse.ArgumentParser(prog="python -m bench.models.quantise.gate", description=__doc__)
    parser.add_argument("name", help="workload")
    given = parser.parse_args(arguments)
    lines = [HEADING]
    print(HEADING)
    try:
        workload = load_workload(given.name)
        assert isinstance(workload, SuiteWorkload)
        for name, found in measure(workload):
            lines.append(row(name, found))
            print(lines[-1], flush=True)
    except (PluginError, BadFile, Unsupported) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    put_table(workload.folder / "card.md", "gate", "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
