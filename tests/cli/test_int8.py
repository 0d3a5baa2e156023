"""`bench run --precision int8`: the suite's own file, executed in int8 and told so, or one line on why not."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from bench.models.suite import SuiteWorkload, load_workload
from bench.records.effort import EFFORTS
from bench.store.runs import RunFolder

from .things import Command, codes, complaint, only_run

SPEECH = ("run", "--workload", "speech_command", "--scenario", "offline", "--precision", "int8")
NAME = "speech_command.offline.int8"


def test_onnxruntime_runs_the_suites_file_in_the_closed_division(bench: Command, tmp_path: Path) -> None:
    outcome = bench(*SPEECH)
    (record,) = RunFolder(only_run(tmp_path / "results")).load_records()
    assert record.measurement.name == NAME
    assert record.division == "closed"
    assert record.model_hash == load_workload("speech_command").spec.hash_of("int8")
    assert record.facts is not None
    assert record.facts.precision_executed == "int8"
    assert record.facts.int8_share is not None
    assert record.facts.int8_share > 0.8
    assert record.quality is not None
    assert record.quality.passed is True
    assert record.quality.error is not None
    assert record.quality.error.max > 1e-3, "fp32 would be closer"
    assert "precision-mismatch" not in {entry.code for entry in record.findings}
    assert "int8" in outcome.out
    shown = bench("show", f"latest/{NAME}").out
    assert "Products in int8" in shown
    assert "fp32: 2, int8: 16" in shown


def test_float_where_int8_was_asked_for_voids_the_number(bench: Command, tmp_path: Path) -> None:
    """Without fusion onnxruntime computes a QDQ file in float, between rounding and rounding."""
    assert bench(*SPEECH, "--setting", "graph_optimization=disable").code == 11
    folder = only_run(tmp_path / "results")
    assert "precision-mismatch" in codes(folder / NAME / "record.json")
    (record,) = RunFolder(folder).load_records()
    assert record.facts is not None
    assert (record.facts.precision_executed, record.facts.int8_share) == ("fp32", 0.0)
    assert record.valid is False


def test_who_has_no_int8_says_so(bench: Command, tmp_path: Path) -> None:
    outcome = bench(*SPEECH, "--backend", "torch")
    assert outcome.code == 2
    assert "int8 was asked for." in complaint(outcome)


@pytest.mark.full
def test_certified_puts_a_challenge_in_int8(bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EFFORTS, "certified", EFFORTS["quick"])
    outcome = bench(*SPEECH, "--mode", "certified")
    (record,) = RunFolder(only_run(tmp_path / "results")).load_records()
    assert record.challenge is not None, outcome
    assert (record.challenge.refused, record.challenge.mismatched) == (None, 0)
    assert record.challenge.largest_error is not None
    assert record.challenge.tolerance is not None
    assert record.challenge.largest_error < record.challenge.tolerance / 4
    assert record.facts is not None
    assert record.facts.precision_executed == "int8"


def test_a_users_file_that_is_not_quantised(bench: Command, model: Path) -> None:
    outcome = bench("run", "--model", model, "--precision", "int8")
    assert outcome.code == 2
    assert "tiny.onnx: no convolution or matrix product of it computes in int8; " in complaint(outcome)


def test_a_workload_without_the_file(bench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, int8=None)
    outcome = bench(*SPEECH)
    assert outcome.code == 2
    said = complaint(outcome)
    assert "speech_command has no int8 file" in said
    assert "`python -m bench.models.quantise speech_command` makes one" in said


def test_a_file_that_has_gone(bench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    int8 = load_workload("speech_command").spec.int8
    assert int8 is not None
    _without(monkeypatch, int8=msgspec.structs.replace(int8, graph="gone.onnx"))
    outcome = bench(*SPEECH)
    assert outcome.code == 2
    assert "gone.onnx is missing; " in complaint(outcome)


def _without(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Have the workload's specification changed for this process, which plans."""
    plain = SuiteWorkload.__init__

    def changed(self: SuiteWorkload, package: ModuleType, lends: bool = False) -> None:
        plain(self, package, lends)
        self.spec = msgspec.structs.replace(self.spec, **changes)

    monkeypatch.setattr(SuiteWorkload, "__init__", changed)
