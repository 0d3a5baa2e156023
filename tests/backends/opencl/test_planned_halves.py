"""What an fp16 plan keeps in 16 bits, on any host: plans are made without a device. And who refuses fp16."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.backends.base import Model, Unsupported
from bench.backends.opencl import device as devices
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.network import planned, prepared
from bench.backends.opencl.plan import Launch, Plan
from bench.backends.opencl.tiles import Tiles
from bench.models.suite import load_workload

from .. import seam
from .graphs import normal, saved
from .test_operators import node


def plan_of(model: Model, half: bool = True) -> Plan:
    return planned(prepared(model, half=half), model, Traits(2, 8), 1, Tiles())[0]


def done(plan: Plan) -> list[str]:
    """What is done, each once: copies between layouts bear the name of whom they are for."""
    return list(dict.fromkeys(step.label.split()[0] for step in plan.steps))


def products(plan: Plan) -> list[Launch]:
    return [one for one in plan.steps if isinstance(one, Launch) and one.macs]


def test_what_else_reads_a_value_has_it_in_32_bits(tmp_path: Path) -> None:
    """A sum reads the halves; a pooling makes that the value is kept as it was, and so the sum reads that."""
    rng = np.random.default_rng(1)
    constants = {"w": normal(rng, 32, 32, 1, 1), "k": normal(rng, 32, 32, 1, 1)}
    inputs = {"x": normal(rng, 1, 32, 6, 6)}
    alone = [node("Conv", "x k", "r"), node("Conv", "r w", "c"), node("Add", "c r", "y")]
    plan = plan_of(saved(tmp_path / "a.onnx", alone, inputs, ["y"], constants))
    assert done(plan) == ["Cast", "_HalfConv·Cast", "_HalfConv·Cast·Add"]
    assert plan.arithmetic() == {"fp16": 2}
    pooled = [*alone, node("GlobalMaxPool", "r", "z")]
    plan = plan_of(saved(tmp_path / "p.onnx", pooled, inputs, ["y", "z"], constants))
    assert done(plan) == ["Cast", "_HalfConv", "_HalfConv·Add", "GlobalMaxPool"]


def test_inputs_and_outputs_keep_their_types(tmp_path: Path) -> None:
    """An output that a product reads as well lies in both, and what comes and goes is of 32 bits."""
    rng = np.random.default_rng(4)
    constants = {"w": normal(rng, 24, 24), "v": normal(rng, 24, 8)}
    nodes = [node("MatMul", "x w", "y"), node("MatMul", "y v", "z")]
    plan = plan_of(saved(tmp_path / "o.onnx", nodes, {"x": normal(rng, 1, 24)}, ["y", "z"], constants))
    assert plan.arithmetic() == {"fp16": 2}
    assert {name: one.dtype for name, one in plan.tensors.items()} == dict.fromkeys("xyz", "float32")
    assert [one.nbytes for one in plan.outputs.values() if one is not None] == [4 * 24, 4 * 8]


def test_a_first_layer_of_few_channels_stays_in_32_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    inputs = {"x": normal(rng, 1, 3, 6, 6)}
    nodes = [node("Conv", "x w", "c"), node("Conv", "c v", "y")]
    constants = {"w": normal(rng, 32, 3, 3, 3), "v": normal(rng, 32, 32, 1, 1)}
    plan = plan_of(saved(tmp_path / "f.onnx", nodes, inputs, ["y"], constants))
    assert plan.arithmetic() == {"fp32": 1, "fp16": 1}


def test_no_winograd_in_halves(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    nodes, constants = [node("Conv", "x w", "y", pads=[1] * 4)], {"w": normal(rng, 64, 64, 3, 3)}
    model = saved(tmp_path / "w.onnx", nodes, {"x": normal(rng, 1, 64, 8, 8)}, ["y"], constants)
    assert any("winograd" in name for name in plan_of(model, half=False).kernels())
    assert [one.kernel.name.rpartition("_")[0] for one in products(plan_of(model))] == ["conv_half"]


def test_programs_tiles_and_weights_are_others(tmp_path: Path) -> None:
    """So that nothing that was compiled, tuned or packed for one is taken for the other."""
    rng = np.random.default_rng(3)
    inputs, constants = {"x": normal(rng, 1, 32, 6, 6)}, {"w": normal(rng, 32, 32, 1, 1)}
    model = saved(tmp_path / "d.onnx", [node("Conv", "x w", "y")], inputs, ["y"], constants)
    halves, floats = plan_of(model), plan_of(model, half=False)
    (ours,), (theirs,) = products(halves), products(floats)
    assert ours.kernel.name != theirs.kernel.name
    assert ours.key != theirs.key
    assert "half" not in theirs.kernel.source
    assert set(halves.weights) & set(floats.weights) == {"y bias"}
    packed = next(make() for key, make in halves.weights.items() if "half" in key)
    assert packed.dtype == np.float16


@pytest.mark.parametrize("name", ["speech_command", "image_classify_edge", "face_verify"])
def test_nearly_all_products_of_the_suites_networks(name: str) -> None:
    counted = plan_of(load_workload(name).model("fp32")).arithmetic()
    assert counted.keys() == {"fp16", "fp32"}
    assert counted["fp32"] <= 2, counted


def test_a_device_without_halves_refuses(found: Found, tmp_path: Path) -> None:
    if "fp16" in found.device.precisions:
        pytest.skip("this device has them")
    with pytest.raises(Unsupported, match=r"opencl on .* runs fp32, int8; fp16 was asked for\."):
        BACKEND.compile(seam.tiny(tmp_path)[0], found.device, seam.options("fp16"))


@pytest.mark.parametrize(
    ("extensions", "offered"),
    [
        ("cl_khr_fp64 cl_khr_fp16 cl_khr_icd", ("fp32", "fp16", "int8")),
        ("cl_khr_fp64 cl_khr_fp16_of_another_kind", ("fp32", "int8")),
        ("", ("fp32", "int8")),
    ],
)
def test_only_the_extension_offers_halves(extensions: str, offered: tuple[str, ...]) -> None:
    device = SimpleNamespace(extensions=extensions)
    assert devices.precisions_of(device) == offered  # type: ignore[arg-type]
