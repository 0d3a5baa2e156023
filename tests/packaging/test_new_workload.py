"""A workload of one's own: written by the installed program, installed beside it, checked and measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from .building import run

NAME = "surface_defects"


@pytest.fixture(scope="module")
def bench(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The installed program, and an environment in which a new workload is installed beside it."""
    folder = tmp_path_factory.mktemp("workload")
    run(installed / "bench", "workload", "new", NAME, "-o", "source", folder=folder)
    pip = (sys.executable, "-m", "pip", "--python", installed / "python", "install", "--quiet")
    apart = ("--no-deps", "--no-index", "--no-build-isolation", "--target", folder / "site")
    run(*pip, *apart, folder / "source", folder=folder)
    env = {"PYTHONPATH": str(folder / "site"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder)}
    return installed / "bench", env


def test_it_is_sound_as_it_was_written(bench: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    program, env = bench
    assert NAME in run(program, "list", "workload", folder=tmp_path, env=env).stdout.split()
    assert "none failed" in run(program, "workload", "check", NAME, folder=tmp_path, env=env).stdout


@pytest.mark.parametrize("backend", ["onnxruntime", pytest.param("torch", marks=pytest.mark.full)])
def test_it_is_measured_and_judged_by_its_own_reference(
    bench: tuple[Path, dict[str, str]], tmp_path: Path, backend: str
) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    program, env = bench
    flags = ("--workload", NAME, "--scenario", "offline", "--backend", backend, "--format", "json")
    told = run(program, "run", *flags, folder=tmp_path, env=env).stdout
    (record,) = json.loads(told)["records"]
    assert record["metrics"]["samples_per_s"]["value"] > 0
    assert record["quality"]["passed"]
    assert record["quality"]["error"]["max"] < 1e-5
