"""What `bench` says where: pipes that close, terminals, colours, languages, and JSON that stands alone on stdout."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .things import BENCH, HURRIED, TIMEOUT_S, Command, complaint, run, surroundings

FLAGS = ("--backend", "fake", "--scenario", "offline")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]")


def kept_run(bench: Command, model: Path) -> None:
    assert bench("run", "--model", model, *FLAGS, "--format", "json").code == 0


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["run", "--help"], ["list", "--format", "json"], ["show"]])
def test_a_reader_that_goes_away(bench: Command, model: Path, tmp_path: Path, arguments: list[str]) -> None:
    if arguments == ["show"]:
        kept_run(bench, model)
    with subprocess.Popen(
        [str(BENCH), *arguments],
        cwd=tmp_path,
        env=surroundings(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        (">&-", 0, ""),
        ("> /dev/full", 11, "Error: No space left on device. What was kept before is whole.\n"),
        ("< /dev/null > /dev/null", 0, ""),
    ],
)
def test_odd_stdouts(tmp_path: Path, redirection: str, code: int, said: str) -> None:
    shell = ["sh", "-c", f'"$0" list {redirection}', str(BENCH)]
    done = subprocess.run(
        shell, cwd=tmp_path, env=surroundings(tmp_path), stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full"])
def test_odd_stderrs(tmp_path: Path, redirection: str) -> None:
    shell = ["sh", "-c", f'"$0" run --bogus {redirection}', str(BENCH)]
    assert subprocess.run(shell, cwd=tmp_path, env=surroundings(tmp_path), check=False).returncode == 2


def test_no_escapes_where_there_is_no_terminal(bench: Command, model: Path) -> None:
    outcome = bench("run", "--model", model, *FLAGS)
    assert outcome.code == 0
    assert "\x1b" not in outcome.out + outcome.err
    assert "\x1b" not in bench("show").out


def on_a_terminal(folder: Path, model: Path, **more: str) -> str:
    """All that a run shows on a terminal of 120 columns."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", str(HURRIED), "run", "--model", str(model), *FLAGS]
    environment = surroundings(folder, TERM="xterm-256color", **more)
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 1 << 16)
            except OSError:  # how Linux says that the other end is closed
                break
        assert process.wait(TIMEOUT_S) == 0
    os.close(ours)
    return shown.decode()


def test_progress_on_a_terminal(model: Path, tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, model, DURATION_S="2")
    assert "1 measurement, about" in shown
    assert re.search(r"\[1/1\] user_model\.offline\.fp32: \S+ · \d+ s · about \d+ s left", shown)
    assert COLOUR.search(shown)
    assert "Records: " in shown


def test_no_colours_when_asked_for_none(model: Path, tmp_path: Path) -> None:
    assert not COLOUR.search(on_a_terminal(tmp_path, model, NO_COLOR="1"))


@pytest.mark.parametrize("by_environment", [False, True])
def test_chinese(bench: Command, model: Path, monkeypatch: pytest.MonkeyPatch, by_environment: bool) -> None:
    kept_run(bench, model)
    if by_environment:
        monkeypatch.setenv("BENCH_LANG", "zh")
    outcome = bench("show", *([] if by_environment else ["--lang", "zh"]))
    assert outcome.code == 0
    assert "离线" in outcome.out
    assert "Findings in words" not in outcome.out


def test_a_chinese_run_fails_in_chinese(bench: Command, model: Path) -> None:
    flags = [
        "--model",
        model,
        *FLAGS,
        "--setting",
        "answers=zeros",
        "--budget-s",
        "0.001",
        "--scenario",
        "single_stream",
    ]
    outcome = bench("run", *flags, "--format", "json", "--lang", "zh")
    assert outcome.code == 11
    assert re.search(r"[\u4e00-\u9fff]", complaint(outcome))


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "run"], ["list", "backend"], ["list", "--devices"], ["show"], ["doctor"]],
    ids=" ".join,
)
def test_json_stands_alone(bench: Command, model: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setattr("bench.host.doctor._WATCH_S", 0.05)
    monkeypatch.setattr("bench.host.doctor._WAITS", 5)
    if arguments[0] in ("show", "list"):
        kept_run(bench, model)
    outcome = bench(*arguments, "--format", "json")
    assert outcome.code == 0
    json.loads(outcome.out)
    assert outcome.err == ""


def test_the_json_of_a_run_holds_what_is_kept(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", "--model", model, *FLAGS, "--scenario", "single_stream", "--format", "json")
    whole = json.loads(outcome.out)
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    assert whole["run"] == json.loads((folder / "run.json").read_text())
    names = ["user_model.offline.fp32", "user_model.single_stream.fp32"]
    assert whole["records"] == [json.loads((folder / name / "record.json").read_text()) for name in names]


@pytest.mark.parametrize(("flag", "phases"), [("-v", True), (None, False)])
def test_verbose_names_the_phases(bench: Command, model: Path, flag: str | None, phases: bool) -> None:
    outcome = bench("run", "--model", model, *FLAGS, "--format", "json", *([flag] if flag else []))
    assert ("repetition 1: warm-up" in outcome.err) is phases


def test_a_log_file(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", "--model", model, *FLAGS, "--format", "json", "--log-file", "log.txt")
    assert outcome.code == 0
    assert "repetition 1: measure" in (tmp_path / "log.txt").read_text()
    assert "repetition 1" not in outcome.err
    refused = bench("list", "--log-file", "missing/log.txt")
    assert refused.code == 2
    assert "`--log-file missing/log.txt` cannot be written" in complaint(refused)


def test_one_console_for_all_columns(tmp_path: Path) -> None:
    """Nothing is wrapped where there is no terminal: a long path stays one line for whoever greps."""
    long = tmp_path / ("x" * 150)
    outcome = run(tmp_path, "run", "--model", long / "model.onnx", COLUMNS="40")
    assert str(long) in complaint(outcome)
