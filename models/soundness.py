"""What can be wrong with an ONNX file that its checker does not say: data elsewhere, foreign operators, NaN weights.

Looked for before anything of the file is run. What is found is told in values; the words are its callers'.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

_STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_NUMBERS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})


class Elsewhere(NamedTuple):
    """A tensor whose data cannot be read from beside the model: outside its folder, not there, or too short."""

    tensor: str
    location: str
    why: Literal["outside", "missing", "short"]


class Foreign(NamedTuple):
    """A node whose operator is no part of ONNX and not defined in the file."""

    node: str
    operator: str
    domain: str


class NotNumbers(NamedTuple):
    """A tensor with NaN among its numbers."""

    tensor: str
    bad: int
    total: int


def data_elsewhere(model: ModelProto, folder: Path) -> list[Elsewhere]:
    """Tensors with external data that are not whole inside `folder`; `model` is loaded without external data."""
    found = []
    for tensor in _tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            entry = {item.key: item.value for item in tensor.external_data}
            location = entry.get("location", "")
            why = _why_elsewhere(folder, location, entry.get("offset", "0"), entry.get("length", "0"))
            if why is not None:
                found.append(Elsewhere(tensor.name, location, why))
    return found


def foreign_operators(model: ModelProto) -> list[Foreign]:
    """Nodes of the model, also in subgraphs, whose operator other engines cannot know."""
    own = {(function.domain, function.name) for function in model.functions}
    nodes = [*_nodes(model.graph.node), *(node for function in model.functions for node in _nodes(function.node))]
    return [
        Foreign(node.name or next(iter(node.output), ""), node.op_type, node.domain)
        for node in nodes
        if node.domain not in _STANDARD and (node.domain, node.op_type) not in own
    ]


def nan_weights(model: ModelProto, folder: Path) -> list[NotNumbers]:
    """Tensors with NaN; `folder` holds the external data, which must be there. Infinities may be meant: masks."""
    found = []
    for tensor in _tensors(model):
        if tensor.data_type in _NUMBERS:
            array = numpy_helper.to_array(tensor, str(folder))
            count = int(np.count_nonzero(np.isnan(array.astype(np.float32, copy=False))))
            if count:
                found.append(NotNumbers(tensor.name, count, array.size))
    return found


def _why_elsewhere(
    folder: Path, location: str, offset: str, length: str
) -> Literal["outside", "missing", "short"] | None:
    file = (folder / location).resolve()
    if not location or not file.is_relative_to(folder.resolve()):
        return "outside"
    if not file.is_file():
        return "missing"
    whole = offset.isdecimal() and length.isdecimal() and int(offset) + int(length) <= file.stat().st_size
    return None if whole else "short"


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    for graph in _graphs(model.graph):
        yield from graph.initializer
    functions = (node for function in model.functions for node in _nodes(function.node))
    for node in (*_nodes(model.graph.node), *functions):
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.type == AttributeProto.GRAPH else [])):
                yield from _graphs(inner)


def _nodes(nodes: object) -> Iterator[NodeProto]:
    for node in nodes:  # type: ignore[attr-defined]  # a repeated field has no public type
        yield node
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.type == AttributeProto.GRAPH else [])):
                yield from _nodes(inner.node)
