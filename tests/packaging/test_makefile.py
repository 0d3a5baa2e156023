"""`make` on a clean checkout: set up once, nothing installed twice, a clear word when there is no usable Python."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from .building import SHORT_RUN, copy_checkout, run

# The tests may themselves be run by make, which hands its flags and variables down.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "ARGS")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a checkout"  # people do have spaces in their paths
    copy_checkout(folder)
    return folder


def test_help_names_every_command(source: Path) -> None:
    shown = run("make", folder=source, env=ENVIRONMENT).stdout
    targets = re.search(r"^\.PHONY: help (.*)$", (source / "Makefile").read_text(), re.MULTILINE)
    assert targets is not None
    assert [name for name in targets[1].split() if f"make {name}" not in shown] == []


@pytest.mark.parametrize("python", ["/nowhere/python3.11", "/bin/false"])
def test_says_which_python_it_needs(python: str, source: Path) -> None:
    command = ["make", "run", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=source, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"`{python}` is missing, older than 3.11 or lacks venv" in done.stderr
    assert "make run PYTHON=/path/to/python3.11" in done.stderr
    assert not (source / ".venv").exists()


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_second_run_installs_nothing(checkout: Path, tmp_path: Path) -> None:
    odd = tmp_path / "pip.conf"
    odd.write_text("[global]\nuser = true\nrequire-virtualenv = true\n[install]\nuser = true\n")
    env = {**ENVIRONMENT, "PIP_TARGET": str(tmp_path / "target"), "PIP_CONFIG_FILE": str(odd), "PIP_DRY_RUN": "1"}

    first = run("make", "run", f"ARGS={' '.join(SHORT_RUN[1:])}", folder=checkout, env=env)
    assert "Installing . into .venv" in first.stdout
    assert not (tmp_path / "target").exists()
    installed = run(".venv/bin/python", "-m", "pip", "list", "--format=freeze", folder=checkout).stdout
    assert "torch==" not in installed

    again = run("make", "run", "ARGS=--dry-run", folder=checkout, env=ENVIRONMENT)
    assert "Installing" not in again.stdout
    assert run(".venv/bin/python", "-m", "pip", "list", "--format=freeze", folder=checkout).stdout == installed


def test_changed_requirements_are_installed_again(checkout: Path) -> None:
    stamp = checkout / ".venv" / "installed"
    stamp.parent.mkdir()
    stamp.touch()
    newer = stamp.stat().st_mtime + 10
    assert up_to_date(checkout)
    for name in ("pyproject.toml", "constraints.txt"):
        os.utime(checkout / name, (newer, newer))
        assert not up_to_date(checkout)
        os.utime(checkout / name, (0, 0))
    assert up_to_date(checkout)


def up_to_date(checkout: Path) -> bool:
    command = ["make", "--question", ".venv/installed"]
    asked = subprocess.run(command, cwd=checkout, env=ENVIRONMENT, capture_output=True, check=False)
    return asked.returncode == 0
