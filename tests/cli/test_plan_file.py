"""Plan files: what `--dry-run --format json` prints is one and asks for the same work; anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.records.plan import RunPlan
from bench.records.untrusted import parse_json

from .things import Command, complaint, document, only_run


def dry_run(bench: Command, *arguments: object) -> str:
    outcome = bench("run", "--dry-run", "--format", "json", *arguments)
    assert outcome.code == 0, outcome
    return outcome.out


def test_a_printed_plan_reproduces_itself(bench: Command, model: Path, pictures: Path, tmp_path: Path) -> None:
    flags = ["--model", model, "--data", pictures, "--scenario", "multi_stream", "--scenario", "offline"]
    flags += ["--backend", "fake", "--device", "card:0", "--precision", "bf16", "--batch", "4", "--workers", "2"]
    flags += ["--threads", "1", "--seed", str(2**63 - 1), "--budget-s", "0.1", "--setting", "delay_us=0.5"]
    printed = dry_run(bench, *flags, "--setting", "answers=zeros", "--mode", "standard")
    (tmp_path / "plan.json").write_text(printed)
    assert dry_run(bench, "--plan", "plan.json") == printed
    plan = parse_json(printed.encode(), RunPlan, "printed")
    assert plan.seed == 2**63 - 1
    assert plan.settings == {"delay_us": 0.5, "answers": "zeros"}
    assert plan.budget_s == 0.1
    assert (plan.batch, plan.workers, plan.threads, plan.device) == (4, 2, 1, "card:0")


def test_the_default_plan_is_a_plan_file(bench: Command, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"model": None}))
    assert parse_json((tmp_path / "plan.json").read_bytes(), RunPlan, "plan.json") == RunPlan()


def test_two_runs_of_one_plan_ask_for_the_same_work(bench: Command, model: Path, tmp_path: Path) -> None:
    flags = ["--model", model, "--backend", "fake", "--scenario", "offline", "--seed", "11"]
    (tmp_path / "plan.json").write_text(dry_run(bench, *flags))
    assert bench("run", *flags, "--output", "one", "--format", "json").code == 0
    assert bench("run", "--plan", "plan.json", "--output", "two", "--format", "json").code == 0
    first, second = (document(only_run(tmp_path / name) / "run.json") for name in ("one", "two"))
    assert first["plan"] == second["plan"]
    assert first["measurements"] == second["measurements"]
    trials = [
        document(only_run(tmp_path / name) / "user_model.offline.fp32" / "trial-00" / "trial.json")
        for name in ("one", "two")
    ]
    assert trials[0]["seed"] == trials[1]["seed"]
    reports = [trial["report"] for trial in trials]
    assert all(isinstance(report, dict) for report in reports)
    assert len({report["load_sha256"] for report in reports if isinstance(report, dict)}) == 1


def test_relative_paths_of_a_plan_are_kept_whole(bench: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(model.read_bytes())
    (tmp_path / "plan.json").write_text('{"model": "mine.onnx"}')
    printed = parse_json(dry_run(bench, "--plan", "plan.json").encode(), RunPlan, "printed")
    assert printed.model == str(tmp_path / "mine.onnx")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not usable as JSON"),
        ("", "not usable as JSON"),
        ("[1]", "Expected `object`, got `array`"),
        ('{"wrkloads": ["speech_command"]}', "unknown field `wrkloads`"),
        ('{"workers": "two"}', "Expected `int | null`, got `str` - at `$.workers`"),
        ('{"scenarios": ["offlin"]}', "at `$.scenarios[0]`"),
        ('{"settings": {"a": null}}', "at `$.settings[...]`"),
        ('{"budget_s": NaN}', "NaN"),
        ('{"budget_s": 1e999}', "1e999"),
        ('{"settings": {"a": -Infinity}}', "Infinity"),
        ('{"seed": 1, "seed": 2}', "'seed' stands twice"),
        ('{"seed": -1}', "`seed` is -1"),
        ('{"schema": 2}', "at `$.schema`"),
        ('{"scenarios": []}', "at least one"),
        ('{"workers": 0}', "`workers` is 0; it must lie between 1 and 1024"),
        ('{"workers": 40000}', "between 1 and 1024"),
        ('{"workloads": ["image_classify"], "model": "m.onnx"}', "`model` brings the only workload"),
        ('{"workloads": ["speech_comand"]}', "Did you mean 'speech_command'?"),
        ('{"settings": {"a": "\\ud800"}}', "UTF-8"),
        ("[" * 100_000, "nested deeper"),
    ],
)
def test_bad_plan_files(bench: Command, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    outcome = bench("run", "--plan", "plan.json")
    assert outcome.code == 2
    assert outcome.out == ""
    assert said in complaint(outcome)
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_plan_files_that_cannot_be_read(bench: Command, name: str) -> None:
    outcome = bench("run", "--plan", name)
    assert outcome.code == 2
    assert "cannot be read" in complaint(outcome)


@pytest.mark.parametrize("flag", ["--plan", "--resume"])
@pytest.mark.parametrize(
    ("others", "named"),
    [
        (["--seed", "3"], "`--seed`"),
        (["--workload", "speech_command", "--mode", "quick"], "`--workload`, `--mode`"),
        (["--setting", "a=1"], "`--setting`"),
        (["--model", "m.onnx"], "`--model`"),
    ],
)
def test_flags_that_describe_the_work_do_not_go_beside_a_whole_plan(
    bench: Command, tmp_path: Path, flag: str, others: list[str], named: str
) -> None:
    (tmp_path / "plan.json").write_text("{}")
    outcome = bench("run", flag, "plan.json", *others)
    assert outcome.code == 2
    assert f"`{flag}` brings the whole plan; it does not go with {named}." in complaint(outcome)


@pytest.mark.parametrize("others", [["--plan", "plan.json"], ["--dry-run"]])
def test_resume_takes_no_plan_and_is_never_dry(bench: Command, tmp_path: Path, others: list[str]) -> None:
    (tmp_path / "plan.json").write_text("{}")
    outcome = bench("run", "--resume", "latest", *others)
    assert outcome.code == 2
    assert f"does not go with `{others[0]}`" in complaint(outcome)


def test_a_dry_run_writes_nothing(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", "--model", model, "--dry-run")
    assert outcome.code == 0
    assert "Nothing was run." in outcome.out
    assert list(tmp_path.iterdir()) == []
