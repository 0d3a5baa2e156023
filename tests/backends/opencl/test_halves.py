"""fp16: products of numbers that lie in 16 bits, held to what rounding can do to them; sums are of 32 bits.

A sum of n products is off by n units of roundoff of the sum of their sizes at most, whatever order it is made in
(Higham, Accuracy and Stability of Numerical Algorithms, section 4.2). Sizes are found by the same network with all
numbers made positive: it has no subtractions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.backends.opencl import device as devices
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.device import Found
from bench.models.suite import load_workload
from bench.tasks.base import ERROR_CLASS

from .. import seam
from .graphs import Array, asked, normal, reference, saved
from .test_operators import few, node

SEEDS = st.integers(0, 2**32 - 1)
# Units of roundoff: half the step from 1 to the next number.
HALF, SINGLE = 2.0**-11, 2.0**-24


@pytest.fixture(scope="session")
def half() -> Found:
    """The first device with halves."""
    for one in devices.found_devices():
        if "fp16" in one.device.precisions:
            return one
    pytest.skip("no OpenCL device here has cl_khr_fp16; Intel's runtime has (BENCH_INTEL_OPENCL, in make test-full)")


def representable(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers that halves hold exactly."""
    return np.asarray(normal(rng, *shape).astype(np.float16).astype(np.float32))


def within(
    half: Found,
    folder: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, Array],
    constants: dict[str, Array],
    terms: int,
    rounded: int = 0,
) -> dict[str, int]:
    """Hold answers to the bound for sums of `terms`, of products with `rounded` factors that halves do not hold.

    Returns the count of products by precision. Both we and onnxruntime make sums of 32 bits, and each may be off.
    """
    model = saved(folder / "one.onnx", nodes, inputs, ["y"], constants)
    sizes = saved(folder / "sizes.onnx", nodes, positive(inputs), ["y"], positive(constants))
    bound = reference(sizes.path, positive(inputs), ["y"])["y"].astype(np.float64)
    bound *= (1 + HALF) ** rounded - 1 + 2 * (terms + 2) * SINGLE
    facts, got = asked(half, model, inputs, precision="fp16")
    apart = np.abs(got["y"].astype(np.float64) - reference(model.path, inputs, ["y"])["y"])
    assert got["y"].dtype == np.float32
    assert (apart <= bound).all(), f"{np.nanmax(apart / bound)} of the bound"
    assert facts.precision_executed == "fp16"
    return {kind: int(n) for kind, n in (one.split(": ") for one in str(facts.applied["arithmetic"]).split(", "))}


def positive(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: np.abs(array) for name, array in arrays.items()}


