"""fp16: products of numbers that lie in 16 bits. Where these hold the numbers exactly, answers are those of 32 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.backends.base import Model, Unsupported
from bench.backends.opencl import device as devices
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.network import planned, prepared
from bench.backends.opencl.plan import Launch, Plan
from bench.backends.opencl.tiles import Tiles
from bench.models.suite import load_workload
from bench.records.host import Facts
from bench.tasks.base import ERROR_CLASS

from .. import seam
from .graphs import Array, asked, normal, reference, saved
from .test_operators import few, node

SEEDS = st.integers(0, 2**32 - 1)
UNIT = 2.0**-11  # of rounding to halves, which have 11 bits


@pytest.fixture(scope="session")
def half() -> Found:
    """The first device with halves."""
    for one in devices.found_devices():
        if "fp16" in one.device.precisions:
            return one
    pytest.skip("no OpenCL device here has cl_khr_fp16; Intel's runtime has (BENCH_INTEL_OPENCL, in make test-full)")


def representable(rng: np.random.Generator, *shape: int) -> Array:
    return np.asarray(normal(rng, *shape).astype(np.float16).astype(np.float32))


def near(half: Found, model: Model, inputs: dict[str, Array], tolerance: float = 2e-5) -> Facts:
    """Fails where answers in halves are further from onnxruntime's in 32 bits than a share of the largest."""
    expected = reference(model.path, inputs, [one.name for one in model.outputs])
    facts, got = asked(half, model, inputs, precision="fp16")
    assert facts.precision_executed == "fp16"
    for name, right in expected.items():
        np.testing.assert_allclose(got[name], right, rtol=0, atol=tolerance * float(np.abs(right).max(initial=1.0)))
    return facts


