"""`bench --help` and `bench list` answer at once; the unit is the start of a bare interpreter, measured beside them."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 7


def seconds(command: list[str]) -> float:
    begun = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - begun


@pytest.mark.perf
@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_answers_within_ten_interpreter_starts(benchmark: BenchmarkFixture, arguments: list[str]) -> None:
    console = str(Path(sys.executable).with_name("bench"))
    ratios: list[float] = []

    def pair() -> None:
        ratios.append(seconds([console, *arguments]) / seconds([sys.executable, "-c", "pass"]))

    benchmark.pedantic(pair, rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info["times_the_bare_interpreter"] = statistics.median(ratios)
    assert statistics.median(ratios) < 10
