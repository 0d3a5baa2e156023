"""Our driver and MLPerf LoadGen find the same on the same session; and the words for it mean what they say.

A test that fails whenever a busy machine blurs the picture would be muted soon. What fails is a proven difference: an
interval wholly outside the margin at the last look. What stays undecided is reported as a warning, with its interval.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import pytest

from bench.records.loadgen import Driver

from .cases import CASES
from .pairs import Case, compare

FLOOR: dict[Driver, list[float]] = {"bench": [1.0] * 5, "loadgen": [3.0] * 5}
NOISE = (-0.2, 0.1, 0.0, -0.1, 0.2)


def figures(ours: float, theirs: float, noise: float) -> dict[Driver, list[float]]:
    return {
        "bench": [ours + noise * part for part in NOISE],
        "loadgen": [theirs - noise * part for part in NOISE],
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "noise", "verdict"),
    [
        (101.0, 103.0, 1.0, "same"),  # both 100 above their floors
        (101.5, 103.0, 1.0, "same"),
        (106.0, 103.0, 1.0, "different"),
        (96.0, 103.0, 1.0, "different"),
        (103.0, 103.0, 1.0, "undecided"),  # the margin itself
        (101.0, 103.0, 30.0, "undecided"),  # too noisy to tell
        (106.0, 103.0, 60.0, "undecided"),
    ],
)
def test_verdicts(ours: float, theirs: float, noise: float, verdict: str) -> None:
    assert compare("p50_ns", FLOOR, figures(ours, theirs, noise)).verdict == verdict


def test_the_interval_is_that_of_the_paired_t_test() -> None:
    """By hand: differences of the pairs over LoadGen's median above its floor, t of four degrees of freedom."""
    found = compare("p50_ns", FLOOR, figures(106.0, 103.0, 1.0))
    parts = [(5.0 + 2.0 * part) / 100.0 for part in NOISE]
    mean = sum(parts) / 5
    deviation = math.sqrt(sum((part - mean) ** 2 for part in parts) / 4)
    assert found.ratio == pytest.approx(1.0 + mean)
    # One-sided 98.333 % of Student's t with 4 degrees of freedom.
    assert found.high - found.ratio == pytest.approx(3.1864 * deviation / math.sqrt(5), rel=1e-3)


def test_a_floor_above_the_figure_leaves_nothing_to_compare() -> None:
    found = compare("p99_ns", {"bench": [1.0] * 5, "loadgen": [200.0] * 5}, figures(101.0, 103.0, 1.0))
    assert (found.low, found.high, found.verdict) == (-math.inf, math.inf, "undecided")


@pytest.mark.full
@pytest.mark.alone  # on one core LoadGen's threads wait for the engine's
@pytest.mark.parametrize("name", CASES)
def test_both_drivers_find_the_same(name: str, tmp_path: Path) -> None:
    pytest.importorskip("mlperf_loadgen", reason="the extra `mlperf` is not installed")
    looks = list(Case(CASES[name], tmp_path).looks())
    for one in looks[-1]:
        said = f"{name}, {one.figure}: {one.verdict} after {one.pairs} pairs, {one.low:.4f} to {one.high:.4f}"
        assert one.verdict != "different", said
        if one.verdict == "undecided":
            warnings.warn(said, stacklevel=1)
