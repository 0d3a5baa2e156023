"""`bench workload`: what a person reads, in both languages, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .things import Command, complaint


@pytest.fixture
def mine(bench: Command, tmp_path: Path) -> Path:
    assert bench("workload", "new", "mine_of_cli").code == 0
    return tmp_path / "bench-workload-mine-of-cli"


def test_new_says_what_comes_next(bench: Command, tmp_path: Path) -> None:
    outcome = bench("workload", "new", "surface_defects", "-o", "here")
    assert outcome.code == 0
    assert outcome.out.splitlines()[1:] == [
        "  pip install -e here",
        "  bench workload check surface_defects",
        "  bench run --workload surface_defects",
    ]
    assert (tmp_path / "here" / "bench_workload_surface_defects" / "workload.toml").is_file()


def test_check_says_what_is_right_and_what_is_wrong(bench: Command, mine: Path) -> None:
    sound = bench("workload", "check", mine)
    assert sound.code == 0, sound
    assert {line[:4] for line in sound.out.splitlines()[:-1]} == {"ok  ", "    "}
    assert "is sound: 13 checks" in sound.out

    file = mine / "bench_workload_mine_of_cli" / "workload.toml"
    file.write_text(file.read_text().replace("parameters = 1024", "parameters = 7"))
    wrong = bench("workload", "check", mine, "--lang", "zh")
    assert wrong.code == 11
    assert "BAD   校验和、参数量与运算量" in wrong.out
    assert "✗ `model.parameters` 为 7；由网络图计算为 1024" in wrong.out

    mended = bench("workload", "refresh", mine)
    assert mended.code == 0, mended
    assert "parameters = 1024 (written)" in mended.out
    assert "in double precision" in mended.out
    told = bench("workload", "check", mine, "--format", "json")
    assert told.code == 0
    assert {verdict["state"] for verdict in json.loads(told.out)} == {"passed"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new", "My-Workload"], "Did you mean 'my_workload'?"),
        (["new", "speech_command"], "already"),
        (["new"], "NAME"),
        (["check", "speech_comand"], "Did you mean 'speech_command'?"),
        (["check", "./nowhere"], "no folder of that name"),
        (["refresh", "."], "found none"),
        (["chekc"], "chekc"),
    ],
)
def test_wrong_words(bench: Command, tmp_path: Path, arguments: list[str], words: str) -> None:
    outcome = bench("workload", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in complaint(outcome)
    assert list(tmp_path.iterdir()) == []
