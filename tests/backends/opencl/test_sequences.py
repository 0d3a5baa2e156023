"""Recurrent operators, running sums, the largest few, and quantising, against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any  # attributes of ONNX's nodes

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.backends.base import Unsupported
from bench.backends.opencl.device import Found
from bench.backends.opencl.rewrite.recurrent import DIRECTIONS, GATES

from .graphs import Array, agrees, asked, normal, reference, saved
from .test_operators import SEEDS, few, node


@st.composite
def recurrences(draw: st.DrawFn) -> dict[str, Any]:
    """An operator with its sizes and what is optional about it."""
    return {
        "op": draw(st.sampled_from(sorted(GATES))), "direction": draw(st.sampled_from(sorted(DIRECTIONS))),
        "batch": draw(st.integers(1, 4)), "steps": draw(st.integers(1, 5)), "inputs": draw(st.integers(1, 9)),
        "units": draw(st.sampled_from([1, 3, 8, 13, 24])), "bias": draw(st.booleans()), "first": draw(st.booleans()),
        "linear": draw(st.integers(0, 1)), "every": draw(st.booleans()), "fixed": draw(st.booleans()),
    }  # fmt: skip


def check_recurrence(found: Found, folder: Path, case: dict[str, Any], seed: int) -> None:
    """Samples come first at the seam, steps first in the operator: as exporters write it, between two Transposes."""
    rng = np.random.default_rng(seed)
    op, units, directions = case["op"], case["units"], len(DIRECTIONS[case["direction"]])
    gates = GATES[op] * units
    constants = {"w": normal(rng, directions, gates, case["inputs"]), "r": normal(rng, directions, gates, units) / 2}
    inputs = {"x": normal(rng, case["batch"], case["steps"], case["inputs"])}
    names = ["t", "w", "r", "", ""]
    nodes = [node("Transpose", "x", "t", perm=[1, 0, 2])]
    if case["bias"]:
        names[3] = "b"
        constants["b"] = normal(rng, directions, 2 * gates)
    states = ["h", "c"] if op == "LSTM" else ["h"]
    if case["first"]:
        for one in states:
            inputs[f"{one}0"] = normal(rng, case["batch"], directions, units)
            nodes.append(node("Transpose", f"{one}0", f"{one}1", perm=[1, 0, 2]))
            names.append(f"{one}1")
    attributes = {"linear_before_reset": case["linear"]} if op == "GRU" else {}
    ends = ["every" if case["every"] else "", *(f"{one}2" for one in states)]
    one = node(op, "t", "y", hidden_size=units, direction=case["direction"], **attributes)
    one.input[:], one.output[:] = names, ends
    nodes.append(one)
    outputs = [f"{name}3" for name in states]
    nodes += [node("Transpose", f"{name}2", f"{name}3", perm=[1, 0, 2]) for name in states]
    if case["every"]:
        nodes.append(node("Transpose", "every", "y", perm=[2, 0, 1, 3]))
        outputs.append("y")
    if not case.get("fixed", True) and not (case["bias"] and case["linear"] and op == "GRU"):
        inputs |= with_batch(nodes, constants, case["batch"])
        constants = {}
    agrees(found, folder, nodes, inputs, constants, outputs)


def with_batch(nodes: list[onnx.NodeProto], constants: dict[str, Array], batch: int) -> dict[str, Array]:
    """Weights as inputs: at the seam each has a leading axis of samples, of which the largest are taken."""
    nodes[:0] = [node("ReduceMax", f"{name}s", name, axes=[0], keepdims=0) for name in constants]
    return {f"{name}s": np.stack([value] * batch) for name, value in constants.items()}


@given(recurrences(), SEEDS)
@few
def test_recurrences(found: Found, tmp_path: Path, case: dict[str, Any], seed: int) -> None:
    check_recurrence(found, tmp_path, case, seed)


@pytest.mark.full
@given(recurrences(), SEEDS)
@settings(few, max_examples=20)
def test_many_recurrences(found: Found, tmp_path: Path, case: dict[str, Any], seed: int) -> None:
    check_recurrence(found, tmp_path, case, seed)


def test_a_gru_that_resets_afterwards_and_has_no_bias(found: Found, tmp_path: Path) -> None:
    """The kernel adds a bias in any case: of zeros, as many as there are units."""
    case = {"op": "GRU", "direction": "bidirectional", "batch": 3, "steps": 2, "inputs": 4, "units": 8}
    check_recurrence(found, tmp_path, {**case, "bias": False, "first": False, "linear": 1, "every": True}, 1)


def test_recurrences_that_are_the_hosts(found: Found, tmp_path: Path) -> None:
    """What the kernels do not do is refused with its name, and right where the host may do it."""
    rng = np.random.default_rng(1)
    constants = {"w": normal(rng, 1, 15, 4), "r": normal(rng, 1, 15, 5)}
    other = ["Sigmoid", "Relu"]
    nodes = [
        node("Transpose", "x", "t", perm=[1, 0, 2]),
        node("GRU", "t w r", "every h", hidden_size=5, activations=other),
        node("Transpose", "h", "y", perm=[1, 0, 2]),
    ]
    inputs: dict[str, Array] = {"x": normal(rng, 2, 3, 4)}
    model = saved(tmp_path / "one.onnx", nodes, inputs, ["y"], constants)
    with pytest.raises(Unsupported, match="GRU: activations Sigmoid, Relu"):
        asked(found, model, inputs)
    facts, got = asked(found, model, inputs, {})
    assert "GRU" in str(facts.applied["lacking"])
    np.testing.assert_allclose(got["y"], reference(model.path, inputs, ["y"])["y"], rtol=1e-5, atol=1e-6)


@given(
    st.lists(st.integers(1, 7), min_size=2, max_size=4), st.integers(0, 3), st.tuples(*[st.integers(0, 1)] * 3), SEEDS
)
@few
def test_running_sums_and_the_largest_few(
    found: Found, tmp_path: Path, shape: list[int], axis: int, flags: tuple[int, int, int], seed: int
) -> None:
    """Many equal numbers: of them the first comes first."""
    rng = np.random.default_rng(seed)
    axis %= len(shape)
    axis = max(axis, 1)  # the leading axis is the batch's
    count = int(rng.integers(1, shape[axis] + 1))
    constants: dict[str, Array] = {"axis": np.array(axis), "count": np.array([count])}
    nodes = [
        node("CumSum", "x axis", "y0", exclusive=flags[0], reverse=flags[1]),
        node("CumSum", "whole axis", "y1"),
        node("TopK", "x count", "y2 y3", axis=axis, largest=flags[2]),
        node("TopK", "whole count", "y4 y5", axis=axis - len(shape), largest=flags[2]),
    ]
    inputs: dict[str, Array] = {
        "x": rng.integers(-3, 3, shape).astype(np.float32), "whole": rng.integers(-99, 99, shape),
    }  # fmt: skip
    agrees(found, tmp_path, nodes, inputs, constants, [f"y{k}" for k in range(6)])


@given(st.sampled_from(["int8", "uint8"]), st.booleans(), st.booleans(), SEEDS)
@few
def test_quantising(found: Found, tmp_path: Path, kind: str, channels: bool, shifted: bool, seed: int) -> None:
    """One scale for all or one a channel; ties and numbers that are beyond the type are among the values."""
    rng = np.random.default_rng(seed)
    limits = np.iinfo(kind)
    count = (5,) if channels else ()
    constants: dict[str, Array] = {
        "s": np.exp2(rng.integers(-4, 2, count)).astype(np.float32),
        "z": rng.integers(limits.min, limits.max, count, endpoint=True).astype(kind)
        if shifted
        else np.zeros(count, kind),
        "sum": np.full(count, 0.5, np.float32),
    }
    nodes = [
        node("QuantizeLinear", "x s z", "q", axis=1),
        node("DequantizeLinear", "q s z", "y", axis=-2),
        node("Identity", "q", "y1"),
        node("DequantizeLinear", "long sum", "y2", axis=1),
    ]
    inputs: dict[str, Array] = {
        "x": rng.integers(-300, 300, (2, 5, 11)).astype(np.float32) / 4,
        "long": rng.integers(-(2**31), 2**31, (2, 5, 11)).astype(np.int32),
    }
    agrees(found, tmp_path, nodes, inputs, constants, ["y", "y1", "y2"])


def test_scales_that_are_not_known_are_the_hosts(found: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    inputs: dict[str, Array] = {"x": normal(rng, 1, 6)}
    nodes = [
        node("ReduceMax", "x", "m", keepdims=0), node("Exp", "m", "s"), node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "y"),
    ]  # fmt: skip
    model = saved(tmp_path / "one.onnx", nodes, inputs, ["y"], {"z": np.array(3, np.uint8)})
    with pytest.raises(Unsupported, match="QuantizeLinear: scales that depend on the data"):
        asked(found, model, inputs)