@given(
    st.sampled_from([1, 3, 17, 40]),
    st.sampled_from([5, 16, 33]),
    st.integers(1, 9),
    st.sampled_from([1, 3]),
    st.booleans(),
    SEEDS,
)
@few
def test_convolutions(
    half: Found, tmp_path: Path, out: int, inside: int, batch: int, kernel: int, exact: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    numbers = representable if exact else normal
    constants = {"w": numbers(rng, out, inside, kernel, kernel), "b": normal(rng, out)}
    nodes = [node("Conv", "x w b", "c", pads=[kernel // 2] * 4, strides=[1 + seed % 2] * 2), node("Relu", "c", "y")]
    inputs = {"x": numbers(rng, batch, inside, 7, 10)}
    terms = inside * kernel * kernel + 1
    assert within(half, tmp_path, nodes, inputs, constants, terms, 0 if exact else 2) == {"fp16": 1}


@pytest.mark.parametrize("kernel", [3, 9])
@pytest.mark.parametrize(("channels", "group"), [(24, 24), (48, 3)])
def test_groups_and_channels_by_themselves(half: Found, tmp_path: Path, channels: int, group: int, kernel: int) -> None:
    rng = np.random.default_rng(channels + kernel)
    constants = {"w": representable(rng, channels, channels // group, kernel, kernel)}
    nodes = [node("Conv", "x w", "y", pads=[kernel // 2] * 4, group=group, strides=[1, 2])]
    inputs = {"x": representable(rng, 3, channels, 11, 13)}
    assert within(half, tmp_path, nodes, inputs, constants, channels // group * kernel**2) == {"fp16": 1}


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
    assert within(half, tmp_path, nodes, inputs, constants, depth + 1) == {"fp16": 1}


def test_several_constant_matrices_stay_in_32_bits(half: Found, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    constants = {"w": normal(rng, 3, 20, 17), "v": representable(rng, 17, 9)}
    nodes = [node("MatMul", "x w", "c"), node("MatMul", "c v", "y")]
    counted = within(half, tmp_path, nodes, {"x": normal(rng, 2, 3, 4, 20)}, constants, 20 + 17, rounded=1)
    assert counted == {"fp16": 1, "fp32": 1}


AFTER = [
    [node("MaxPool", "c", "y", kernel_shape=[2, 2])],
    [node("AveragePool", "c", "y", kernel_shape=[3, 2], strides=[2, 1])],
    [node("ReduceSum", "c axes", "y")],
    [node("Relu", "c", "r"), node("Add", "r c", "y")],
    [node("Concat", "c c", "d", axis=1), node("Transpose", "d", "y", perm=[0, 2, 3, 1])],
]


@pytest.mark.parametrize("after", AFTER, ids=lambda nodes: nodes[-1].op_type)
def test_what_follows_a_product_adds_no_rounding_to_halves(
    half: Found, tmp_path: Path, after: list[onnx.NodeProto]
) -> None:
    """Of numbers that halves hold nothing is off but sums of 32 bits, and what goes on from them is of these."""
    rng = np.random.default_rng(5)
    constants = {"w": representable(rng, 19, 17, 3, 3), "axes": np.array([2, 3])}
    nodes = [node("Conv", "x w", "c", pads=[1] * 4), *after]
    inputs = {"x": representable(rng, 3, 17, 6, 7)}
    assert within(half, tmp_path, nodes, inputs, constants, 17 * 9 + 42) == {"fp16": 1}


def test_a_softmax_keeps_32_bits(half: Found, tmp_path: Path) -> None:
    """Its result changes by twice what its input does, relatively, at most: so much stands in the bound of the sums."""
    rng = np.random.default_rng(6)
    nodes = [node("MatMul", "x w", "c"), node("Softmax", "c", "y")]
    constants, inputs = {"w": representable(rng, 33, 21)}, {"x": representable(rng, 7, 5, 33)}
    model = saved(tmp_path / "s.onnx", nodes, inputs, ["y"], constants)
    sums = float((np.abs(inputs["x"]) @ np.abs(constants["w"])).max())
    expected, (_, got) = reference(model.path, inputs, ["y"])["y"], asked(half, model, inputs, precision="fp16")
    bound = 2 * 2 * (33 + 2) * SINGLE * sums + 2 * (21 + 8) * SINGLE
    assert (np.abs(got["y"] - expected) <= bound * expected).all()


def test_a_sum_beside_a_product_reads_what_was_rounded(half: Found, tmp_path: Path) -> None:
    """Of y = w*x + x both read x from the same 16 bits: the sum is that of floats for what these hold, and else not."""
    rng = np.random.default_rng(7)
    constants = {"w": representable(rng, 24, 24), "v": representable(rng, 32, 32, 1, 1)}
    rows = [node("Relu", "x", "r"), node("MatMul", "r w", "c"), node("Add", "c r", "y")]
    pictures = [node("Relu", "x", "r"), node("Conv", "r v", "c"), node("Add", "c r", "y")]
    for nodes, shape in ((rows, (4, 7, 24)), (pictures, (3, 32, 5, 6))):
        within(half, tmp_path, nodes, {"x": representable(rng, *shape)}, constants, 33)
        within(half, tmp_path, nodes, {"x": normal(rng, *shape)}, constants, 33, rounded=1)
        finer = {"x": normal(rng, *shape)}
        model = saved(tmp_path / "r.onnx", nodes, finer, ["y"], constants)
        exact, (_, got) = reference(model.path, finer, ["y"])["y"], asked(half, model, finer, precision="fp16")
        assert np.abs(got["y"] - exact).max() > HALF / 100 * np.abs(exact).max(), "nothing lay in 16 bits"


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
    ["speech_command", *(pytest.param(one, marks=pytest.mark.full) for one in ("image_classify_edge", "face_verify"))],
)
def test_the_suites_networks(half: Found, name: str) -> None:
    """Within the class, or what the workload says that its network needs; and not as near as 32 bits would be."""
    workload = load_workload(name)
    model, inputs = workload.model("fp32"), workload.evaluation_inputs(np.arange(6))
    facts, answers = seam.answers(BACKEND, model, inputs, (4, 1, 1), device=half.device, precision="fp16")
    limit = workload.spec.quality.error_limits.get("fp16", ERROR_CLASS["fp16"])
    assert ERROR_CLASS["fp32"] < seam.worst_error(answers, seam.reference(model, inputs)) <= limit
    assert (facts.precision_executed, facts.applied["host_operators"]) == ("fp16", 0)
