"""What the device cannot do, done by onnxruntime on the host, a node at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.backends.base import EngineError
from bench.backends.opencl.graph import Array, Graph, Node
from bench.backends.opencl.shapes import captured

# Files of newer forms than onnxruntime knows are refused by it; nodes are told in a form that it has known for long.
_IR_VERSION = 10


class HostNode:
    """One node as a network of its own; its inputs come as arrays, its results are those of the node."""

    def __init__(self, graph: Graph, node: Node, why: str, threads: int) -> None:
        self._outputs = [name for name in node.outputs if name]
        try:
            self._session = _session(graph, node, threads)
        except Exception as error:  # onnxruntime's exception types share no public base class
            words = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise EngineError(
                f"opencl lacks {node.op} ({why}), and onnxruntime cannot do it on the host: {words}"
            ) from error
        self._inputs = [one.name for one in self._session.get_inputs()]

    @property
    def inputs(self) -> list[str]:
        return self._inputs

    def run(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Results by name. Raises EngineError, one line."""
        try:
            found = self._session.run(self._outputs, {name: values[name] for name in self._inputs})
        except Exception as error:  # as above
            words = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise EngineError(f"opencl: onnxruntime failed on the host: {words}") from error
        return dict(zip(self._outputs, (np.asarray(one) for one in found), strict=True))


def _session(graph: Graph, node: Node, threads: int):  # type: ignore[no-untyped-def]  # onnxruntime has no types
    import onnxruntime
    from onnx import helper, numpy_helper

    names = [name for name in dict.fromkeys((*node.inputs, *captured(node, graph))) if name]
    constants = [numpy_helper.from_array(graph.constants[name], name) for name in names if name in graph.constants]
    inputs = [_info(graph, name) for name in names if name not in graph.constants]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.outputs if name]
    assert node.proto is not None
    inner = helper.make_graph([node.proto], "host", inputs, outputs, constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in graph.opsets.items()]
    model = helper.make_model(inner, opset_imports=opsets, ir_version=_IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    # Without it pairs of 8-bit products saturate in 16 bits on processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _info(graph: Graph, name: str):  # type: ignore[no-untyped-def]  # onnx's protocol buffers have no types
    from onnx import helper

    tensor = graph.tensor(name)
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype)), tensor.shape)
