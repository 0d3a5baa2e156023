"""ONNX's tests of single operators through the seam: which fit it, and that no engine's end ends them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.backends.base import DeviceLost
from bench.backends.onnxruntime import BACKEND
from bench.conformance.nodes import NodeTest, examine_nodes, node_tests
from bench.conformance.process import Refused, Request, Suite, check_nodes
from bench.records.conformance import Verdict

from ..vendors import install

# Answers zeros; one operator ends its process, and one is refused.
VENDOR = """
import signal
from bench.backends.base import Unsupported
TESTS = "test_abs", "test_acos", "test_add"

def compile_(self, model, device, options):
    if model.path.stem == TESTS[0]:
        os.kill(os.getpid(), signal.SIGSEGV)
    if model.path.stem == TESTS[1]:
        raise Unsupported("acme cannot do this one.")
    return Compiled()

Backend.compile = compile_
"""


@pytest.fixture(scope="module")
def suite() -> tuple[list[NodeTest], int]:
    return node_tests()


def test_those_that_fit_share_one_batch_axis(suite: tuple[list[NodeTest], int]) -> None:
    tests, total = suite
    assert total > len(tests) > 500
    assert [test.name for test in tests] == sorted(test.name for test in tests)
    for test in tests:
        assert {len(array) for array in (*test.inputs.values(), *test.outputs.values())} == {test.batch}
    assert not any(test.name.startswith(("test_bernoulli", "test_sequence", "test_string")) for test in tests)


def test_an_engine_that_computes_them_passes(suite: tuple[list[NodeTest], int]) -> None:
    names = ("test_abs", "test_conv_with_strides_padding", "test_softmax_axis_1")
    wanted = [test for test in suite[0] if test.name in names]
    verdicts = list(examine_nodes(BACKEND, BACKEND.devices()[0], wanted, {}))
    assert [verdict.state for verdict in verdicts] == ["passed"] * 3


def test_a_lost_device_fails_its_test_and_leaves_the_others_to_another_process(
    suite: tuple[list[NodeTest], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*given: object) -> None:
        raise DeviceLost("gone")

    monkeypatch.setattr("bench.backends.onnxruntime.OnnxRuntimeBackend.compile", lost)
    (verdict,) = examine_nodes(BACKEND, BACKEND.devices()[0], suite[0][:3], {})
    assert (verdict.state, verdict.seen, verdict.subject) == ("failed", "gone", suite[0][0].name)


def test_a_wrong_answer_fails_and_says_by_how_much(suite: tuple[list[NodeTest], int]) -> None:
    (one,) = (test for test in suite[0] if test.name == "test_abs")
    other = {name: answer + np.float32(0.5) for name, answer in one.outputs.items()}
    spoilt = NodeTest(**{name: getattr(one, name) for name in one.__struct_fields__} | {"outputs": other})
    (verdict,) = examine_nodes(BACKEND, BACKEND.devices()[0], [spoilt], {})
    assert (verdict.state, verdict.seen) == ("failed", "output 'y' is off by up to 0.5")


@pytest.mark.full
def test_what_ends_the_process_fails_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", VENDOR, monkeypatch)
    first, *verdicts = check_nodes(Request(backend="acme", device="cpu"))
    assert isinstance(first, Suite)
    assert [verdict.subject for verdict in verdicts if isinstance(verdict, Verdict)] == list(first.fitting)
    by_name = {verdict.subject: verdict for verdict in verdicts if isinstance(verdict, Verdict)}
    assert by_name["test_abs"].state == "failed"
    assert by_name["test_abs"].seen == "ended by SIGSEGV"
    assert by_name["test_acos"].state == "skipped"
    assert by_name["test_add"].state == "failed"


def test_a_backend_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match="onnxruntim"):
        list(check_nodes(Request(backend="onnxruntim", device="cpu")))
