"""The error class of int8: a number of its own network, held by the median; narrow floats by the worst sample."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.models.base import Int8Spec
from bench.models.quantise.error_class import WIDEST, error_limit
from bench.records.numbers import RelativeError
from bench.tasks.error_class import ErrorClass
from bench.text.findings import finding_text

from .test_quality import Crafted, judged

INT8 = Int8Spec(
    method="minmax",
    calibration_samples=8,
    graph="",
    model_hash="",
    macs_share=1.0,
    value=0.9,
    interval=(0.8, 1.0),
    loss_at_most=0.0,
    agreement=1.0,
    error=0.02,
    error_limit=0.025,
    computed_with={},
)


def quantised(error_limit: float | None = 0.025) -> Crafted:
    workload = Crafted()
    int8 = msgspec.structs.replace(INT8, error_limit=error_limit)
    workload.spec = msgspec.structs.replace(workload.spec, int8=int8)
    return workload


def off_by(workload: Crafted, errors: np.ndarray) -> dict[str, np.ndarray]:
    return {"logits": (workload.logits.astype(np.float64) * (1 + errors[:, None])).astype(np.float32)}


@pytest.mark.parametrize(("error", "within"), [(0.02, True), (0.0249, True), (0.0251, False), (0.3, False)])
def test_right_answers_with_other_numbers_than_the_suites_file_fail(tmp_path: Path, error: float, within: bool) -> None:
    workload = quantised()
    quality, findings = judged(tmp_path, workload, off_by(workload, np.full(400, error)), precision="int8")
    assert quality.agreement == 1.0
    assert quality.passed is within
    assert ("precision-mismatch" in findings) is not within
    if not within:
        found = findings["precision-mismatch"]
        assert (found.seen, found.limit) == (pytest.approx(error, rel=1e-3), 0.025)
        assert "suite's int8 file allows 0.025" in finding_text("en", found).seen
        assert "0.025" in finding_text("zh", found).seen


def test_single_samples_far_off_do_not_fail_and_half_of_them_do(tmp_path: Path) -> None:
    workload = quantised()
    few, most = np.full(400, 0.01), np.full(400, 0.01)
    few[:150], most[:201] = 0.2, 0.2
    assert judged(tmp_path / "few", workload, off_by(workload, few), precision="int8")[0].passed is True
    assert judged(tmp_path / "most", workload, off_by(workload, most), precision="int8")[0].passed is False


def test_without_a_limit_of_its_own_int8_is_judged_by_answers_alone(tmp_path: Path) -> None:
    workload = quantised(error_limit=None)
    quality, findings = judged(tmp_path, workload, off_by(workload, np.full(400, 0.3)), precision="int8")
    assert (quality.passed, set(findings)) == (True, set())


def test_a_network_that_needs_more_room_has_it_in_that_precision_only(tmp_path: Path) -> None:
    workload = quantised()
    wider = msgspec.structs.replace(workload.spec.quality, error_limits={"fp16": 0.005})
    workload.spec = msgspec.structs.replace(workload.spec, quality=wider)
    outputs = off_by(workload, np.full(400, 0.004))
    assert judged(tmp_path / "fp16", workload, outputs, precision="fp16")[0].passed is True
    assert judged(tmp_path / "tf32", workload, outputs, precision="tf32")[0].passed is False


def test_a_class_holds_the_figure_that_it_says() -> None:
    error = RelativeError(median=0.001, max=0.01)
    assert ErrorClass("fp16").seen(error) == 0.01
    assert ErrorClass("int8").seen(error) == 0.001
    assert ErrorClass("int8").limit == float("inf")
    assert ErrorClass("int8", 0.0005).holds(error) is False
    assert ErrorClass("bf16").holds(error) is True
    assert [ErrorClass("fp16", 0.005).at_worst, ErrorClass("fp16").at_worst] == [0.005, 0.002]
    assert ErrorClass("int8", 0.0005).at_worst == float("inf"), "single samples of int8 are held to nothing"


@pytest.mark.parametrize(
    ("error", "per_tensor", "limit"),
    [
        (0.02, 0.0242, 0.022),  # half way in the ratio
        (0.02, 0.2, 0.03),  # far away: half as much again
        (0.02, 0.021, 0.03),  # cannot be told apart: what else is caught is further off
        (0.02, 0.01, 0.03),
    ],
)
def test_the_limit_lies_between_the_suites_file_and_the_coarser_one(
    error: float, per_tensor: float, limit: float
) -> None:
    assert error_limit(error, per_tensor) == pytest.approx(limit)
    assert error < error_limit(error, per_tensor) <= WIDEST * error
