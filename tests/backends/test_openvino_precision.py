"""The precision that OpenVINO really executes: told, confirmed by the numbers, and refused where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.backends.arithmetic import coarsest
from bench.backends.base import Model, Unsupported
from bench.backends.openvino import BACKEND, _keep_quiet
from bench.models.graph import graph_statistics
from bench.models.suite import load_workload
from bench.scoring.numeric import sample_errors
from bench.tasks.base import ERROR_CLASS

from . import seam

_keep_quiet()  # here, too, before the import that would write into the home folder
openvino = pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
CPU = next(device for device in BACKEND.devices() if device.kind == "cpu")


def compiled(model: Model, **changes: object):  # type: ignore[no-untyped-def]
    return BACKEND.compile(model, CPU, seam.options(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", CPU.precisions)
def test_the_precision_that_is_asked_for_is_executed_and_told(precision: str) -> None:
    model, inputs = seam.speech(precision)
    facts, found = seam.answers(BACKEND, model, inputs, precision=precision)
    error = seam.worst_error(found, seam.reference(seam.speech()[0], inputs))
    assert facts.precision_executed == precision
    assert error <= ERROR_CLASS[precision]
    assert (error > ERROR_CLASS["fp32"]) == (precision != "fp32"), "what is told is what the numbers show"
    assert facts.engine == "openvino"
    assert facts.engine_version == openvino.__version__
    assert facts.device_operator_share == 1.0


def test_what_openvino_chooses_by_itself_is_told() -> None:
    """On processors with bf16 it takes that for a file that says float32, whatever was asked for."""
    model, inputs = seam.speech()
    facts, found = seam.answers(BACKEND, model, inputs, settings={"inference_precision": "auto"})
    error = seam.worst_error(found, seam.reference(model, inputs))
    assert (error > ERROR_CLASS["fp32"]) == (facts.precision_executed != "fp32")
    assert ("bf16" in CPU.precisions) == (facts.precision_executed == "bf16")
    assert str(facts.applied["arithmetic"]).startswith(f"{facts.precision_executed}: ")


def test_int8_is_told_of_a_quantised_file(tmp_path: Path) -> None:
    model, inputs = seam.quantised(tmp_path)
    facts, found = seam.answers(BACKEND, model, inputs)
    assert facts.precision_executed == "int8"
    assert seam.worst_error(found, seam.reference(model, inputs)) < 0.02


@pytest.mark.parametrize(("name", "floats"), [("image_classify", 0), ("speech_command", 2)])
def test_the_suites_int8_file_runs_in_int8(name: str, floats: int) -> None:
    model = load_workload(name).model("int8")
    counted = graph_statistics(model.path)
    facts = compiled(model, precision="int8").facts
    assert facts.precision_executed == "int8"
    assert facts.int8_share == counted.int8_share
    products = len(counted.macs_by_node)
    assert str(facts.applied["arithmetic"]).split(", ")[-1] == f"int8: {products - floats}"
    assert facts.applied["inference_precision_hint"] == "fp32", "what stays float is not bf16"


def test_engines_agree_on_the_suites_int8_file() -> None:
    """As far as rounding goes: their sums are exact, what lies between them is not."""
    model, inputs = seam.speech("int8")
    _, found = seam.answers(BACKEND, model, inputs, precision="int8")
    assert np.median(sample_errors(found["logits"], seam.reference(model, inputs)["logits"])) < 0.05


def test_the_coarsest_arithmetic_counts() -> None:
    from collections import Counter

    assert coarsest(Counter({"fp32": 40, "bf16": 1})) == "bf16"
    assert coarsest(Counter({"int8": 1, "bf16": 9, "fp16": 3})) == "int8"
    assert coarsest(Counter({"fp32": 3, "u4": 1})) == "u4", "what is not known is told as it is"
    assert coarsest(Counter()) is None


@pytest.mark.parametrize("precision", sorted({"fp16", "bf16", "int8"} - set(CPU.precisions)))
def test_a_precision_that_the_device_lacks_is_refused(precision: str, tmp_path: Path) -> None:
    """Asked for fp16 on such a processor, OpenVINO would silently execute bf16."""
    with pytest.raises(Unsupported, match=rf"openvino on cpu:0 runs .*fp32.*; {precision} was asked for\."):
        compiled(seam.tiny(tmp_path)[0], precision=precision)
