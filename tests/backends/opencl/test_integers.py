"""Quantised networks in whole numbers: exact sums beside onnxruntime, odd shapes, and what stays in floats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.backends.opencl import compiled as compiling
from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.network import planned, prepared
from bench.backends.opencl.tiles import Tiles
from bench.judging.precision import KEPT_SHARE
from bench.models.graph import forms_of, graph_statistics
from bench.models.suite import load_workload

from .. import seam
from .graphs import Array, asked, normal, reference, saved
from .test_operators import few, node

SEEDS = st.integers(0, 2**32 - 1)


def quantised(rng: np.random.Generator, folder: Path, layer: dict[str, object], sizes: dict[str, int], kind: str):  # type: ignore[no-untyped-def]
    """Two products of a QDQ file, the second beside a residual sum; all scales are powers of two, so sums are exact."""
    limits, channels, out = np.iinfo(kind), sizes["inside"], sizes["out"]
    group = int(str(layer.get("group", 1)))
    constants: dict[str, Array] = {
        "sx": np.array(2.0**-5, np.float32), "zx": np.array(rng.integers(limits.min, limits.max), kind),
        "sy": np.array(2.0**-3, np.float32), "zy": np.array(rng.integers(limits.min, limits.max), kind),
        "w": rng.integers(-127, 128, (out, channels // group, *[sizes["kernel"]] * 2), np.int8),
        "sw": np.exp2(rng.integers(-9, -5, out)).astype(np.float32), "zw": np.zeros(out, np.int8),
        "b": rng.integers(-900, 900, out).astype(np.int32), "zb": np.zeros(out, np.int32),
    }  # fmt: skip
    constants["sb"] = constants["sw"] * constants["sx"]
    nodes = [
        node("QuantizeLinear", "x sx zx", "q"), node("DequantizeLinear", "q sx zx", "f"),
        node("DequantizeLinear", "w sw zw", "wf", axis=0), node("DequantizeLinear", "b sb zb", "bf", axis=0),
        node("Conv", "f wf bf", "c", **layer), node("Relu", "c", "r"),
        node("QuantizeLinear", "r sy zy", "p"), node("DequantizeLinear", "p sy zy", "y"),
    ]  # fmt: skip
    x = rng.integers(-300, 300, (sizes["batch"], channels, sizes["height"], sizes["width"])) / np.float32(32)
    inputs: dict[str, Array] = {"x": x.astype(np.float32)}
    return saved(folder / "q.onnx", nodes, inputs, ["y"], constants), inputs


@given(
    st.sampled_from(["int8", "uint8"]),
    st.sampled_from([1, 3, 17, 40]),
    st.sampled_from([5, 16, 33]),
    st.integers(1, 9),
    st.sampled_from([1, 3]),
    st.integers(1, 2),
    SEEDS,
)
@few
def test_convolutions_are_exact(
    found: Found, tmp_path: Path, kind: str, out: int, inside: int, batch: int, kernel: int, stride: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sizes = {"inside": inside, "out": out, "kernel": kernel, "batch": batch, "height": 7, "width": 10}
    layer = {"pads": [kernel // 2] * 4, "strides": [stride] * 2}
    model, inputs = quantised(rng, tmp_path, layer, sizes, kind)
    facts, got = asked(found, model, inputs)
    assert (facts.precision_executed, facts.int8_share) == ("int8", 1.0)
    np.testing.assert_array_equal(got["y"], reference(model.path, inputs, ["y"])["y"])


@pytest.mark.parametrize("kernel", [3, 9])
@pytest.mark.parametrize(("channels", "group"), [(24, 24), (48, 3)])
def test_groups_are_exact(found: Found, tmp_path: Path, channels: int, group: int, kernel: int) -> None:
    rng = np.random.default_rng(channels + kernel)
    sizes = {"inside": channels, "out": channels, "kernel": kernel, "batch": 3, "height": 11, "width": 13}
    layer = {"pads": [kernel // 2] * 4, "group": group, "strides": [1, 2], "dilations": [1, 1]}
    model, inputs = quantised(rng, tmp_path, layer, sizes, "uint8")
    facts, got = asked(found, model, inputs)
    assert facts.int8_share == 1.0
    np.testing.assert_array_equal(got["y"], reference(model.path, inputs, ["y"])["y"])


@given(st.integers(1, 30), st.sampled_from([2, 10, 64]), st.sampled_from([1, 17, 48]), st.booleans(), SEEDS)
@few
def test_products_of_matrices_are_exact(
    found: Found, tmp_path: Path, rows: int, depth: int, columns: int, one_scale: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    count = () if one_scale else (columns,)
    constants: dict[str, Array] = {
        "sx": np.array(2.0**-4, np.float32), "zx": np.array(7, np.uint8),
        "w": rng.integers(-127, 128, (depth, columns), np.int8),
        "sw": np.exp2(rng.integers(-6, -2, count)).astype(np.float32), "zw": np.zeros(count, np.int8),
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", "x sx zx", "q"), node("DequantizeLinear", "q sx zx", "f"),
        node("DequantizeLinear", "w sw zw", "wf", axis=1), node("MatMul", "f wf", "y"),
    ]  # fmt: skip
    inputs: dict[str, Array] = {"x": (rng.integers(-200, 300, (2, rows, depth)) / 16).astype(np.float32)}
    model = saved(tmp_path / "m.onnx", nodes, inputs, ["y"], constants)
    facts, got = asked(found, model, inputs)
    assert facts.precision_executed == "int8"
    np.testing.assert_array_equal(got["y"], reference(model.path, inputs, ["y"])["y"])


@pytest.mark.parametrize("turned", [0, 1])
def test_a_gemm_is_exact(found: Found, tmp_path: Path, turned: int) -> None:
    rng = np.random.default_rng(turned)
    constants: dict[str, Array] = {
        "sx": np.array(2.0**-4, np.float32), "zx": np.array(7, np.uint8),
        "w": rng.integers(-127, 128, (10, 24) if turned else (24, 10), np.int8),
        "sw": np.exp2(rng.integers(-6, -2, 10)).astype(np.float32), "zw": np.zeros(10, np.int8),
        "b": rng.integers(-900, 900, 10).astype(np.float32) / 64,
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", "x sx zx", "q"), node("DequantizeLinear", "q sx zx", "f"),
        node("DequantizeLinear", "w sw zw", "wf", axis=1 - turned), node("Gemm", "f wf b", "y", transB=turned),
    ]  # fmt: skip
    inputs: dict[str, Array] = {"x": (rng.integers(-200, 300, (5, 24)) / 16).astype(np.float32)}
    model = saved(tmp_path / "g.onnx", nodes, inputs, ["y"], constants)
    facts, got = asked(found, model, inputs)
    assert facts.int8_share == 1.0
    np.testing.assert_array_equal(got["y"], reference(model.path, inputs, ["y"])["y"])


def test_a_residual_sum_and_both_ways_of_multiplying(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is quantised is read by a product and by a sum; both ways of multiplying give the same bits."""
    rng = np.random.default_rng(5)
    constants: dict[str, Array] = {
        "s": np.array(0.037, np.float32), "z": np.array(120, np.uint8),
        "w": rng.integers(-127, 128, (32, 32, 3, 3), np.int8),
        "sw": rng.uniform(0.001, 0.01, 32).astype(np.float32), "zw": np.zeros(32, np.int8),
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "f"),
        node("DequantizeLinear", "w sw zw", "wf", axis=0), node("Conv", "f wf", "c", pads=[1] * 4),
        node("QuantizeLinear", "c s z", "d"), node("DequantizeLinear", "d s z", "e"),
        node("Add", "e f", "g"), node("QuantizeLinear", "g s z", "h"), node("DequantizeLinear", "h s z", "y"),
    ]  # fmt: skip
    inputs: dict[str, Array] = {"x": normal(rng, 2, 32, 6, 9)}
    model = saved(tmp_path / "r.onnx", nodes, inputs, ["y"], constants)
    made = planned(prepared(model), model, Traits(2, 8), 2, Tiles())[0]
    assert [step.label.partition(" ")[0].partition("·")[0] for step in made.steps][-1] == "_IntegerConv"
    facts, got = asked(found, model, inputs)
    monkeypatch.setattr(compiling, "traits_for", lambda found, graph: found.traits)
    portable_facts, portable = asked(found, model, inputs)
    assert portable_facts.applied["int8_products"] == "portable"
    np.testing.assert_array_equal(got["y"], portable["y"])
    # Scales that are no powers of two: a number halfway between two steps may fall on either.
    apart = np.abs(got["y"] - reference(model.path, inputs, ["y"])["y"])
    assert apart.max() <= 0.037 * 1.001
    assert (apart > 0.001).mean() < 0.01
    assert facts.int8_share == 1.0


