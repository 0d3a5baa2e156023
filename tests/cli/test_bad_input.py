"""Wrong words on the command line: one line that says what was meant, exit code 2, and nothing written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .things import BENCH, TIMEOUT_S, Command, complaint, run, surroundings


def refused(bench: Command, folder: Path, *arguments: object) -> str:
    outcome = bench(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert list(folder.iterdir()) == []
    return complaint(outcome)


@pytest.mark.parametrize(
    ("arguments", "wrong", "meant"),
    [
        (["rnu"], "command 'rnu'", "'run'"),
        (["run", "--workload", "speech_comand"], "workload 'speech_comand'", "'speech_command'"),
        (["run", "--scenario", "singel_stream"], "scenario 'singel_stream'", "'single_stream'"),
        (["run", "--backend", "onnxruntim"], "backend 'onnxruntim'", "'onnxruntime'"),
        (["run", "--precision", "fp23"], "precision 'fp23'", "'fp32'"),
        (["run", "--mode", "quik"], "mode 'quik'", "'quick'"),
        (["run", "--format", "jsn"], "format 'jsn'", "'json'"),
        (["list", "workloads"], "kind of list 'workloads'", "'workload'"),
        (["run", "--worker", "2"], "--worker", "--workers"),
        (["cache", "inof"], "'inof'", ""),
    ],
)
def test_names_what_was_probably_meant(
    bench: Command, tmp_path: Path, arguments: list[str], wrong: str, meant: str
) -> None:
    said = refused(bench, tmp_path, *arguments)
    assert wrong in said
    assert meant in said


@pytest.mark.parametrize(
    ("arguments", "known"),
    [
        (["run", "--workload", "xyzzy"], "speech_command"),
        (["run", "--profile", "xyzzy"], "Known:"),
        (["run", "--lang", "xx"], "en, zh"),
    ],
)
def test_lists_what_there_is_when_nothing_is_close(
    bench: Command, tmp_path: Path, arguments: list[str], known: str
) -> None:
    assert known in refused(bench, tmp_path, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backend", "fake", "--device", "crad"], "no device 'crad'. Did you mean 'card:1'?"),
        (["--device", "cpu:7"], "no device 'cpu:7'. Did you mean 'cpu:0'?"),
        (["--setting", "spining=true"], "no setting 'spining'. Did you mean 'spinning'?"),
        (["--setting", "spinning=perhaps"], "Known: true, false"),
        (["--backend", "fake", "--setting", "delay=5"], "no setting 'delay'. Did you mean 'delay_us'?"),
        (["--backend", "fake", "--setting", "fault=segfalt"], "Did you mean 'segfault'?"),
        (["--backend", "fake", "--setting", "delay_us=soon"], "Expected `float`, got `str` - at `$.delay_us`"),
        (["--precision", "fp16"], "runs fp32"),
    ],
)
def test_what_only_the_engine_knows_leaves_no_run_behind(
    bench: Command, model: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    outcome = bench("run", "--model", model, "--scenario", "offline", *arguments)
    assert outcome.code == 2
    assert said in complaint(outcome)
    assert list((tmp_path / "results" / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "-1"], "--seed"),
        (["--seed", str(2**63)], "--seed"),
        (["--seed", "1.5"], "--seed"),
        (["--budget-s", "0"], "--budget-s"),
        (["--budget-s", "nan"], "budget_s"),
        (["--budget-s", "inf"], "budget_s"),
        (["--batch", "0"], "--batch"),
        (["--workers", "1025"], "--workers"),
        (["--threads", "many"], "--threads"),
        (["--setting", "spinning"], "KEY=VALUE"),
        (["--setting", "=1"], "KEY=VALUE"),
        (["--setting", "a=1", "--setting", "a=2"], "given twice"),
        (["--setting", "a=\udcff"], "UTF-8"),
        (["--workload", "speech_command"], "Use one of them"),
        (["--scenario", "offline", "--scenario", "offline"], "once"),
        (["extra"], "extra"),
        (["--bogus"], "--bogus"),
        (["--resume"], "--resume"),
    ],
)
def test_flags_out_of_bounds(bench: Command, model: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    assert said in refused(bench, tmp_path, "run", "--model", model, "--dry-run", *arguments)


@pytest.mark.parametrize("seed", ["0", str(2**63 - 1)])
def test_the_whole_range_of_seeds(bench: Command, model: Path, seed: str) -> None:
    assert bench("run", "--model", model, "--dry-run", "--seed", seed).code == 0


def test_data_without_a_model(bench: Command, tmp_path: Path) -> None:
    assert "`data` goes with `model`" in refused(bench, tmp_path, "run", "--data", "pictures")


def test_a_batch_that_does_not_divide_the_query(bench: Command, model: Path, tmp_path: Path) -> None:
    said = refused(bench, tmp_path, "run", "--model", model, "--scenario", "multi_stream", "--batch", "3")
    assert "`--batch 3` does not divide the 8 samples" in said


@pytest.mark.parametrize("words", [["nan"], ["inf"], ["1e999"]])
def test_settings_that_look_like_numbers_json_has_none_for_stay_words(
    bench: Command, model: Path, words: list[str]
) -> None:
    outcome = bench("run", "--model", model, "--dry-run", "--format", "json", "--setting", f"word={words[0]}")
    assert outcome.code == 0
    assert f'"word": "{words[0]}"' in outcome.out


def test_bare_bench_shows_its_help(tmp_path: Path) -> None:
    outcome = run(tmp_path, hurried=False)
    assert outcome.code == 2
    assert "Commands:" in outcome.out + outcome.err
    assert "Error" not in outcome.err


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$0" run --dry-run'
    shell = ["sh", "-c", script, str(BENCH)]
    done = subprocess.run(
        shell, cwd=gone, env=surroundings(tmp_path), capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 2
    assert done.stderr == "Error: the current folder is gone; change to one that exists.\n"


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("place", ["/proc/results", "{file}/results", "/dev/null"])
def test_an_unwritable_output_is_found_before_the_run_starts(
    bench: Command, model: Path, tmp_path: Path, place: str, form: str
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    outcome = bench("run", "--model", model, "--output", place.format(file=file), "--format", form)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "cannot be written to" in complaint(outcome)
    assert "…" not in outcome.err, "something was started"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "mine"
