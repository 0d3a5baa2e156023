"""Intervals cover what they say, on correlated latencies too: docs/statistics.md in part, and whole (`full`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import simulation as sim

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def near(found: sim.Covered, low: float = 0.93, high: float = 0.97) -> None:
    """The share lies in the band, but for four standard errors of the simulation."""
    assert found.given >= 100, found
    noise = 4.0 * (0.95 * 0.05 / found.given) ** 0.5
    assert low - noise <= found.share <= high + noise, found


@given(st.lists(st.tuples(st.floats(0.0, 9.0), st.floats(0.0, 9.0)), min_size=1, max_size=30))
def test_the_recursion_is_lindleys(pairs: list[tuple[float, float]]) -> None:
    gaps, service = (np.array(column) for column in zip(*pairs, strict=True))
    slow = [0.0]
    for lasts, gap in zip(service[:-1], gaps[1:], strict=True):
        slow.append(max(0.0, slow[-1] + lasts - gap))
    assert sim.lindley(gaps, service) == pytest.approx(slow, abs=1e-9)


@pytest.mark.parametrize("process", [sim.m_m_1(0.5), sim.m_m_1(0.8), sim.ar_1(0.5)], ids=lambda process: process.name)
def test_the_truth_is_the_truth(process: sim.Process) -> None:
    values = process.draw(np.random.default_rng(1), 2_000_000)
    assert values.mean() == pytest.approx(process.mean, rel=0.02)
    for p in (0.5, 0.9, 0.99):
        assert np.quantile(values, p) == pytest.approx(process.quantile(p), rel=0.03)


@pytest.mark.parametrize("k", [5, 10, 20])
def test_intervals_over_repetitions(k: int) -> None:
    near(sim.repetitions(k, 0.05, 2000))


def test_intervals_over_repetitions_of_a_queue() -> None:
    near(sim.repetitions_of(sim.m_m_1(0.5), 5000, 0.9, 400))


def test_stopping_at_a_look_does_not_spend_more_than_five_percent() -> None:
    assert sim.looks(0.04, 2000).share >= 0.95 - 4 * (0.95 * 0.05 / 2000) ** 0.5


@pytest.mark.parametrize("p", [None, 0.5, 0.9])
def test_intervals_within_a_run(p: float | None) -> None:
    near(sim.within(sim.ar_1(0.5), 4000, p, 600))


def test_a_witness_accuses_no_honest_timeline_and_finds_a_forged_one() -> None:
    assert sim.accused(0.8, 250, 0.25, 0.0, 200).held == 0
    assert sim.accused(0.8, 250, 0.0, 0.3, 200).held == 200


def test_cameras_that_drift_apart_are_no_queue_that_grows() -> None:
    assert sim.frames_growing(8, 10, 0.9, 50).held == 0
    assert sim.frames_growing(8, 10, 1.01, 50).held == 50


def test_intervals_of_proportions() -> None:
    near(sim.proportion(768, 0.9, 2000))
    near(sim.paired(768, 0.015, 0.015, 1000))


def test_a_rate_that_does_not_hold_seldom_passes() -> None:
    assert sim.passes(sim.m_m_1(0.5), 0.012, 10_000, 100).share <= 0.05
    assert sim.passes(sim.m_m_1(0.5), 0.004, 10_000, 100).share >= 0.9


def test_early_stopping_holds_for_independent_values_and_not_in_a_queue() -> None:
    assert sim.early_stopping(sim.ar_1(0.0), 2000, 0.9, 1000).share >= 0.975
    assert sim.early_stopping(sim.m_m_1(0.8), 20_000, 0.99, 200).share < 0.9


@pytest.mark.full
def test_the_page_holds_what_the_simulation_gives(capsys: pytest.CaptureFixture[str]) -> None:
    """Shares may differ by four standard errors where another numpy draws other numbers."""
    sim.main(1000)
    found, kept = _shares(capsys.readouterr().out), _shares(PAGE.read_text())
    assert found.keys() == kept.keys()
    for line, share in found.items():
        assert share == pytest.approx(kept[line], abs=7.0), line


def _shares(text: str) -> dict[tuple[str, str], float]:
    title, shares = "", {}
    for line in text.splitlines():
        if line.startswith("#"):
            title = line
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1].isdigit():
            shares[title, cells[0]] = -1.0 if cells[3] == "none" else float(cells[3].rstrip("%"))
    return shares