@given(
    st.sampled_from([1, 3, 17, 40]),
    st.sampled_from([5, 16, 33]),
    st.integers(1, 9),
    st.sampled_from([1, 3]),
    st.integers(1, 2),
    SEEDS,
)
@few
def test_convolutions_of_what_halves_hold_are_those_of_floats(
    half: Found, tmp_path: Path, out: int, inside: int, batch: int, kernel: int, stride: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    constants = {"w": representable(rng, out, inside, kernel, kernel), "b": normal(rng, out)}
    nodes = [
        node("Conv", "x w b", "c", pads=[kernel // 2] * 4, strides=[stride] * 2), node("Relu", "c", "y"),
    ]  # fmt: skip
    inputs = {"x": representable(rng, batch, inside, 7, 10)}
    near(half, saved(tmp_path / "c.onnx", nodes, inputs, ["y"], constants), inputs)


@pytest.mark.parametrize("kernel", [3, 9])
@pytest.mark.parametrize(("channels", "group"), [(24, 24), (48, 3)])
def test_groups_and_channels_by_themselves(half: Found, tmp_path: Path, channels: int, group: int, kernel: int) -> None:
    rng = np.random.default_rng(channels + kernel)
    constants = {"w": representable(rng, channels, channels // group, kernel, kernel)}
    nodes = [node("Conv", "x w", "y", pads=[kernel // 2] * 4, group=group, strides=[1, 2])]
    inputs = {"x": representable(rng, 3, channels, 11, 13)}
    near(half, saved(tmp_path / "g.onnx", nodes, inputs, ["y"], constants), inputs)


@given(st.integers(1, 30), st.sampled_from([1, 10, 65]), st.sampled_from([1, 17, 48]), st.booleans(), SEEDS)
@few
def test_products_of_matrices(
    half: Found, tmp_path: Path, rows: int, depth: int, columns: int, constant: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    right = representable(rng, depth, columns) if constant else representable(rng, 2, depth, columns)
    inputs = {"x": representable(rng, 2, rows, depth)} | ({} if constant else {"w": right})
    constants = {"b": normal(rng, columns)} | ({"w": right} if constant else {})
    nodes = [node("MatMul", "x w", "c"), node("Add", "c b", "y")]
    near(half, saved(tmp_path / "m.onnx", nodes, inputs, ["y"], constants), inputs)


def test_a_sum_beside_a_product_reads_what_was_rounded(half: Found, tmp_path: Path) -> None:
    """Of y = w*x + x both read x from the same 16 bits: so the sum is exact for what these hold, and else is not."""
    rng = np.random.default_rng(7)
    constants = {"w": representable(rng, 24, 24), "v": representable(rng, 32, 32, 1, 1)}
    rows = [node("Relu", "x", "r"), node("MatMul", "r w", "c"), node("Add", "c r", "y")]
    pictures = [node("Relu", "x", "r"), node("Conv", "r v", "c"), node("Add", "c r", "y")]
    for nodes, shape in ((rows, (4, 7, 24)), (pictures, (3, 32, 5, 6))):
        inputs = {"x": representable(rng, *shape)}
        model = saved(tmp_path / "r.onnx", nodes, inputs, ["y"], constants)
        near(half, model, inputs)
        finer = {"x": normal(rng, *shape)}
        expected = reference(model.path, finer, ["y"])["y"]
        _, got = asked(half, model, finer, precision="fp16")
        apart = float(np.abs(got["y"] - expected).max() / np.abs(expected).max())
        assert 1e-5 < apart < 4 * UNIT, "rounded, and no more than that"


def test_a_bad_batch_leaves_nothing(half: Found, tmp_path: Path) -> None:
    """Borders and lanes that fill up stay zero after NaN, and what halves cannot hold is infinite, not clipped."""
    rng = np.random.default_rng(0)
    nodes = [node("Conv", "x w", "c", pads=[1] * 4), node("Conv", "c v", "y", pads=[1] * 4)]
    constants = {"w": representable(rng, 7, 5, 3, 3), "v": representable(rng, 3, 7, 3, 3)}
    good: seam.Named = {"x": normal(rng, 2, 5, 6, 6)}
    model = saved(tmp_path / "n.onnx", nodes, good, ["y"], constants)
    one = BACKEND.compile(model, half.device, seam.options("fp16", max_batch=2))
    session = one.open(0)
    before = seam.ask(session, model, good, (2,))["y"]
    seam.ask(session, model, {"x": np.full((2, 5, 6, 6), np.nan, np.float32)}, (2,))
    np.testing.assert_array_equal(seam.ask(session, model, good, (2,))["y"], before)
    large = seam.ask(session, model, {"x": np.full((2, 5, 6, 6), 1e6, np.float32)}, (2,))["y"]
    assert not np.isfinite(large).any()
    session.close()
    one.close()


@pytest.mark.parametrize(
    "name",
    [
        "speech_command",
        *(pytest.param(one, marks=pytest.mark.full) for one in ("image_classify_edge", "object_detect")),
    ],
)
def test_the_suites_networks(half: Found, name: str) -> None:
    workload = load_workload(name)
    model, inputs = workload.model("fp32"), workload.evaluation_inputs(np.arange(6))
    facts, answers = seam.answers(BACKEND, model, inputs, (4, 1, 1), device=half.device, precision="fp16")
    assert UNIT / 10 < seam.worst_error(answers, seam.reference(model, inputs)) <= ERROR_CLASS["fp16"]
    assert (facts.precision_executed, facts.applied["host_operators"]) == ("fp16", 0)
    assert str(facts.applied["arithmetic"]).startswith("fp16: ")


# ----------------------------------------------------------------------------------------------- without such a device


def told(plan: Plan) -> list[str]:
    """What is done, each once: copies between layouts bear the name of whom they are for."""
    return list(dict.fromkeys(step.label.split()[0] for step in plan.steps))


def planned_halves(model: Model) -> Plan:
    return planned(prepared(model, half=True), model, Traits(2, 8), 1, Tiles())[0]


def test_what_else_reads_a_value_has_it_in_32_bits(tmp_path: Path) -> None:
    """A sum reads the halves; a pooling makes that the value is kept as it was, and so the sum reads that."""
    rng = np.random.default_rng(1)
    constants = {"w": normal(rng, 32, 32, 1, 1), "k": normal(rng, 32, 32, 1, 1)}
    inputs = {"x": normal(rng, 1, 32, 6, 6)}
    alone = [node("Conv", "x k", "r"), node("Conv", "r w", "c"), node("Add", "c r", "y")]
    pooled = [*alone, node("GlobalMaxPool", "r", "z")]
    plan = planned_halves(saved(tmp_path / "a.onnx", alone, inputs, ["y"], constants))
    assert told(plan) == ["Cast", "_HalfConv·Cast", "_HalfConv·Cast·Add"]
    assert plan.arithmetic() == {"fp16": 2}
    plan = planned_halves(saved(tmp_path / "p.onnx", pooled, inputs, ["y", "z"], constants))
    assert told(plan) == ["Cast", "_HalfConv", "_HalfConv·Add", "GlobalMaxPool"]


def test_a_first_layer_of_few_channels_stays_in_32_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    inputs = {"x": normal(rng, 1, 3, 6, 6)}
    nodes = [node("Conv", "x w", "c"), node("Conv", "c v", "y")]
    constants = {"w": normal(rng, 32, 3, 3, 3), "v": normal(rng, 32, 32, 1, 1)}
    assert planned_halves(saved(tmp_path / "f.onnx", nodes, inputs, ["y"], constants)).arithmetic() == {
        "fp32": 1,
        "fp16": 1,
    }


def test_names_of_programs_and_tiles_differ(tmp_path: Path) -> None:
    """So that nothing that was compiled or tuned for one is taken for the other."""
    rng = np.random.default_rng(3)
    inputs = {"x": normal(rng, 1, 32, 6, 6)}
    model = saved(tmp_path / "d.onnx", [node("Conv", "x w", "y")], inputs, ["y"], {"w": normal(rng, 32, 32, 1, 1)})
    halves, floats = planned_halves(model), planned(prepared(model), model, Traits(2, 8), 1, Tiles())[0]
    (ours,), (theirs,) = (
        [one for one in plan.steps if isinstance(one, Launch) and one.macs] for plan in (halves, floats)
    )
    assert ours.kernel.name != theirs.kernel.name
    assert ours.key != theirs.key
    assert set(halves.weights) & set(floats.weights) == {"y bias"}


def test_a_device_without_halves_refuses(found: Found, tmp_path: Path) -> None:
    if "fp16" in found.device.precisions:
        pytest.skip("this device has them")
    with pytest.raises(Unsupported, match=r"opencl on .* runs fp32, int8; fp16 was asked for\."):
        BACKEND.compile(seam.tiny(tmp_path)[0], found.device, seam.options("fp16"))
