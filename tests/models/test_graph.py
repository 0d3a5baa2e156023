"""Canonical hash and operation counts of ONNX files, against hand-made graphs and hand computation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bench.models.graph import graph_statistics, model_hash


def make_model() -> ModelProto:
    """Two convolution branches on 3×8×8 (one grouped), added, pooled, and a linear layer."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.normal(size=(6, 3, 3, 3)).astype(np.float32),
        "w2": rng.normal(size=(6, 1, 5, 1)).astype(np.float32),
        "w3": rng.normal(size=(4, 6)).astype(np.float32),
        "b3": rng.normal(size=4).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], "n1", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["x", "w2"], ["b"], "n2", group=3, strides=[2, 2], pads=[2, 0, 2, 0]),
        helper.make_node("Add", ["a", "b"], ["c"], "n3"),
        helper.make_node("GlobalAveragePool", ["c"], ["d"], "n4"),
        helper.make_node("Flatten", ["d"], ["e"], "n5"),
        helper.make_node("Gemm", ["e", "w3", "b3"], ["y"], "n6", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def hash_of(model: ModelProto, folder: Path) -> str:
    path = folder / "m.onnx"
    onnx.save(model, path)
    return model_hash(path)


def rename_everything(model: ModelProto) -> None:
    graph = model.graph
    graph.name, graph.doc_string, model.producer_name = "other", "text", "someone"
    for node in graph.node:
        node.name, node.doc_string = f"renamed {node.name}", "text"
        node.input[:] = [f"v_{name}" for name in node.input]
        node.output[:] = [f"v_{name}" for name in node.output]
    for item in (*graph.input, *graph.output, *graph.initializer):
        item.name = f"v_{item.name}"
    for item in (*graph.input, *graph.output):
        item.type.tensor_type.shape.dim[0].dim_param = "n"


def reorder_initializers(model: ModelProto) -> None:
    tensors = list(model.graph.initializer)[::-1]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)


def reorder_branches(model: ModelProto) -> None:
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([nodes[1], nodes[0], *nodes[2:]])


def reorder_attributes(model: ModelProto) -> None:
    attributes = list(model.graph.node[0].attribute)[::-1]
    del model.graph.node[0].attribute[:]
    model.graph.node[0].attribute.extend(attributes)


def store_as_floats(model: ModelProto) -> None:
    tensor = model.graph.initializer[2]
    array = numpy_helper.to_array(tensor)
    model.graph.initializer[2].CopyFrom(
        helper.make_tensor(tensor.name, TensorProto.FLOAT, array.shape, array.ravel().tolist())
    )


@pytest.mark.parametrize(
    "change", [rename_everything, reorder_initializers, reorder_branches, reorder_attributes, store_as_floats]
)
def test_hash_ignores_what_does_not_change_the_model(change: Callable[[ModelProto], None], tmp_path: Path) -> None:
    model = make_model()
    before = hash_of(model, tmp_path)
    change(model)
    assert hash_of(model, tmp_path) == before
    assert before.startswith("sha256:")
    assert len(before) == 71


def change_weight(model: ModelProto) -> None:
    array = numpy_helper.to_array(model.graph.initializer[1]).copy()
    array.ravel()[3] = np.nextafter(array.ravel()[3], np.float32(9))
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(array, "w2"))


def change_attribute(model: ModelProto) -> None:
    next(a for a in model.graph.node[0].attribute if a.name == "pads").ints[:] = [0, 0, 2, 2]


def change_operator(model: ModelProto) -> None:
    model.graph.node[2].op_type = "Sub"


def swap_operands(model: ModelProto) -> None:
    model.graph.node[2].input[:] = ["b", "a"]


def change_opset(model: ModelProto) -> None:
    model.opset_import[0].version = 18


def repeat_work(model: ModelProto) -> None:
    twin = helper.make_node("Conv", ["x", "w1"], ["a2"], "twin", strides=[2, 2], pads=[1, 1, 1, 1])
    model.graph.node.insert(0, twin)


def change_input_shape(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 10


@pytest.mark.parametrize(
    "change",
    [change_weight, change_attribute, change_operator, swap_operands, change_opset, repeat_work, change_input_shape],
)
def test_hash_sees_what_changes_the_model(change: Callable[[ModelProto], None], tmp_path: Path) -> None:
    model = make_model()
    before = hash_of(model, tmp_path)
    change(model)
    assert hash_of(model, tmp_path) != before


def test_hash_does_not_depend_on_where_tensors_lie(tmp_path: Path) -> None:
    model = make_model()
    inside = hash_of(model, tmp_path)
    onnx.save(model, tmp_path / "out.onnx", save_as_external_data=True, size_threshold=0, location="w.bin")
    assert model_hash(tmp_path / "out.onnx") == inside


def make_choice(then_name: str, weight: float) -> ModelProto:
    """A model whose If branches use a value of the outer graph."""
    then = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], [then_name])], "t", [], [helper.make_empty_tensor_value_info(then_name)]
    )
    other = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["o"])],
        "e",
        [],
        [helper.make_empty_tensor_value_info("o")],
        [numpy_helper.from_array(np.array([weight], np.float32), "w")],
    )
    graph = helper.make_graph(
        [helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)],
        "g",
        [
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_hash_reaches_into_branches(tmp_path: Path) -> None:
    plain = hash_of(make_choice("t", 2.0), tmp_path)
    assert hash_of(make_choice("renamed", 2.0), tmp_path) == plain
    assert hash_of(make_choice("t", 3.0), tmp_path) != plain


def test_statistics_match_hand_computation(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(make_model(), path)
    statistics = graph_statistics(path)
    first = 6 * 4 * 4 * (3 * 3 * 3)
    grouped = 6 * 4 * 4 * (1 * 5 * 1)
    assert statistics.macs_by_node == {"n1": first, "n2": grouped, "n6": 6 * 4}
    assert statistics.macs_per_sample == first + grouped + 24
    assert statistics.parameters == 6 * 27 + 6 * 5 + 24 + 4


def test_statistics_of_batched_matmul(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 7, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 7, 3])],
        [numpy_helper.from_array(np.ones((5, 3), np.float32), "w")],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    assert graph_statistics(path).macs_per_sample == 7 * 5 * 3


def test_other_free_axes_are_counted_at_the_form_that_is_given(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "time", 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "time", 3])],
        [numpy_helper.from_array(np.ones((5, 3), np.float32), "w")],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    assert graph_statistics(path, {"x": (7, 5), "other": (3,)}).macs_per_sample == 7 * 5 * 3
    with pytest.raises(ValueError, match="`x` at MatMul"):
        graph_statistics(path)


def test_unknown_shape_is_named(tmp_path: Path) -> None:
    model = make_model()
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "width"
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    with pytest.raises(ValueError, match="`a` at Conv `n1`"):
        graph_statistics(path)


def test_needs_no_torch() -> None:
    code = "import sys, bench.models.graph; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
