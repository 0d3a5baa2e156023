"""The ONNX project's own tests of single operators, on the device alone; how many pass is held."""

from __future__ import annotations

from collections import Counter

import onnx
import pytest

from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.device import Found
from bench.backends.opencl.lowering.table import OPERATORS
from bench.conformance.nodes import NodeTest, examine_nodes, node_tests

# One of a kind, for the fast tier.
SOME = {
    "test_argmax_no_keepdims_random_select_last_index", "test_averagepool_2d_ceil_last_window_starts_on_pad",
    "test_conv_with_strides_and_asymmetric_padding", "test_gather_elements_0", "test_softmax_large_number",
    "test_where_example",
}  # fmt: skip
# Of the tests whose operators the engine has; the others are of types that OpenCL C lacks.
LEAST_PASSED = 0.95


@pytest.fixture(scope="module")
def tests() -> list[NodeTest]:
    """Those of the operators that the engine says it has."""
    return [
        test
        for test in node_tests()[0]
        if {node.op_type for node in onnx.load_from_string(test.graph).graph.node} <= OPERATORS
    ]


def test_some_of_them(found: Found, tests: list[NodeTest]) -> None:
    chosen = [test for test in tests if test.name in SOME]
    verdicts = list(examine_nodes(BACKEND, found.device, chosen, {"strict_device": True}))
    assert {one.subject for one in verdicts if one.state == "passed"} == SOME, verdicts


@pytest.mark.full
@pytest.mark.timeout(1800)  # a program is compiled for each of hundreds
def test_all_of_them(found: Found, tests: list[NodeTest]) -> None:
    floats = [test for test in tests if all(str(a.dtype) == "float32" for a in test.outputs.values())]
    verdicts = list(examine_nodes(BACKEND, found.device, tests, {"strict_device": True}))
    assert not [one for one in verdicts if one.state == "failed"]
    passed = {one.subject for one in verdicts if one.state == "passed"}
    told = Counter(one.state for one in verdicts)
    share = sum(test.name in passed for test in floats) / len(floats)
    assert share >= LEAST_PASSED, f"{dict(told)} of {len(tests)}; {share:.1%} of {len(floats)} float32 tests pass"
