"""The evaluator's rerun: when two results agree, and what is not measured again."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.records.numbers import Measured
from bench.records.record import Trial
from bench.store.runs import RunFolder
from bench.submission.contents import Contents
from bench.submission.rerun import agreement, measure_again, pooled_spread

METRIC = "samples_per_s"


def trials(*values: float) -> list[Trial]:
    plain = Trial(index=0, status="complete", started_at="", seed=0)
    return [msgspec.structs.replace(plain, metrics={METRIC: Measured(value=value)}) for value in values]


def test_spread_is_pooled_within_the_sides_and_not_between_them() -> None:
    one, other = (100.0, 102.0, 101.0), (200.0, 208.0)
    logs = [np.log(one), np.log(other)]
    expected = math.sqrt(sum(float(part.var() * len(part)) for part in logs) / 3)
    assert pooled_spread(METRIC, trials(*one), trials(*other)) == pytest.approx(expected)
    assert pooled_spread(METRIC, trials(1.0), trials(2.0)) is None


@pytest.mark.parametrize(("second", "verdict"), [(100.0, "conforms"), (102.7, "conforms"), (102.9, "violates")])
def test_the_limit_is_that_of_reproducibility(second: float, verdict: str) -> None:
    assert agreement("m", 100.0, second, 0.01).verdict == verdict
    assert agreement("m", second, 100.0, 0.01).verdict == verdict


def test_no_false_alarm_more_often_than_said() -> None:
    """Two results of one distribution lie apart further than allowed in one case of twenty."""
    drawn = np.exp(np.random.default_rng(3).normal(0.0, 0.02, (4000, 2)))
    apart = sum(agreement("m", one, other, 0.02).verdict == "violates" for one, other in drawn.tolist())
    assert 0.04 < apart / len(drawn) < 0.06


def test_files_of_a_submitter_are_not_opened(kept: RunFolder, tmp_path: Path) -> None:
    (found,) = measure_again(Contents(kept), tmp_path, None, lambda progress: None)
    assert (found.verdict, found.reason) == ("unchecked", "own-model")
    assert list(tmp_path.iterdir()) == []
