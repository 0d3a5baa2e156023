"""Every group of operators against onnxruntime on random shapes and attributes; nothing runs on the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any  # attributes of ONNX's nodes, arrays of any type

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper

from bench.backends.opencl.device import Found

from .graphs import FLOAT, Array, agrees, normal

# Each example compiles kernels, which takes a good part of a second: few, and each with much in it.
few = settings(
    max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
many = settings(few, max_examples=60)
CHANNELS = st.sampled_from([1, 3, 16, 17, 32, 40])
SEEDS = st.integers(0, 1000)


def node(op: str, inputs: str = "x", outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, object]:
    """Shapes and attributes of a convolution that has a result."""
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 5)))
    strides, dilations = draw(st.tuples(*[st.integers(1, 2)] * 2)), draw(st.tuples(*[st.integers(1, 2)] * 2))
    pads = draw(st.tuples(*[st.integers(0, 2)] * 4))
    size = tuple((k - 1) * d + 1 + draw(st.integers(0, 9)) for k, d in zip(kernel, dilations, strict=True))
    kind = draw(st.sampled_from(["dense", "dense", "depthwise", "blocks", "odd groups"]))
    inside, out = draw(CHANNELS), draw(CHANNELS)
    groups = 1
    if kind == "depthwise":
        groups = out = inside
    elif kind == "blocks":
        groups, inside, out = 2, 32, 64
    elif kind == "odd groups":
        groups, inside, out = 3, 6, 9
    return {
        "batch": draw(st.integers(1, 3)), "inside": inside, "out": out, "size": size, "kernel": kernel,
        "attributes": {"strides": strides, "dilations": dilations, "pads": pads, "group": groups},
    }  # fmt: skip


def check_convolution(found: Found, folder: Path, case: dict, seed: int) -> None:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    group = case["attributes"]["group"]
    x = normal(rng, case["batch"], case["inside"], *case["size"])
    constants = {"w": normal(rng, case["out"], case["inside"] // group, *case["kernel"]), "b": normal(rng, case["out"])}
    nodes = [node("Conv", "x w b", "c", **case["attributes"]), node("Relu", "c", "y")]
    agrees(found, folder, nodes, {"x": x}, constants)


@given(convolutions(), SEEDS)
@few
def test_convolutions(found: Found, tmp_path: Path, case: dict, seed: int) -> None:  # type: ignore[type-arg]
    check_convolution(found, tmp_path, case, seed)


@pytest.mark.parametrize(("taps", "step", "wide"), [(16, 1, 1), (17, 4, 1), (100, 10, 1), (39, 3, 2)])
def test_windows_of_sound(found: Found, tmp_path: Path, taps: int, step: int, wide: int) -> None:
    """Few channels and many taps: those that are written out, those that are gone through, and what is left of four."""
    rng = np.random.default_rng(taps)
    nodes = [node("Conv", "x w b", "y", strides=[step], dilations=[wide], pads=[taps // 2, 1])]
    constants = {"w": normal(rng, 21, 2, taps), "b": normal(rng, 21)}
    agrees(found, tmp_path, nodes, {"x": normal(rng, 2, 2, 211)}, constants)


@pytest.mark.full
@given(convolutions(), SEEDS)
@many
def test_many_convolutions(found: Found, tmp_path: Path, case: dict, seed: int) -> None:  # type: ignore[type-arg]
    check_convolution(found, tmp_path, case, seed)


@pytest.mark.parametrize("how", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_padding_by_name(found: Found, tmp_path: Path, how: str) -> None:
    rng = np.random.default_rng(1)
    attributes = {"auto_pad": how, "strides": [2, 2], "kernel_shape": [3, 3]}
    nodes = [node("Conv", "x w", "c", **attributes), node("MaxPool", "c", "y", **attributes)]
    agrees(found, tmp_path, nodes, {"x": normal(rng, 2, 3, 18, 17)}, {"w": normal(rng, 20, 3, 3, 3)})


def test_a_block_of_a_residual_network(found: Found, tmp_path: Path) -> None:
    """One value read by convolutions with and without a border, by a sum, and by a pooling."""
    rng = np.random.default_rng(2)
    nodes = [
        node("Conv", "x w0 b0", "a", pads=[1, 1, 1, 1]),
        node("Relu", "a", "r"),
        node("Conv", "r w1", "c", pads=[1, 1, 1, 1]),
        node("Conv", "r w2 b0", "d"),
        node("Add", "c d", "e"),
        node("Add", "e r", "f"),
        node("Clip", "f lo hi", "g"),
        node("AveragePool", "g", "h", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", "g", "m"),
        node("Mul", "h m", "y"),
    ]
    constants: dict[str, Array] = {
        "w0": normal(rng, 24, 5, 3, 3), "b0": normal(rng, 24), "w1": normal(rng, 24, 24, 3, 3) / 8,
        "w2": normal(rng, 24, 24, 1, 1), "lo": np.array(-1, np.float32), "hi": np.array(3, np.float32),
    }  # fmt: skip
    agrees(found, tmp_path, nodes, {"x": normal(rng, 3, 5, 9, 8)}, constants)


@given(st.integers(1, 9), st.integers(1, 40), st.sampled_from([1, 3, 16, 17, 35]), SEEDS)
@few
def test_products_with_weights(found: Found, tmp_path: Path, rows: int, depth: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = [
        node("Gemm", "x w b", "g", transB=1, alpha=0.5, beta=2.0),
        node("Sigmoid", "g", "s"),
        node("Mul", "g s", "y"),
    ]
    agrees(
        found,
        tmp_path,
        nodes,
        {"x": normal(rng, rows, depth)},
        {"w": normal(rng, columns, depth), "b": normal(rng, columns)},
    )


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3, 5), (2, 5, 18)), ((2, 4, 3, 5), (2, 1, 5, 16)), ((2, 1, 3, 5), (2, 4, 5, 7)), ((2, 7), (7,))],
)
def test_products_of_two_values(found: Found, tmp_path: Path, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    inputs: dict[str, Array] = {"x": normal(rng, *left)}
    constants: dict[str, Array] = {}
    (constants if len(right) == 1 else inputs)["w"] = normal(rng, *right)
    agrees(found, tmp_path, [node("MatMul", "x w")], inputs, constants)


def test_pooling_over_three_axes(found: Found, tmp_path: Path) -> None:
    window = {"kernel_shape": [2, 3, 2], "strides": [2, 1, 1], "pads": [0, 1, 1, 1, 1, 0]}
    nodes = [
        node("MaxPool", "x", "y0", **window, dilations=[1, 2, 1]), node("AveragePool", "x", "y1", **window),
        node("AveragePool", "x", "y2", **window, count_include_pad=1, ceil_mode=1),
    ]  # fmt: skip
    agrees(found, tmp_path, nodes, {"x": normal(np.random.default_rng(13), 2, 3, 5, 6, 4)}, outputs=["y0", "y1", "y2"])


UNARY = (
    "Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Softplus", "Softsign",
    "HardSwish", "HardSigmoid", "Elu", "Selu", "Celu", "LeakyRelu", "Mish", "Sin", "Cos", "Atan", "Sinh", "Cosh",
    "Asinh", "Reciprocal", "ThresholdedRelu", "Shrink",
)  # fmt: skip


def test_functions_of_one_value(found: Found, tmp_path: Path) -> None:
    """All of them on the same values, each as an output of its own: one program, many answers."""
    x = normal(np.random.default_rng(4), 3, 37) * 3
    nodes = [node(op, "x", f"y_{op}") for op in UNARY]
    nodes += [node("Abs", "x", "p"), node("Sqrt", "p", "y_Sqrt"), node("Log", "p", "y_Log")]
    outputs = [f"y_{op}" for op in (*UNARY, "Sqrt", "Log")]
    agrees(found, tmp_path, nodes, {"x": x}, outputs=outputs, opset=18)


def test_values_that_are_no_numbers(found: Found, tmp_path: Path) -> None:
    """NaN comes through where numpy lets it through."""
    x = np.array([[np.nan, -np.inf, np.inf, -0.0, 1.0, -1.0, 0.5, 3e38, -3e38, 1e-40]] * 2, np.float32)
    nodes = [
        node("Relu", "x", "y0"), node("Clip", "x lo hi", "y1"), node("Max", "x lo", "y2"), node("Min", "x hi", "y3"),
        node("Sigmoid", "x", "y4"), node("IsNaN", "x", "y5"), node("IsInf", "x", "y6"),
    ]  # fmt: skip
    bounds = {"lo": np.array(-2.0, np.float32), "hi": np.array(2.0, np.float32)}
    agrees(found, tmp_path, nodes, {"x": x}, bounds, outputs=[f"y{k}" for k in range(7)])


def test_two_values_and_broadcasting(found: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    inputs = {"x": normal(rng, 2, 3, 4, 9), "z": normal(rng, 2, 1, 4, 1)}
    constants = {"k": np.abs(normal(rng, 3, 1, 1)) + 1, "row": normal(rng, 9)}
    nodes = [
        node("Add", "x z", "y0"), node("Sub", "z x", "y1"), node("Mul", "x k", "y2"), node("Div", "row k", "d"),
        node("Mul", "d x", "y3"), node("Abs", "x", "a"), node("Pow", "a k", "y4"), node("PRelu", "x k", "y5"),
        node("Greater", "x z", "g"), node("Where", "g x row", "y6"), node("Not", "g", "y7"),
    ]  # fmt: skip
    agrees(found, tmp_path, nodes, inputs, constants, outputs=[f"y{k}" for k in range(8)])


def test_whole_numbers_and_casts(found: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    x = rng.integers(-50, 50, (2, 13))
    inputs: dict[str, Array] = {"x": x, "u": rng.integers(0, 256, (2, 13), dtype=np.uint8)}
    constants = {"three": np.array(3), "big": np.array([2**60], np.int64)}
    nodes = [
        node("Div", "x three", "y0"), node("Mod", "x three", "y1"), node("Add", "x big", "y2"),
        node("Cast", "u", "f", to=FLOAT), node("Sqrt", "f", "y3"), node("Cast", "x", "y4", to=9),
        node("Equal", "x three", "y5"), node("Cast", "y3", "y6", to=2),
    ]  # fmt: skip
    agrees(found, tmp_path, nodes, inputs, constants, outputs=[f"y{k}" for k in range(7)])


def test_reductions(found: Found, tmp_path: Path) -> None:
    x = normal(np.random.default_rng(7), 2, 5, 4, 19)
    kinds = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"]
    nodes = [node(f"Reduce{kind}", "x", f"y{kind}0", axes=[3], keepdims=1) for kind in kinds if kind != "Sum"]
    nodes += [node(f"Reduce{kind}", "x", f"y{kind}1", axes=[1, 3], keepdims=0) for kind in kinds if kind != "Sum"]
    nodes += [node("ReduceSum", "x last", "ySum0"), node("ReduceSum", "x middle", "ySum1", keepdims=0)]
    nodes += [node("ArgMax", "x", "yArg0", axis=2), node("ArgMin", "x", "yArg1", axis=3, keepdims=0)]
    outputs = [f"y{kind}{k}" for kind in (*kinds, "Arg") for k in (0, 1)]
    agrees(found, tmp_path, nodes, {"x": x}, {"last": np.array([-1]), "middle": np.array([1, 2])}, outputs)


def test_whole_rows(found: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    nodes = [
        node("Softmax", "x", "y0", axis=-1), node("Softmax", "x", "y1", axis=1), node("LogSoftmax", "x", "y2", axis=2),
        node("LayerNormalization", "x g b", "y3", axis=-1), node("InstanceNormalization", "x c c", "y4"),
    ]  # fmt: skip
    constants = {"g": normal(rng, 21), "b": normal(rng, 21), "c": normal(rng, 6)}
    agrees(found, tmp_path, nodes, {"x": normal(rng, 2, 6, 21) * 4}, constants, [f"y{k}" for k in range(5)])


def test_moving_elements(found: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    x = normal(rng, 2, 8, 6, 5)
    constants: dict[str, Array] = {
        "starts": np.array([7, -4]), "ends": np.array([-9, 5]), "axes": np.array([1, 2]), "steps": np.array([-2, 1]),
        "parts": np.array([1, 5, 2]), "pads": np.array([0, 1, 0, 2, 0, 2, 3, 0]), "places": np.array([[5, 0], [-1, 2]]),
        "times": np.array([1, 2, 1, 3]), "value": np.array(1.5, np.float32), "shape": np.array([0, -1, 4]),
        "unit": np.array([1]), "inward": np.array([0, 0, -1, 1, 0, 1, 0, -2]),
    }  # fmt: skip
    nodes = [
        node("Slice", "x starts ends axes steps", "y0"), node("Transpose", "x", "y1", perm=[0, 3, 1, 2]),
        node("Split", "x parts", "p q r", axis=1), node("Concat", "r p q x", "y2", axis=1),
        node("Pad", "x pads value", "y3"), node("Pad", "x pads", "y4", mode="reflect"),
        node("Pad", "x pads", "y5", mode="edge"), node("Gather", "x places", "y6", axis=2),
        node("Tile", "x times", "y7"), node("Reshape", "x shape", "y8"), node("DepthToSpace", "x", "y9", blocksize=2),
        node("DepthToSpace", "x", "y10", blocksize=2, mode="CRD"), node("Unsqueeze", "x unit", "y11"),
        node("Pad", "x inward value", "y12"),
    ]  # fmt: skip
    agrees(found, tmp_path, nodes, {"x": x}, constants, [f"y{k}" for k in range(13)])


WAYS = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_resizing(found: Found, tmp_path: Path, mode: str) -> None:
    x = normal(np.random.default_rng(10), 2, 3, 5, 7)
    constants: dict[str, Array] = {"up": np.array([1, 1, 2.0, 1.5], np.float32), "sizes": np.array([2, 3, 3, 11])}
    nodes, outputs = [], []
    for way in WAYS:
        nodes += [node("Resize", "x  up", f"{way}0", mode=mode, coordinate_transformation_mode=way)]
        nodes[-1].input[:] = ["x", "", "up"]
        nodes += [node("Resize", "x", f"{way}1", mode=mode, coordinate_transformation_mode=way)]
        nodes[-1].input[:] = ["x", "", "", "sizes"]
        outputs += [f"{way}0", f"{way}1"]
    agrees(found, tmp_path, nodes, {"x": x}, constants, outputs)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.sampled_from([1, 2]), SEEDS)
@few
def test_transposed_convolutions(
    found: Found, tmp_path: Path, kernel: int, stride: int, pad: int, groups: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pad = min(pad, kernel - 1)
    one = node("ConvTranspose", "x w b", "y", strides=[stride, 1], pads=[pad, 0, pad, 0], group=groups)
    constants = {"w": normal(rng, 4, 3, kernel, 2), "b": normal(rng, 3 * groups)}
    agrees(found, tmp_path, [one], {"x": normal(rng, 2, 4, 5, 6)}, constants)


def test_batch_normalisation_with_and_without_a_convolution(found: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    figures = {f"{name}{k}": np.abs(normal(rng, c)) + 0.5 for k, c in ((0, 20), (1, 3)) for name in "smv"}
    constants: dict[str, Array] = {
        **figures,
        "w": normal(rng, 20, 3, 3, 3),
        "b0": normal(rng, 20),
        "b1": normal(rng, 3),
    }
    nodes = [
        node("BatchNormalization", "x s1 b1 m1 v1", "n"),
        node("Conv", "n w", "c"),
        node("BatchNormalization", "c s0 b0 m0 v0", "y"),
    ]
    agrees(found, tmp_path, nodes, {"x": normal(rng, 2, 3, 7, 7)}, constants)


def test_shapes_that_follow_the_batch(found: Found, tmp_path: Path) -> None:
    """Reshapes computed from Shape, as exporters write them, are plain reshapes."""
    nodes = [
        node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Concat", "n rest", "shape", axis=0),
        node("Reshape", "x shape", "r"), node("Transpose", "r", "y", perm=[0, 2, 1]),
    ]  # fmt: skip
    constants: dict[str, Array] = {"zero": np.array([0]), "rest": np.array([6, 4])}
    agrees(found, tmp_path, nodes, {"x": normal(np.random.default_rng(12), 3, 24)}, constants)
