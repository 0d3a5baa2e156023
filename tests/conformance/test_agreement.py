"""What agreement with the reference asks of a network: the class of its own, the worst sample or half of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any  # cases are made of the few parts that the check looks at

import numpy as np
import pytest

from bench.conformance.case import Failed
from bench.conformance.checks import agreement_with_reference
from bench.models.suite import load_workload
from bench.tasks.error_class import ErrorClass

SAMPLES = 24


def asked(held: ErrorClass, errors: np.ndarray[Any, Any], top_answers: bool = False) -> str:
    """What the check says of answers that are off by `errors`, sample by sample."""
    expected = np.random.default_rng(1).standard_normal((SAMPLES, 9))
    found = {"y": expected * (1 + errors[:, None])}
    case: Any = SimpleNamespace(
        ask=lambda session, sizes: found,
        sessions=(None,),
        expected={"y": expected},
        held=held,
        model=SimpleNamespace(outputs=(SimpleNamespace(name="y"),)),
        top_answers=top_answers,
    )
    return agreement_with_reference(case)


def off(usual: float, others: float, count: int) -> np.ndarray[Any, Any]:
    errors = np.full(SAMPLES, usual)
    errors[:count] = others
    return errors


def test_floats_are_held_by_their_worst_sample_to_the_networks_own_class() -> None:
    own = load_workload("face_verify").spec.error_class
    errors = off(0.0001, 0.003, 1)
    assert asked(own("fp16"), errors) == f"relative error up to 0.003 of 0.005 in {SAMPLES} samples"
    with pytest.raises(Failed, match=r"relative error up to 0\.003; the executed precision allows 0\.002"):
        asked(ErrorClass("fp16"), errors)
    with pytest.raises(Failed, match="allows 1e-05"):
        asked(own("fp32"), errors)


def test_int8_is_held_by_half_of_the_samples() -> None:
    held = ErrorClass("int8", 0.05)
    assert asked(held, off(0.03, 9.0, 11)).startswith("relative error of half the samples up to 0.03 of 0.05")
    with pytest.raises(Failed, match=r"of half the samples up to 0\.06; the executed precision allows 0\.05"):
        asked(held, off(0.06, 0.01, 11))


def test_answers_count_where_a_sample_has_one_by_itself() -> None:
    """The largest number of a face's embedding is no answer."""
    turned = off(-2.0, 0.0, 20)  # four of 24 answers become others
    assert asked(ErrorClass("int8"), turned)
    with pytest.raises(Failed, match=r"83\.3% of the answers are the reference's; 90% are due"):
        asked(ErrorClass("int8"), turned, top_answers=True)
