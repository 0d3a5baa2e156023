"""From an ONNX file to the engine's graph: weights loaded, local functions inlined, attributes as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.backends.base import EngineError
from bench.backends.opencl.graph import Graph, Node, Tensor

if TYPE_CHECKING:
    import onnx


def read_graph(path: Path) -> Graph:
    """The graph of an ONNX file; shapes of inputs with 0 for axes that are free. Raises EngineError, one line."""
    import onnx
    from onnx import inliner, numpy_helper

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
        if model.functions:
            model = inliner.inline_local_functions(model)
        graph = model.graph
        if graph.sparse_initializer:
            raise EngineError(f"opencl cannot read {path.name}: sparse weights are not supported; store them dense.")
        constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        nodes = tuple(_node(node) for node in graph.node)
        inputs = [value for value in graph.input if value.name not in constants]
        tensors = {value.name: _tensor(value, path) for value in inputs}
    except EngineError:
        raise
    except Exception as error:  # protobuf, onnx and the system each have their own errors for a file that is no model
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EngineError(f"opencl cannot read {path.name}: {words}") from error
    opsets = {one.domain if one.domain != "ai.onnx" else "": one.version for one in model.opset_import}
    return Graph(
        nodes=nodes,
        inputs=tuple(value.name for value in inputs),
        outputs=tuple(value.name for value in graph.output),
        constants=constants,
        tensors=tensors,
        opset=opsets.get("", 17),
        opsets=opsets,
    )


def _node(proto: onnx.NodeProto) -> Node:
    return Node(
        op=proto.op_type,
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={attribute.name: _value(attribute) for attribute in proto.attribute},
        domain="" if proto.domain == "ai.onnx" else proto.domain,
        proto=proto,
    )


def _value(attribute: onnx.AttributeProto) -> Any:
    from onnx import AttributeProto, helper, numpy_helper

    if attribute.type == AttributeProto.TENSOR:
        return numpy_helper.to_array(attribute.t)
    return helper.get_attribute_value(attribute)


def _tensor(value: onnx.ValueInfoProto, path: Path) -> Tensor:
    from onnx import helper

    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise EngineError(f"opencl cannot read {path.name}: its input {value.name!r} is no tensor of a known rank.")
    kind = value.type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
    return Tensor(str(dtype), tuple(axis.dim_value for axis in kind.shape.dim))
