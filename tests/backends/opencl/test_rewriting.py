"""What becomes of a graph before anything runs: constants, joined programs, epilogues; no device needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from bench.backends.base import EngineError, Model, Tensor
from bench.backends.opencl.device import Traits
from bench.backends.opencl.graph import Graph
from bench.backends.opencl.importer import read_graph
from bench.backends.opencl.network import planned, prepared
from bench.backends.opencl.plan import Launch, Plan
from bench.backends.opencl.shapes import fold_constants, sized
from bench.backends.opencl.tiles import Tiles
from bench.models.suite import load_workload

from .graphs import Array, normal, saved

RNG = np.random.default_rng(0)


def node(op: str, inputs: str, output: str, **attributes: object):  # type: ignore[no-untyped-def]
    return helper.make_node(op, inputs.split(), [output], **attributes)  # type: ignore[arg-type]


def plan(model: Model, samples: int = 2) -> tuple[Plan, Graph]:
    return planned(prepared(model), model, Traits(2, 8), samples, Tiles())


def kinds(made: Plan) -> list[str]:
    return [step.kernel.name.rpartition("_")[0] for step in made.steps if isinstance(step, Launch)]


def test_weights_stored_as_steps_become_weights(tmp_path: Path) -> None:
    """Cast, Cast, Mul, as the suite stores them, and nothing of it at run time."""
    steps = RNG.integers(-127, 128, (4, 3, 1, 1), dtype=np.int8)
    scale = np.abs(normal(RNG, 4, 1, 1, 1))
    nodes = [
        node("Cast", "s", "h", to=TensorProto.FLOAT16), node("Cast", "h", "f", to=TensorProto.FLOAT),
        node("Mul", "f scale", "w"), node("Conv", "x w", "y"),
    ]  # fmt: skip
    inputs: dict[str, Array] = {"x": normal(RNG, 2, 3, 5, 5)}
    model = saved(tmp_path / "m.onnx", nodes, inputs, ["y"], {"s": steps, "scale": scale})
    graph = fold_constants(read_graph(model.path))
    assert [one.op for one in graph.nodes] == ["Conv"]
    np.testing.assert_array_equal(graph.constants["w"], steps.astype(np.float32) * scale)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The picture is normalised on its way into planes; all sums and activations are part of their convolutions.
        # The 13 convolutions of 3x3 and stride one are turned, multiplied and turned back.
        (
            "image_classify",
            {"map": 1, "conv": 53, "winograd_in": 13, "winograd_out": 13, "pool": 2, "product": 1},
        ),
        ("image_classify_edge", {"map": 1, "conv": 35, "depthwise": 17, "pool": 1, "product": 1}),
    ],
)
def test_the_suites_networks_need_no_more_steps_than_these(name: str, expected: dict[str, int]) -> None:
    made, _ = plan(load_workload(name).model())
    assert {kind: kinds(made).count(kind) for kind in set(kinds(made))} == expected
    assert not made.lacking


def test_what_only_one_program_reads_never_goes_to_memory(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "a"), node("Add", "a b", "s"), node("Relu", "s", "r"), node("Sub", "s r", "y")]
    constants = {"w": normal(RNG, 4, 4), "b": normal(RNG, 4)}
    inputs: dict[str, Array] = {"x": normal(RNG, 2, 4)}
    # Relu joins the Sub, which then alone reads the Add; all of it goes into the product.
    made, _ = plan(saved(tmp_path / "m.onnx", nodes, inputs, ["y"], constants))
    assert kinds(made) == ["product"]
    # What is an output of the graph as well has to be there.
    for name in ("s", "a"):
        made, _ = plan(saved(tmp_path / "m.onnx", nodes, inputs, ["y", name], constants))
        assert kinds(made) == ["product", "map"]


def test_shapes_follow_the_batch(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Concat", "n rest", "shape", axis=0),
        node("Reshape", "x shape", "y"),
    ]  # fmt: skip
    inputs: dict[str, Array] = {"x": normal(RNG, 3, 24)}
    constants: dict[str, Array] = {"zero": np.array([0]), "rest": np.array([6, 4])}
    graph = fold_constants(read_graph(saved(tmp_path / "m.onnx", nodes, inputs, ["y"], constants).path))
    for samples in (1, 7):
        whole = sized(graph, {"x": (samples, 24)})
        assert [one.op for one in whole.nodes] == ["Reshape"]
        assert whole.shape("y") == (samples, 6, 4)


def test_a_batch_norm_becomes_part_of_its_convolution(tmp_path: Path) -> None:
    figures = {name: np.abs(normal(RNG, 4)) + 0.1 for name in "gbmv"}
    nodes = [node("Conv", "x w", "c"), node("BatchNormalization", "c g b m v", "n"), node("Relu", "n", "y")]
    inputs: dict[str, Array] = {"x": normal(RNG, 2, 3, 5, 5)}
    made, graph = plan(saved(tmp_path / "m.onnx", nodes, inputs, ["y"], {"w": normal(RNG, 4, 3, 1, 1), **figures}))
    assert [one.op for one in graph.nodes] == ["Conv"]
    assert kinds(made)[-2:] == ["conv", "map"], "and its result is copied out of the blocks"


def test_an_input_that_is_no_tensor_is_refused(tmp_path: Path) -> None:
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2])
    graph = helper.make_graph(
        [node("SequenceLength", "x", "y")], "g", [sequence], [helper.make_tensor_value_info("y", TensorProto.INT64, [])]
    )
    path = tmp_path / "s.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    model = Model(path=path, inputs=(Tensor(name="x", dtype="float32", shape=()),), outputs=())
    with pytest.raises(EngineError, match=r"opencl cannot read s\.onnx: its input 'x' is no tensor of a known rank\."):
        prepared(model)
