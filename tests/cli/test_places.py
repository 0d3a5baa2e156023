"""`bench` works from any folder, and writes under the results and the cache directory and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from .things import NAME, contents, only_run, run

FLAGS = ("--backend", "fake", "--scenario", "offline")


def test_writes_nowhere_else(model: Path, pictures: Path, tmp_path: Path) -> None:
    """Every command, with a home, a temporary folder and a current folder that are looked into afterwards."""
    folders = [tmp_path / name for name in ("here", "home", "scratch")]
    for folder in folders:
        folder.mkdir()
    here, home, scratch = folders
    everything = contents(model.parent), contents(pictures.parent)
    results = tmp_path / "results"
    more = {"TMPDIR": str(scratch), "BENCH_RESULTS": str(results), "HOME": str(home)}
    more["BENCH_CACHE"] = str(tmp_path / "cache")
    assert run(here, "run", "--model", model, "--data", pictures, *FLAGS, **more).code == 0
    for command in ("show", "report", "list", "list --devices", "doctor", "cache info", "prune --keep 9"):
        assert run(here, *command.split(), hurried=False, **more).code == 0, command
    assert [contents(folder) for folder in folders] == [{}, {}, {}]
    assert (contents(model.parent), contents(pictures.parent)) == everything
    kept = {entry.name for entry in tmp_path.iterdir()}
    assert kept <= {"here", "home", "scratch", "results", "cache"}
    assert {entry.name for entry in results.iterdir()} == {"runs", "journal.jsonl"}


def test_results_lie_here_unless_told_otherwise(model: Path, tmp_path: Path) -> None:
    for places, expected in (({}, "results"), ({"BENCH_RESULTS": "by environment"}, "by environment")):
        assert run(tmp_path, "run", "--model", model, *FLAGS, "--format", "json", **places).code == 0
        assert (only_run(tmp_path / expected) / "run.json").exists()
    flags = ["--model", model, *FLAGS, "--format", "json", "--output", "by flag"]
    assert run(tmp_path, "run", *flags, BENCH_RESULTS="by environment").code == 0
    assert (only_run(tmp_path / "by flag") / "run.json").exists()


@pytest.mark.parametrize("name", ["bench", "-o 'quotes\" %s[bold]{x}", "目录"])
def test_runs_from_a_folder_of_any_name(model: Path, tmp_path: Path, name: str) -> None:
    here = tmp_path / name
    here.mkdir()
    (here / "mine.onnx").write_bytes(model.read_bytes())
    outcome = run(here, "run", "--model", "mine.onnx", *FLAGS, "--format", "json")
    assert outcome.code == 0, outcome
    assert (only_run(here / "results") / NAME.format("offline") / "trial-00" / "timeline.parquet").exists()


def test_what_lies_in_the_current_folder_is_not_imported(model: Path, tmp_path: Path) -> None:
    for name in ("numpy", "msgspec", "onnxruntime", "onnx", "psutil", "random", "logging"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')\n")
    for name in ("bench", "backends", "models"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('imported from the current folder')\n")
    outcome = run(tmp_path, "run", "--model", model, *FLAGS, "--format", "json")
    assert outcome.code == 0, outcome
    devices = run(tmp_path, "list", "--devices", hurried=False)
    assert devices.code == 0
    assert "no devices" not in devices.out


def test_runs_where_nothing_can_be_written(model: Path, tmp_path: Path) -> None:
    """/proc takes no files from anybody: a current folder that is as unwritable as can be."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    flags = ["--model", model, *FLAGS, "--format", "json", "--output", tmp_path / "results"]
    more = {"HOME": str(tmp_path), "BENCH_CACHE": str(tmp_path / "cache")}
    assert run(Path("/proc"), "run", *flags, **more).code == 0


def test_a_plan_is_carried_on_from_another_folder(model: Path, tmp_path: Path) -> None:
    """Paths given relative to one folder are found from another."""
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    (here / "mine.onnx").write_bytes(model.read_bytes())
    flags = ["--model", "mine.onnx", *FLAGS, "--scenario", "single_stream", "--budget-s", "0.001", "--format", "json"]
    assert run(here, "run", *flags).code == 11
    outcome = run(there, "run", "--resume", only_run(here / "results"), "--format", "json")
    assert outcome.code == 0, outcome
