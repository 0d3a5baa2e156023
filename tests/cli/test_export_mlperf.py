"""Mode `mlperf`, and `bench export mlperf`: both tests of LoadGen, the tree of a submission, what is wanting in it.

Where `MLPERF_CHECKER` names MLCommons' `tools/submission`, its checker (v6.1) reads the tree, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench.cli.export_mlperf import BENCHMARKS
from bench.interchange.benchmarks import BENCHMARKS as ASKED
from bench.records.effort import EFFORTS

from .conftest import HASTE
from .test_loadgen import needs_loadgen
from .things import NAME, Command, complaint, document, only_run

FLAGS = ("run", "--driver", "loadgen", "--mode", "mlperf", "--backend", "fake", "--setting", "delay_us=300")
WHO = ("--submitter", "Acme", "--system", "box")
OTHERS = ("single_stream", "multi_stream", "server")
CHECKER = os.environ.get("MLPERF_CHECKER")
# Round v6.1's, which are a part of the package.
SEEDS = {
    "effective_qsl_rng_seed": 2085463073848966840,
    "effective_sample_index_rng_seed": 2747215439041700203,
    "effective_schedule_rng_seed": 16159082839903944936,
}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EFFORTS, "mlperf", msgspec.structs.replace(HASTE, duration_s=0.3, loadgen_s=0.2))


def values(log: Path) -> dict[str, object]:
    """A detail log, read with nothing of ours."""
    lines = [line.removeprefix(":::MLLOG ") for line in log.read_text().splitlines()]
    entries = []
    for line in lines:
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return {entry["key"]: entry["value"] for entry in entries}


@needs_loadgen
@pytest.mark.parametrize(
    "scenario",
    ["offline", *(pytest.param(one, marks=pytest.mark.full) for one in ("single_stream", "multi_stream", "server"))],
)
def test_both_tests_are_made_and_handed_on(
    bench: Command, model: Path, pictures: Path, hasty: None, tmp_path: Path, scenario: str
) -> None:
    load = ("--rate", "200", "--latency-bound-ms", "500") if scenario == "server" else ()
    outcome = bench(*FLAGS, "--scenario", scenario, *load, "--model", model, "--data", pictures)
    assert outcome.code in (0, 11), outcome
    run = only_run(tmp_path / "results")
    trial = run / NAME.format(scenario) / "trial-00"
    outcome = bench("export", "mlperf", run.name, tmp_path / "tree", *WHO)
    assert outcome.code == 11, "it was too short"
    assert {"[too-short]", "[other-set]"} <= set(outcome.err.split())
    (place,) = (tmp_path / "tree/open/Acme/results/box/user_model").iterdir()
    assert place.name.lower() == scenario.replace("_", "")
    performance = values(place / "performance/run_1/mlperf_log_detail.txt")
    assert SEEDS.items() <= performance.items()
    assert performance["effective_performance_sample_count"] == 1024
    assert performance["effective_min_duration_ms"] == 200
    accuracy = values(place / "accuracy/mlperf_log_detail.txt")
    assert (accuracy["effective_test_mode"], accuracy["qsl_reported_total_count"]) == (
        "AccuracyOnly",
        pictures_in(pictures),
    )
    check_accuracy(trial, place, run)


def check_accuracy(trial: Path, place: Path, run: Path) -> None:
    """What LoadGen logged, counted by hand, is what the text says and what the harness's own evaluation found."""
    content = (trial / "accuracy/mlperf_log_accuracy.json").read_bytes()
    answered = {entry["qsl_idx"] for entry in json.loads(content)}
    line, digest = (place / "accuracy/accuracy.txt").read_text().splitlines()
    assert digest == f"hash={hashlib.sha256(content).hexdigest()}"
    assert line.endswith(f"total={len(answered)}")
    quality = document(run / trial.parent.name / "record.json")["quality"]
    assert isinstance(quality, dict)
    assert float(line.split("%")[0].removeprefix("accuracy=")) == pytest.approx(100 * quality["value"], abs=1e-3)


def pictures_in(folder: Path) -> int:
    return sum(file.is_file() for file in folder.rglob("*.png"))


