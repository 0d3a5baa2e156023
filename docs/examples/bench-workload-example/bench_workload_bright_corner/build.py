"""Writes graph.onnx: a matched filter for each quarter. Put the export of your own network in its place.

`python -m bench_workload_bright_corner.build`, then `bench workload refresh .`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CLASSES = 16, 4


def write_graph(path: Path) -> None:
    """Write the network to `path`; the leading axis of what goes in and out is free."""
    quarters = np.zeros((CLASSES, SIDE, SIDE), np.float32)
    half = SIDE // 2
    for number, quarter in enumerate(quarters):
        down, right = divmod(number, 2)
        quarter[down * half : (down + 1) * half, right * half : (right + 1) * half] = 1 / half**2
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], "to_float", to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"], "flatten"),
        helper.make_node("MatMul", ["flat", "filters"], ["logits"], "match"),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(np.ascontiguousarray(quarters.reshape(CLASSES, -1).T), "filters")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(path), full_check=True)


if __name__ == "__main__":
    write_graph(Path(__file__).parent / "graph.onnx")
