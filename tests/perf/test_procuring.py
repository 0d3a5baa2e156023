"""A policy over the records of ten thousand systems: all of `bench procure`, from run folders to the printed list."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pytest_benchmark.fixture import BenchmarkFixture

from bench.cli.procure_command import command

from ..procurement.made import candidate, drawn, folder_of, policy, toml_of

SYSTEMS = 10_000


@pytest.mark.perf
def test_ten_thousand_records(benchmark: BenchmarkFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # making them is not what is measured
    rng, rules = np.random.default_rng(5), tmp_path / "policy.toml"
    rules.write_text(toml_of(policy()), encoding="utf-8")
    folders = []
    for number in range(SYSTEMS):
        made = candidate(number, drawn(number, float(np.exp(0.3 * rng.normal()))))
        folders.append(str(folder_of(replace(made, trials={name: [] for name in made.trials}), tmp_path / "runs")))

    def listed() -> str:
        arguments = [str(rules), *folders, "--as-of", "2026-11-25"]
        outcome = CliRunner().invoke(command, arguments, standalone_mode=False)
        assert outcome.return_value == 0, outcome.output
        return outcome.output

    assert f"{SYSTEMS - 200} more rows" in benchmark.pedantic(listed, rounds=2)