@needs_loadgen
@pytest.mark.full
def test_what_was_exported_comes_back_by_import(
    bench: Command, model: Path, pictures: Path, hasty: None, tmp_path: Path
) -> None:
    bench(*FLAGS, "--scenario", "offline", "--model", model, "--data", pictures)
    run = only_run(tmp_path / "results")
    bench("export", "mlperf", run.name, tmp_path / "tree", *WHO)
    again = bench("export", "mlperf", run.name, tmp_path / "tree", *WHO)
    assert "is there already" in complaint(again)
    system = tmp_path / "tree/open/Acme/systems/box.json"
    plain = {**document(system), "host_processors_per_node": "1", "host_processor_core_count": "2"}
    system.write_text(json.dumps(plain))  # for what nobody could read on this machine
    outcome = bench("import", "mlperf", tmp_path / "tree", "-o", tmp_path / "imported")
    assert outcome.code == 0, outcome
    (file,) = (tmp_path / "imported").glob("runs/*/*/record.json")
    said = document(run / NAME.format("offline") / "trial-00/trial.json")["report"]["loadgen"]  # type: ignore[index]
    assert document(file)["loadgen"]["figures"] == said["figures"]  # type: ignore[index]


@pytest.mark.full
@needs_loadgen
def test_without_samples_there_is_no_accuracy_test_and_no_submission(
    bench: Command, model: Path, hasty: None, tmp_path: Path
) -> None:
    assert bench(*FLAGS, "--scenario", "offline", "--model", model).code in (0, 11)
    outcome = bench("export", "mlperf", "latest", tmp_path / "tree", *WHO)
    assert "no accuracy/mlperf_log_detail.txt" in complaint(outcome)
    assert not (tmp_path / "tree" / "open").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--mode", "mlperf"), "the plan's driver is 'bench': ask for `loadgen`"),
        (("--mode", "mlperf", "--driver", "loadgen", "--timed-region", "end_to_end"), "timed from host to host"),
    ],
)
def test_plans_that_are_no_test_of_mlperf_are_refused(
    bench: Command, model: Path, pictures: Path, flags: tuple[str, ...], words: str
) -> None:
    assert words in complaint(bench("run", *flags, "--scenario", "offline", "--model", model, "--data", pictures))


def test_other_modes_and_odd_names_are_refused(bench: Command, model: Path, tmp_path: Path) -> None:
    assert bench("run", "--backend", "fake", "--scenario", "offline", "--model", model).code in (0, 11)
    outcome = bench("export", "mlperf", "latest", tmp_path / "tree", *WHO)
    assert "measured in mode 'quick'" in complaint(outcome)
    for name in ("../x", "", ".hidden", "a/b", "é"):
        outcome = bench("export", "mlperf", "latest", tmp_path / "tree", "--submitter", name, "--system", "box")
        assert "becomes a folder" in complaint(outcome)


def test_help_names_the_benchmarks_that_there_are() -> None:
    assert tuple(ASKED) == BENCHMARKS


@needs_loadgen
@pytest.mark.full
@pytest.mark.skipif(CHECKER is None, reason="MLPERF_CHECKER names no copy of MLCommons' checker")
def test_the_official_checker_finds_what_we_found_and_nothing_else(
    bench: Command, model: Path, pictures: Path, hasty: None, tmp_path: Path
) -> None:
    bench(*FLAGS, "--scenario", "single_stream", "--scenario", "offline", "--model", model, "--data", pictures)
    bench("export", "mlperf", "latest", tmp_path / "tree", *WHO)
    # Long enough by its own words, it has nothing to say but for the set.
    for log in (tmp_path / "tree").rglob("performance/run_1/mlperf_log_detail.txt"):
        key = '"effective_min_duration_ms", "value": '
        log.write_text(log.read_text().replace(f"{key}200", f"{key}600000"))
    assert checked(tmp_path) == {"accurcy run does not cover all dataset"}
    assert checked(tmp_path, "--skip-dataset-size-check") == set()


def checked(folder: Path, *flags: str) -> set[str]:
    """What the checker calls an error, without what only sums up."""
    command = [sys.executable, "-m", "submission_checker.main", "--input", str(folder / "tree"), "--version", "v6.1"]
    command += ["--csv", str(folder / "summary.csv"), *flags]
    found = subprocess.run(command, cwd=CHECKER, capture_output=True, text=True, check=False)
    errors = [line.split("ERROR] ")[1] for line in found.stderr.splitlines() if "ERROR] " in line]
    known = "accurcy run does not cover all dataset"
    own = [known if known in line else line for line in errors]
    return {line for line in own if not line.startswith(("Some ", "NoResults ", "SUMMARY"))}
