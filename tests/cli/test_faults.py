"""An engine that fails in every scripted way: exit code 11, one line that names the cause, nothing kept is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..vendors import install
from .things import NAME, Command, codes, complaint, contents, document, only_run, run

FLAGS = ("--backend", "fake", "--scenario", "single_stream", "--format", "json")
# At 2 ms a row or more, 64 first answers and 65 rows and nine windows of one to three of warm-up; then 200 are timed.
TIMED = ("--setting", "delay_us=2000", "--setting")


def record_of(folder: Path) -> Path:
    return only_run(folder / "results") / NAME.format("single_stream") / "record.json"


@pytest.mark.parametrize(
    ("fault", "cause", "code"),
    [
        ("raise", "fails, as scripted", "repetition-failed"),
        ("raise-all", "fails, as scripted", "repetition-failed"),
        ("memory", "Out of memory: MemoryError: fake: out of memory", "out-of-memory"),
        ("lost", "The device was lost: fake: the device is lost", "device-lost"),
        ("no-compile", "refuses to compile", "repetition-failed"),
        ("segfault", "ended by SIGSEGV", "repetition-failed"),
        ("abort", "ended by SIGABRT", "repetition-failed"),
        ("exit", "ended with code 3", "repetition-failed"),
    ],
)
def test_an_engine_that_dies_or_refuses(
    bench: Command, model: Path, pictures: Path, tmp_path: Path, fault: str, cause: str, code: str
) -> None:
    outcome = bench("run", *FLAGS, "--model", model, "--data", pictures, "--setting", f"fault={fault}")
    assert outcome.code == 11
    assert cause in complaint(outcome)
    assert code in codes(record_of(tmp_path))


@pytest.mark.parametrize(
    ("fault", "row", "code", "cause"),
    [
        ("nan", 214, "non-finite-output", "NaN"),
        ("unwritten", 214, "non-finite-output", "NaN"),
        ("raise", 214, "queries-failed", "1 "),
        ("memory", 214, "queries-failed", "1 "),
        ("memory", 214, "out-of-memory", "for want of memory, such as: MemoryError: fake"),
        ("lost", 214, "device-lost", "the device is lost"),
        ("raise-all", 214, "repetition-failed", "fails, as scripted"),
        ("segfault", 214, "repetition-failed", "SIGSEGV"),
        ("exit", 214, "repetition-failed", "code 3"),
        ("drift", 334, "output-mismatch", "computed before or again"),
        # For good and already in the warm-up: a second run gives the same wrong answers.
        ("drift", 70, "output-mismatch", "computed before or again"),
    ],
)
def test_a_fault_in_the_timed_part(
    bench: Command, model: Path, tmp_path: Path, fault: str, row: int, code: str, cause: str
) -> None:
    flags = [*FLAGS, *TIMED, f"fault_after={row}", "--setting", f"fault={fault}"]
    outcome = bench("run", *flags, "--model", model)
    assert outcome.code == 11
    assert cause in complaint(outcome)
    assert code in codes(record_of(tmp_path))


@pytest.mark.parametrize("fault", ["hang", "slow-compile"])
def test_an_engine_that_hangs_is_stopped(
    bench: Command, model: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("BENCH_PATIENCE_S", "2")
    outcome = bench("run", *FLAGS, "--model", model, "--setting", f"fault={fault}")
    assert outcome.code == 11
    assert "the engine hangs: no sign of life in phase" in complaint(outcome)


def test_the_next_measurement_goes_on_after_a_crash(bench: Command, model: Path, tmp_path: Path) -> None:
    """Both crash: what matters is that the second was tried, and that each has its record."""
    flags = ["--backend", "fake", "--scenario", "single_stream", "--scenario", "offline", "--format", "json"]
    outcome = bench("run", *flags, "--model", model, "--setting", "fault=segfault")
    assert outcome.code == 11
    assert outcome.err.count("ended by SIGSEGV") == 2
    for scenario in ("single_stream", "offline"):
        record = only_run(tmp_path / "results") / NAME.format(scenario) / "record.json"
        assert "repetition-failed" in codes(record)


def test_earlier_runs_are_untouched_by_a_crash(bench: Command, model: Path, tmp_path: Path) -> None:
    assert bench("run", *FLAGS, "--model", model).code == 0
    before = contents(tmp_path / "results")
    for fault in ("segfault", "raise-all", "exit"):
        assert bench("run", *FLAGS, "--model", model, "--setting", f"fault={fault}").code == 11
    after = contents(tmp_path / "results")
    assert {name: after[name] for name in before} == before


def test_a_crash_in_a_later_repetition_keeps_the_earlier_ones(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that crashes in its second process: the first repetition stays, the record says what failed."""
    install(tmp_path / "site", CRASHES_ONCE_A_MARK_IS_THERE, monkeypatch)
    flags = ["--model", model, "--scenario", "offline", "--backend", "acme", "--format", "json"]
    outcome = run(tmp_path, "run", *flags, REPETITIONS="3", MARK=str(tmp_path / "mark"))
    assert outcome.code == 11
    assert "SIGSEGV" in complaint(outcome)
    folder = only_run(tmp_path / "results") / NAME.format("offline")
    first, second = (document(folder / f"trial-0{index}" / "trial.json") for index in (0, 1))
    assert (first["status"], second["status"]) == ("complete", "failed")
    assert (folder / "trial-00" / "timeline.parquet").exists()
    assert not (folder / "trial-02").exists(), "no repetition mends a measurement that is void"
    assert document(folder / "record.json")["trials"] == ["trial-00", "trial-01"]


def test_the_log_of_a_crash_is_where_the_line_says(bench: Command, model: Path) -> None:
    outcome = bench("run", *FLAGS, "--model", model, "--setting", "fault=segfault")
    log = Path(complaint(outcome).rpartition(" ")[2])
    assert "ctypes" in log.read_text()


CRASHES_ONCE_A_MARK_IS_THERE = """
import ctypes, pathlib

class Shaky(Backend):
    def compile(self, model, device, options):
        mark = pathlib.Path(os.environ["MARK"])
        if mark.exists():
            ctypes.string_at(0)
        mark.touch()
        return super().compile(model, device, options)

BACKEND = Shaky()
"""
