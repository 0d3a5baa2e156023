"""Shell completion as docs/shell-completion.md describes it, asked of the installed command."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .building import run

BENCH = Path(sys.executable).with_name("bench")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_a_script_for_the_shell(shell: str, tmp_path: Path) -> None:
    script = run(BENCH, folder=tmp_path, env={**os.environ, "_BENCH_COMPLETE": f"{shell}_source"}).stdout
    assert f"_BENCH_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize(
    ("typed", "offered"), [("bench ru", "run"), ("bench run --sce", "--scenario"), ("bench run --mode qu", "quick")]
)
def test_completes_commands_flags_and_choices(typed: str, offered: str, tmp_path: Path) -> None:
    env = {**os.environ, "_BENCH_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    assert f"plain,{offered}" in run(BENCH, folder=tmp_path, env=env).stdout.split()
