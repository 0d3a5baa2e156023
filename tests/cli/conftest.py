"""Fixtures for all tests of the command line: the tiny classifier, its pictures, and `bench` in-process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.records.effort import EFFORTS, Effort

from .things import Command, Outcome, picture_folder, surroundings, tiny_model

HASTE = Effort(repetitions=(1,), duration_s=0.1, longest_s=5.0, window_s=0.005, window_batches=1, half_width=None)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture
def quiet_signals() -> Iterator[None]:
    """`main` takes over signals, as the program's owner; a test gives them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], quiet_signals: None
) -> Command:
    """`bench` in-process, in an empty folder, in a hurry."""
    from bench.cli.main import main

    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(EFFORTS, "quick", HASTE)
    monkeypatch.setattr("bench.scoring.busy.TOLERANCE", 0.5)  # see `hurried.py`

    def command(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return command