def test_sums_at_the_end_of_the_range_do_not_saturate(found: Found, tmp_path: Path) -> None:
    """-128 - 127 times -127 and the like, of which two are beyond 16 bits."""
    constants: dict[str, Array] = {
        "s": np.array(1.0, np.float32), "z": np.array(127, np.int8), "zero": np.array(0, np.int8),
        "w": np.full((64, 16), -127, np.int8),
    }  # fmt: skip
    nodes = [
        node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "f"),
        node("DequantizeLinear", "w s zero", "wf"), node("MatMul", "f wf", "y"),
    ]  # fmt: skip
    inputs: dict[str, Array] = {"x": np.full((3, 2, 64), -1000, np.float32)}
    model = saved(tmp_path / "e.onnx", nodes, inputs, ["y"], constants)
    assert (asked(found, model, inputs)[1]["y"] == 255 * 127 * 64).all()


def test_floats_are_taken_where_they_are_asked_for_or_needed(found: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sizes = {"inside": 3, "out": 8, "kernel": 3, "batch": 1, "height": 6, "width": 6}
    few_channels, inputs = quantised(rng, tmp_path, {}, sizes, "uint8")
    facts, got = asked(found, few_channels, inputs)
    assert (facts.precision_executed, facts.int8_share) == ("fp32", None)
    np.testing.assert_allclose(got["y"], reference(few_channels.path, inputs, ["y"])["y"], atol=2.0**-3)
    model, inputs = quantised(rng, tmp_path, {}, {**sizes, "inside": 16}, "uint8")
    facts, _ = asked(found, model, inputs, {"strict_device": True, "integers": False})
    assert facts.precision_executed == "fp32"
    assert "int8_products" not in facts.applied


def test_the_way_of_multiplying_is_tried_before_it_is_used(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.backends.opencl import multiplying

    assert multiplying._way(found.own) in ("portable", "x86")
    assert multiplying._works(found.own, "portable")
    monkeypatch.setitem(multiplying.MADD, "x86", multiplying.MADD["portable"].replace("(b>>16)", "(b>>15)"))
    assert not multiplying._works(found.own, "x86")
    monkeypatch.setitem(multiplying.MADD, "x86", "this is no C")
    assert not multiplying._works(found.own, "x86")


@pytest.mark.parametrize(
    "name",
    [
        "speech_command",
        *(
            pytest.param(name, marks=pytest.mark.full)
            for name in ("image_classify", "image_classify_edge", "face_verify", "object_detect", "speech_recognize")
        ),
    ],
)
def test_the_suites_quantised_networks(found: Found, name: str) -> None:
    """As far from fp32 as onnxruntime's int8 is, within a quarter.

    Halves are rounded otherwise in a few places, and the worst of six answers scatters.
    """
    from bench.backends.opencl.backend import BACKEND

    workload = load_workload(name)
    model, inputs = workload.model("int8"), workload.evaluation_inputs(np.arange(6))
    facts, answers = seam.answers(BACKEND, model, inputs, (4, 1, 1), device=found.device)
    exact = seam.reference(workload.model("fp32"), inputs)
    due = graph_statistics(model.path, forms_of(model.inputs)).int8_share
    assert due is not None
    assert seam.worst_error(answers, exact) <= 1.25 * seam.worst_error(seam.reference(model, inputs), exact)
    assert facts.precision_executed == "int8"
    assert facts.int8_share is not None
    # As many as the harness asks for, where int8 is asked for; but products of two activations (attention) are floats.
    assert (facts.int8_share >= KEPT_SHARE * due) == (name != "speech_recognize")
    assert facts.applied["host_operators"] == 0
