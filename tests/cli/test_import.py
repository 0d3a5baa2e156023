"""`bench import mlperf`: what is printed and kept, what is refused, and that nothing of it is ever taken for ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ..interchange.trees import detail, result, summary, write
from .test_loadgen import needs_loadgen
from .things import NAME, Command, complaint, document, only_run


def test_a_round_is_kept_shown_and_asked_for(bench: Command, tmp_path: Path) -> None:
    result(tmp_path / "round", "SingleStream")
    result(tmp_path / "round", "Offline")
    outcome = bench("import", "mlperf", tmp_path / "round", "--round", "v6.1")
    assert outcome.code == 0, outcome
    assert "open/Acme/box" in outcome.out
    assert "88.7 k/s" in outcome.out
    run = only_run(tmp_path / "results")
    for lang, words in (("en", "imported from MLPerf"), ("zh", "自 MLPerf 导入")):
        assert words in bench("show", run / "mlperf-resnet50.offline.int8", "--lang", lang).out
    assert bench("show", run).code == 0
    assert bench("report", run.name).code == 0
    assert run.name not in bench("query", "best", "--format", "csv").out
    told = bench("query", "--sql", "SELECT DISTINCT origin, timed_region FROM figures", "--format", "csv").out
    assert told.split() == ["origin,timed_region", "mlperf-import,mlperf"]


def test_it_is_neither_handed_in_nor_compared(bench: Command, tmp_path: Path) -> None:
    result(tmp_path / "round")
    assert bench("import", "mlperf", tmp_path / "round").code == 0
    run = only_run(tmp_path / "results")
    outcome = bench("pack", run.name, "-o", tmp_path / "run.tar")
    assert outcome.code == 11
    assert "no repetition at all" in outcome.out + outcome.err
    assert not (tmp_path / "run.tar").exists()


def test_broken_results_are_named_and_the_others_kept(bench: Command, tmp_path: Path) -> None:
    result(tmp_path / "round", "Server")
    place = result(tmp_path / "round", "Offline")
    write(place / "performance/run_1/mlperf_log_summary.txt", summary("Offline", "INVALID"))
    outcome = bench("import", "mlperf", tmp_path / "round")
    assert outcome.code == 11
    assert "Left out: Acme/box/resnet50/Offline: results/box/resnet50/Offline/" in outcome.err
    assert [folder.name for folder in only_run(tmp_path / "results").iterdir() if folder.is_dir()] == [
        "mlperf-resnet50.server.int8"
    ]


def test_a_folder_without_results_is_refused(bench: Command, tmp_path: Path) -> None:
    (tmp_path / "round").mkdir()
    assert "no MLPerf result in it" in complaint(bench("import", "mlperf", tmp_path / "round"))
    assert bench("import", "mlperf", tmp_path / "nowhere").code == 2


def test_texts_that_would_move_a_terminal_are_shown_without(bench: Command, tmp_path: Path) -> None:
    place = result(tmp_path / "round")
    write(place / "accuracy/accuracy.txt", "accuracy=\x1b[2J76%\n")
    write(place / "performance/run_1/mlperf_log_detail.txt", detail("Offline", loadgen_version="\x1b]0;title\x07"))
    assert bench("import", "mlperf", tmp_path / "round").code == 0
    outcome = bench("show", only_run(tmp_path / "results") / "mlperf-resnet50.offline.int8")
    assert outcome.code == 0
    assert "\x1b" not in outcome.out


@needs_loadgen
@pytest.mark.parametrize("scenario", ["single_stream", "offline"])
def test_logs_of_a_test_that_ran_here_come_back(bench: Command, model: Path, tmp_path: Path, scenario: str) -> None:
    """LoadGen's own logs in a tree of ours, and its figures as they were read when it ran."""
    slow = ("--backend", "fake", "--setting", "answers=zeros", "--setting", "delay_us=1000")
    assert bench("run", "--driver", "loadgen", *slow, "--scenario", scenario, "--model", model).code == 0
    trial = only_run(tmp_path / "results") / NAME.format(scenario) / "trial-00"
    said = document(trial / "trial.json")["report"]["loadgen"]  # type: ignore[index]
    place = result(tmp_path / "round", {"single_stream": "SingleStream", "offline": "Offline"}[scenario])
    shutil.rmtree(place / "performance/run_1")
    shutil.copytree(trial / "loadgen", place / "performance/run_1")
    outcome = bench("import", "mlperf", tmp_path / "round", "-o", tmp_path / "imported")
    assert outcome.code == 0, outcome
    (file,) = (tmp_path / "imported").glob("runs/*/*/record.json")
    record = document(file)
    for field in ("verdict", "reason", "published", "figures", "version"):
        assert record["loadgen"][field] == said[field]  # type: ignore[index]
    errors = [entry["code"] for entry in record["findings"] if entry["severity"] == "error"]  # type: ignore[attr-defined, index]
    assert errors == (["loadgen-invalid"] if said["verdict"] == "INVALID" else [])
