"""The margins of a runner, from an arm that was measured against itself."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from bench.cli.baseline_command import command as baseline_command
from bench.cli.main import main
from bench.comparing.floor import floor_margins, read_floor
from bench.comparing.margins import read_margins
from bench.records.comparison import Judged
from bench.records.pairs import Pairs
from bench.scoring.differences import (
    deciding_repetitions,
    judged,
    least_margin,
    log_scatter_of,
    probability,
    welch,
)
from bench.store.files import write_record

from .scripted import measured, noise


def kept(found: Pairs, folder: Path) -> Path:
    write_record(folder / "pairs.json", found)
    return folder / "pairs.json"


def with_itself(deviation: float, seed: int = 0) -> Pairs:
    """Twenty pairs of an arm against itself, however clear it is before."""
    found, _ = measured(noise(100.0, deviation, seed), noise(100.0, deviation, seed + 1))
    facts = msgspec.structs.replace(found.first, spec="")
    return msgspec.structs.replace(found, first=facts, second=facts)


@pytest.mark.parametrize("deviation", [0.0001, 0.03, 0.1])
def test_margins_of_a_runner_are_those_at_which_an_arm_is_itself(tmp_path: Path, deviation: float) -> None:
    pairs = with_itself(deviation)
    (margin,) = floor_margins(read_floor(kept(pairs, tmp_path))).values()
    values = [turn.values["samples_per_s"] for turn in pairs.turns]
    scatter = log_scatter_of(values)
    if deviation < 0.001:
        assert margin == 0.02, "the margin that was asked for is wide enough"
        return
    # A margin on either side: 90 % for each are 80 % for both.
    needed = deciding_repetitions(scatter, scatter, -math.log1p(-margin) * (1 + 1e-9), 0.05 / 3, power=0.9)
    assert float(needed) == 20.0


def test_what_those_margins_promise() -> None:
    """Of many A/As by a runner's margins four in five are `same` at the last look, and hardly any is worse."""
    rng = np.random.default_rng(8)
    values = np.exp(rng.normal(0.0, 0.04, (2000, 2, 20)))
    bound = float(least_margin(log_scatter_of(np.exp(rng.normal(0.0, 0.04, 100_000))), 20, 0.05 / 3))
    found = Counter(
        str(judged(*probability(welch(log_scatter_of(one), log_scatter_of(other)), bound), 0.05 / 3))
        for one, other in values
    )
    assert found["same"] / 2000 == pytest.approx(0.8, abs=0.03)
    assert found["worse"] + found["better"] <= 2


def test_a_margins_file_of_a_runner_is_read_back(tmp_path: Path) -> None:
    pairs = with_itself(0.05)
    file = kept(pairs, tmp_path)
    out = CliRunner().invoke(baseline_command, ["margins", str(file), "-o", str(tmp_path / "m.toml")])
    assert out.exit_code == 0, out.output
    ((name, margin),) = floor_margins(pairs).items()
    margins = read_margins(tmp_path / "m.toml")
    assert name == "image_classify.offline.samples_per_s"
    assert margin <= margins.of("image_classify", "offline")["samples_per_s"] <= margin + 1e-4
    printed = CliRunner().invoke(baseline_command, ["margins", str(file)])
    assert printed.output == (tmp_path / "m.toml").read_text()


def test_what_is_no_floor(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = with_itself(0.01)
    fewer = tuple(turn for turn in good.turns if turn.pair < 4)
    few = tuple(msgspec.structs.replace(entry, repetitions=(3, 3)) for entry in good.comparison.judged)
    other = tuple(msgspec.structs.replace(entry, verdict="worse") for entry in good.comparison.judged)
    cases = (
        (msgspec.structs.replace(good, second=msgspec.structs.replace(good.second, spec="threads=1")), 2, "threads=1"),
        (msgspec.structs.replace(good, end="repetition-failed"), 2, "a repetition failed"),
        (replaced(good, few, turns=fewer), 2, "has 3 pairs"),
        (replaced(good, other), 11, "found worse than itself"),
    )
    for pairs, code, word in cases:
        assert main(["baseline", "margins", str(kept(pairs, tmp_path))]) == code
        assert word in capfd.readouterr().err
    (tmp_path / "broken.json").write_text("{")
    assert main(["baseline", "margins", str(tmp_path / "broken.json")]) == 2
    assert main(["baseline", "margins", str(tmp_path / "none.json")]) == 2


def replaced(pairs: Pairs, entries: tuple[Judged, ...], **more: object) -> Pairs:
    comparison = msgspec.structs.replace(pairs.comparison, judged=entries)
    return msgspec.structs.replace(pairs, comparison=comparison, **more)
