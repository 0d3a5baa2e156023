"""How often `bench ab` errs, by simulation with its own code: a few of those in docs/regressions.md."""

from __future__ import annotations

from .calibrate import normal, simulate


def test_an_arm_against_itself_is_not_worse() -> None:
    found = simulate(normal(0.02), 40, slower=1.0)
    assert found["comparisons"] == 160
    assert found["worse at most"] <= 0.02


def test_five_percent_are_found_at_one_percent_of_noise() -> None:
    assert simulate(normal(0.01), 10, slower=1.05)["worse"] >= 0.95


def test_ten_times_the_noise_is_said_to_be_inconclusive() -> None:
    found = simulate(normal(0.2), 10, slower=1.05)
    assert found["inconclusive"] >= 0.95
