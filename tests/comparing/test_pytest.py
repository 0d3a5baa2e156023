"""The pytest plug-in in a pytest of its own, and the export as pytest-benchmark's own program reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.main import main
from tests.cli.things import surroundings

from .runs import kept_run

TESTS = """
from bench.records.effort import EFFORTS, Effort
EFFORTS["quick"] = Effort(repetitions=(1,), duration_s=0.1, longest_s=5.0, window_s=0.005, window_batches=1,
                          half_width=None)
from bench.scoring import busy
busy.TOLERANCE = 0.5
FAKE = dict(workloads=("speech_command",), scenarios=("offline",), backend="fake")

def test_measures(benchmark_inference):
    record = benchmark_inference(**FAKE, settings={"delay_us": 1000})
    assert 0 < record.metrics["samples_per_s"].value < 40_000
    assert record.quality.passed is not False

def test_is_too_slow(benchmark_inference):
    assert benchmark_inference(**FAKE).metrics["samples_per_s"].value > 1e12

def test_is_invalid(benchmark_inference):
    benchmark_inference(**FAKE, settings={"fault": "nan"})

def test_is_no_plan(benchmark_inference):
    benchmark_inference(workload="speech_command")
"""


def own_pytest(folder: Path, tests: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without entry points: the plug-in is named, whatever the environment's metadata know of it."""
    (folder / "test_own.py").write_text(tests)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "bench.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "-rsf",
        *arguments,
    ]
    around = surroundings(folder, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=around, timeout=300)


def test_off_unless_asked(tmp_path: Path) -> None:
    found = own_pytest(tmp_path, "def test_measures(benchmark_inference):\n    assert False\n")
    assert (found.returncode, "1 skipped" in found.stdout) == (0, True), found.stdout
    assert "--benchmark-inference" in found.stdout


@pytest.mark.full
def test_measures_and_fails_what_is_slow_void_or_no_plan(tmp_path: Path) -> None:
    found = own_pytest(
        tmp_path, TESTS, *("--benchmark-inference", "--benchmark-inference-results", str(tmp_path / "kept"))
    )
    assert (found.returncode, "1 passed" in found.stdout, "3 failed" in found.stdout) == (1, True, True), found.stdout
    assert "the record is invalid" in found.stdout
    assert "unexpected keyword argument 'workload'" in found.stdout.lower()
    assert len(list((tmp_path / "kept" / "runs").iterdir())) == 3


def test_pytest_benchmark_reads_the_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet_signals: None
) -> None:
    values = {"offline": [100.0, 101.0, 99.0], "single_stream": [2e6, 2.1e6, 2.2e6]}
    kept_run(tmp_path, values)
    file = tmp_path / "out" / "run.json"
    file.parent.mkdir()
    assert main(["export", "pytest-benchmark", "latest", str(file), "-o", str(tmp_path)]) == 0
    table = tmp_path / "table.csv"
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(file), "--csv", str(table)]
    read = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert read.returncode == 0, read.stderr
    header, *lines = [line.split(",") for line in table.read_text().splitlines()]
    rows = {line[header.index("name")].split("/")[-1]: dict(zip(header, line, strict=True)) for line in lines}
    latency = next(row for name, row in rows.items() if "single_stream" in name)
    assert [float(latency[key]) for key in ("min", "median", "max")] == pytest.approx([0.002, 0.0021, 0.0022])
    rate = next(row for name, row in rows.items() if "offline" in name)
    assert float(rate["min"]) == pytest.approx(1 / 101)
    assert float(rate["rounds"]) == 3


def test_export_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet_signals: None) -> None:
    run = kept_run(tmp_path, {"offline": [0.0]})
    assert main(["export", "pytest-benchmark", str(run), str(tmp_path / "x.json")]) == 2
    assert not (tmp_path / "x.json").exists()
    assert "Nothing in" in capsys.readouterr().err
    assert main(["export", "pytest-benchmark", str(run / "image_classify.offline.fp32"), str(tmp_path / "x.json")]) == 2


def test_export_is_json_without_paths(tmp_path: Path, quiet_signals: None) -> None:
    kept_run(tmp_path, {"offline": [100.0]})
    assert main(["export", "pytest-benchmark", "latest", str(tmp_path / "x.json"), "-o", str(tmp_path)]) == 0
    whole = json.loads((tmp_path / "x.json").read_text())
    assert str(tmp_path) not in json.dumps(whole)
    assert whole["benchmarks"][0]["stats"]["stddev"] == 0.0
